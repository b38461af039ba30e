/**
 * Who may ask: whoever knows the token. It comes from the environment, from a file that only its owner may read, or is made at the first start. Compared by
 * SHA-256 in constant time, so that neither its length nor a right beginning can be told from how long a refusal takes.
 */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fail } from "@tributary/errors";
import { replaceFileNow } from "../home/durable.ts";
import { reasonOf } from "../reason.ts";

/** Whether an `authorization` header carries the token. */
export type TokenCheck = (authorization: string | undefined) => boolean;

const wellFormed = /^[\x21-\x7e]{16,256}$/;

/** @throws TRB_SERVE_TOKEN_UNUSABLE */
export function tokenCheck(token: string): TokenCheck {
  if (!wellFormed.test(token)) throw unusable("it is not 16 to 256 printable characters without blanks");
  const expected = digest(`Bearer ${token}`);
  return (authorization) => timingSafeEqual(digest(authorization ?? ""), expected);
}

const digest = (text: string) => createHash("sha256").update(text, "utf8").digest();

/**
 * The token of a file, which is made where there is none.
 * @throws TRB_SERVE_TOKEN_UNUSABLE where others may read the file; TRB_NODE_HOME_UNWRITABLE
 */
export function tokenOfFile(path: string): string {
  if (!existsSync(path)) replaceFileNow(path, `${randomBytes(32).toString("base64url")}\n`);
  try {
    const open = process.platform !== "win32" && (statSync(path).mode & 0o077) !== 0;
    if (open) throw unusable("its file may be read by others");
    return readFileSync(path, "utf8").trim();
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "TRB_SERVE_TOKEN_UNUSABLE") throw cause;
    throw fail("TRB_SERVE_TOKEN_UNUSABLE", { reason: reasonOf(cause) }, cause);
  }
}

const unusable = (reason: string) => fail("TRB_SERVE_TOKEN_UNUSABLE", { reason });
