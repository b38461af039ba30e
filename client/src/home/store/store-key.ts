/**
 * The store's master key, 32 bytes, and where it comes from. The first that is there counts:
 *
 *   TRIBUTARY_STORE_KEY_FILE                     a file of 64 hexadecimal digits that nobody but its owner may read
 *   TRIBUTARY_STORE_KEY                          the digits themselves
 *   $CREDENTIALS_DIRECTORY/tributary-store-key   what systemd hands over (`LoadCredentialEncrypted=`, made by `systemd-creds encrypt`)
 *   keys/store                                   of the home, mode 600; made with the store
 *
 * It is never in the database, and not in the store that it opens.
 */
import { randomFillSync } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { secretBytes } from "@tributary/protocol";
import { reasonOf } from "../../reason.ts";
import { replaceFileNow } from "../durable.ts";
import type { Layout } from "../layout.ts";

/** Where the key comes from; `own` alone is a file that the node itself writes. */
export type KeySource =
  | { readonly kind: "file" | "credential" | "own"; readonly path: string }
  | { readonly kind: "environment"; readonly digits: string };

const keyLength = 32;
const credentialName = "tributary-store-key";

export function keySource(layout: Layout, environment: Readonly<Record<string, string | undefined>> = process.env): KeySource {
  const file = environment["TRIBUTARY_STORE_KEY_FILE"];
  if (file !== undefined && file !== "") return { kind: "file", path: file };
  const digits = environment["TRIBUTARY_STORE_KEY"];
  if (digits !== undefined && digits !== "") return { kind: "environment", digits };
  const folder = environment["CREDENTIALS_DIRECTORY"];
  const credential = folder === undefined ? undefined : join(folder, credentialName);
  if (credential !== undefined && existsSync(credential)) return { kind: "credential", path: credential };
  return { kind: "own", path: layout.storeKey };
}

/** @throws TRB_NODE_STORE_KEY_MISSING, TRB_NODE_STORE_KEY_EXPOSED, TRB_NODE_STORE_KEY_INVALID */
export function readStoreKey(source: KeySource): Uint8Array {
  if (source.kind === "environment") return keyOf(Buffer.from(source.digits, "utf8"), "TRIBUTARY_STORE_KEY");
  const { path } = source;
  let digits: Buffer;
  try {
    const { mode } = statSync(path);
    // systemd guards its folder itself, and shows a mask of access lists where groups stand elsewhere
    const guarded = source.kind === "credential" || process.platform === "win32";
    if (!guarded && (mode & 0o077) !== 0)
      throw fail("TRB_NODE_STORE_KEY_EXPOSED", { file: path, mode: (mode & 0o777).toString(8) });
    digits = readFileSync(path); // as text there would be a copy that nobody can overwrite
  } catch (cause) {
    const reason = reasonOf(cause);
    if (reason.startsWith("TRB_")) throw cause;
    throw fail("TRB_NODE_STORE_KEY_MISSING", { source: path, reason }, cause);
  }
  return keyOf(digits, path);
}

/** The home's own key is made where there is no store yet. @throws what `readStoreKey` does, TRB_NODE_HOME_UNWRITABLE */
export function makeStoreKey(source: KeySource): Uint8Array {
  if (source.kind === "own" && !existsSync(source.path)) {
    const key = newStoreKey();
    writeKey(source.path, key);
    key.fill(0);
  }
  return readStoreKey(source);
}

export const newStoreKey = (): Uint8Array => randomFillSync(secretBytes(keyLength));

/** What takes a file's place once keys have been exchanged (`rotation.ts`). */
export const nextOf = (path: string): string => `${path}.next`;

/** Files beside the store that are sealed with keys of its master key, each with what its key is derived for. */
export const besideTheStore = (layout: Layout): readonly { readonly path: string; readonly purpose: string }[] => [
  { path: layout.itemNames, purpose: "item names" },
  { path: layout.personal, purpose: "personal model" },
];

export function writeKey(path: string, key: Uint8Array): void {
  const digits = secretBytes(2 * keyLength + 1).fill(0x0a);
  for (let i = 0; i < 2 * keyLength; i++) {
    const value = ((key[i >> 1] ?? 0) >> (i % 2 === 0 ? 4 : 0)) & 15;
    digits[i] = value < 10 ? 0x30 + value : 0x61 + value - 10;
  }
  replaceFileNow(path, digits);
  digits.fill(0);
}

/** @param text 64 hexadecimal digits in ASCII, with white space around them; overwritten */
function keyOf(text: Uint8Array, source: string): Uint8Array {
  const [begin, last] = [text.findIndex(isNoSpace), text.findLastIndex(isNoSpace)];
  const digits = text.subarray(Math.max(begin, 0), last + 1);
  const key = secretBytes(keyLength);
  let whole = digits.length === 2 * keyLength;
  for (const [i, digit] of digits.subarray(0, 2 * keyLength).entries()) {
    const value = digitValue(digit);
    if (value === undefined) whole = false;
    else key[i >> 1] = (key[i >> 1] ?? 0) * 16 + value;
  }
  text.fill(0);
  if (!whole) {
    key.fill(0);
    throw fail("TRB_NODE_STORE_KEY_INVALID", { source });
  }
  return key;
}

const isNoSpace = (byte: number): boolean => byte !== 0x20 && !(byte >= 0x09 && byte <= 0x0d);

/** Of a hexadecimal digit in ASCII. */
function digitValue(digit: number): number | undefined {
  if (digit >= 0x30 && digit <= 0x39) return digit - 0x30;
  const letter = digit | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x61 + 10 : undefined;
}
