/** Who verifies signatures for the ledger's thread: the browser itself where it has Ed25519, and otherwise several threads in JavaScript. Both accept the same. */
import { portableVerify, type VerifyLater, webVerify } from "@tributary/protocol/web-crypto";
import { type SignatureCrew, type SignatureThread, signatureCrew } from "./signature-crew.ts";
import type { AnsweredSignature } from "./signature-words.ts";

/** More threads than this take memory, and little time from what is left. */
const mostThreads = 8;

const here: VerifyLater = async (...question) => portableVerify(...question);

/** For one verification, at whose end it is closed. */
export async function openSignatures(): Promise<SignatureCrew> {
  // undefined in a page that came by HTTP from another machine, whatever its type says
  const subtle = crypto.subtle as SubtleCrypto | undefined;
  const verify = await webVerify(subtle, here);
  if (verify !== undefined) return { verify, close: () => undefined };
  return signatureCrew(Math.min(navigator.hardwareConcurrency, mostThreads), startThread, here);
}

function startThread(): SignatureThread {
  const worker = new Worker(new URL("./signature-thread.ts", import.meta.url), { type: "module" });
  return {
    ask: (question) => worker.postMessage(question),
    listen(answered, broke) {
      worker.addEventListener("message", ({ data }: MessageEvent<AnsweredSignature>) => answered(data));
      worker.addEventListener("error", broke);
    },
    end: () => worker.terminate(),
  };
}
