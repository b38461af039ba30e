/** A thread that verifies signatures in JavaScript, one after another: where the browser has no Ed25519 of its own. */
import { portableVerify } from "@tributary/protocol/web-crypto";
import type { AnsweredSignature, AskedSignature } from "./signature-words.ts";

addEventListener("message", ({ data: { number, signature, message, key } }: MessageEvent<AskedSignature>) => {
  postMessage({ number, valid: portableVerify(signature, message, key) } satisfies AnsweredSignature);
});
