/** The coordinator's identity: an Ed25519 secret of 32 bytes in `keys/identity`, readable by its owner only. */
import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "@tributary/errors";
import { fingerprintOf, type IdentityKey, identityKey, type Sha256, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { homeLayout, writeDurably } from "./layout.ts";

export interface CoordinatorIdentity {
  readonly key: IdentityKey;
  /** SHA-256 of the key: what invites carry and what people compare. */
  readonly fingerprint: Sha256;
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** Reads the identity of a home, and makes one when there is none. @throws TRB_COORDINATOR_KEY_UNREADABLE */
export function coordinatorIdentity(home: string): CoordinatorIdentity {
  const file = homeLayout(home).identity;
  if (!existsSync(file)) {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    writeDurably(file, randomBytes(32));
  }
  return identityFromFile(file);
}

/** @param file `keys/identity` of a home, or a copy that nobody else can read. @throws TRB_COORDINATOR_KEY_UNREADABLE */
export function identityFromFile(file: string): CoordinatorIdentity {
  const secret = readSecret(file);
  const crypto = nodeCrypto();
  const key = identityKey.parse(toHex(crypto.signingPublicKey(secret)));
  return { key, fingerprint: fingerprintOf(crypto, key), sign: (message) => crypto.sign(message, secret) };
}

function readSecret(file: string): Uint8Array {
  if (!existsSync(file)) throw fail("TRB_COORDINATOR_KEY_UNREADABLE", { file, reason: "it isn't there" });
  const exposed = process.platform !== "win32" && (statSync(file).mode & 0o077) !== 0;
  if (exposed) throw fail("TRB_COORDINATOR_KEY_UNREADABLE", { file, reason: "others can read it" });
  const secret = new Uint8Array(readFileSync(file));
  if (secret.length !== 32) throw fail("TRB_COORDINATOR_KEY_UNREADABLE", { file, reason: `it has ${secret.length} bytes` });
  return secret;
}
