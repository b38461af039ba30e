/** The node's identity: 32 random bytes in a file that only the owner may read. `keyring.ts` is what changes it. */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type Crypto, type IdentityKey, identityKey } from "@tributary/protocol";
import { reasonOf } from "../reason.ts";
import { replaceFileNow } from "./durable.ts";
import type { Layout } from "./layout.ts";

export interface Identity {
  readonly key: IdentityKey;
  /** Ed25519. */
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** The key that this node has had from the beginning: what is called by its key stays so called. */
  readonly first: IdentityKey;
}

/**
 * The node's identity; made at the first call.
 * @throws TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE
 */
export function openIdentity(layout: Layout, crypto: Crypto): Identity {
  const own = keyInFile(layout.identity, crypto);
  return { ...own, first: existsSync(layout.identityFirst) ? publicKeyIn(layout.identityFirst) : own.key };
}

/** The key whose seed is in a file; made at the first call. @throws TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE */
export function keyInFile(path: string, crypto: Crypto): Omit<Identity, "first"> {
  const secret = openSecret(path);
  const key = identityKey.parse(Buffer.from(crypto.signingPublicKey(secret)).toString("hex"));
  return { key, sign: (message) => crypto.sign(message, secret) };
}

function publicKeyIn(path: string): IdentityKey {
  const key = identityKey.safeParse(readHex(path));
  if (!key.success) throw fail("TRB_NODE_HOME_UNREADABLE", { file: path, reason: "it is not a key" });
  return key.data;
}

function openSecret(path: string): Uint8Array {
  if (!existsSync(path)) replaceFileNow(path, `${randomBytes(32).toString("hex")}\n`);
  return Buffer.from(readHex(path), "hex");
}

function readHex(path: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8").trim();
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: path, reason: reasonOf(cause) }, cause);
  }
  if (!/^[0-9a-f]{64}$/.test(text)) throw fail("TRB_NODE_HOME_UNREADABLE", { file: path, reason: "it is not a key" });
  return text;
}
