/**
 * What operators show instead of a password: a session's cookie, or a token. Both are 256 random bits; the store has their SHA-256 only, which is
 * what they are looked up by, so no comparison depends on how much of a guess is right.
 *
 *   session   <43 characters>                    token   trb_<12 hex: its public id>_<43 characters>
 */
import { createHash, randomBytes } from "node:crypto";

const secretForm = "[A-Za-z0-9_-]{43}";
const sessionPattern = new RegExp(`^${secretForm}$`);
const tokenPattern = new RegExp(`^trb_[0-9a-f]{12}_${secretForm}$`);

export const isSession = (text: string): boolean => sessionPattern.test(text);
export const isToken = (text: string): boolean => tokenPattern.test(text);

export const newSession = (): string => randomBytes(32).toString("base64url");

/** The id is shown in lists and stands in the ledger; it says nothing of the rest. */
export function newToken(): { readonly id: string; readonly token: string } {
  const id = `trb_${randomBytes(6).toString("hex")}`;
  return { id, token: `${id}_${randomBytes(32).toString("base64url")}` };
}

export const hashSecret = (secret: string): string => createHash("sha256").update(secret).digest("hex");
