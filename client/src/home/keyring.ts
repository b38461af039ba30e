/**
 * The identity keys that a node has at a time: the one that it has gone by, and, while a change is under way, the one that comes. Both are files, each written whole
 * and synced; the change is over when the second one's file takes the first one's name. Which of them counts in which round the ledger says.
 */
import { existsSync, renameSync } from "node:fs";
import { fail } from "@tributary/errors";
import type { Crypto, IdentityKey } from "@tributary/protocol";
import { replaceFileNow, syncFolder } from "./durable.ts";
import { type Identity, keyInFile, openIdentity } from "./keys.ts";
import type { Layout } from "./layout.ts";

export interface Keyring {
  readonly current: () => Identity;
  /** Undefined: no change is under way. A command may begin one while the node runs. */
  readonly next: () => Identity | undefined;
  readonly holds: (key: IdentityKey) => boolean;
  /** @throws TRB_NODE_IDENTITY_KEY_MISSING */
  readonly signAs: (key: IdentityKey, message: Uint8Array) => Uint8Array;
  /** The next key is in force: the one before it goes. Whatever happens meanwhile, one of the two files has each key that counts. */
  readonly finish: () => void;
}

/** @throws TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE */
export function openKeyring(layout: Layout, crypto: Crypto): Keyring {
  let current = openIdentity(layout, crypto);
  let next: Identity | undefined;
  const coming = (): Identity | undefined => {
    if (next === undefined && existsSync(layout.identityNext)) next = nextIdentity(layout, crypto);
    return next;
  };
  const owned = (key: IdentityKey) => [current, coming()].find((identity) => identity?.key === key);
  return {
    current: () => current,
    next: coming,
    holds: (key) => owned(key) !== undefined,
    signAs(key, message) {
      const identity = owned(key);
      if (identity === undefined) throw fail("TRB_NODE_IDENTITY_KEY_MISSING", { keys: layout.keys });
      return identity.sign(message);
    },
    finish() {
      if (coming() === undefined) return;
      renameSync(layout.identityNext, layout.identity);
      syncFolder(layout.keys);
      current = openIdentity(layout, crypto);
      next = undefined;
    },
  };
}

/**
 * The key that is to come, made at the first call. What is called by this node's first key stays so called, so that is written down before.
 * @throws TRB_NODE_HOME_UNREADABLE, TRB_NODE_HOME_UNWRITABLE
 */
export function nextIdentity(layout: Layout, crypto: Crypto): Identity {
  const { first } = openIdentity(layout, crypto);
  if (!existsSync(layout.identityFirst)) replaceFileNow(layout.identityFirst, `${first}\n`);
  return { ...keyInFile(layout.identityNext, crypto), first };
}
