/**
 * Other keys for the store. A new pseudonym key goes on top of the names that stand there, since ids don't: the door takes the old keys and then the new one. A
 * new master key seals every file again.
 *
 * The home's own key file is exchanged after the manifest. Until then the new key waits beside it: whoever opens the store in between, after
 * a crash too, finds that it fits, and puts it in its place. Files beside the store that are sealed with the same key wait likewise.
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { fail } from "@tributary/errors";
import { replaceFileNow, syncFolder } from "../durable.ts";
import type { Layout } from "../layout.ts";
import { doorOf, newDoorKey, throughDoor } from "./door.ts";
import type { OpenStore } from "./manifest.ts";
import { rewriteStore } from "./rewriting.ts";
import { seal, unseal, withKey } from "./sealing.ts";
import { besideTheStore, keySource, newStoreKey, nextOf, readStoreKey, writeKey } from "./store-key.ts";

export interface RotateOptions {
  readonly pseudonyms: boolean;
  readonly master: boolean;
  /** The new master key, where it does not lie in the home; needed there, and not elsewhere. */
  readonly newKeyFile?: string | undefined;
}

/** @throws TRB_NODE_STORE_NEW_KEY_NEEDED, TRB_NODE_STORE_BUSY, TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_… */
export async function rotateKeys(layout: Layout, { pseudonyms, master, newKeyFile }: RotateOptions): Promise<void> {
  const source = keySource(layout);
  const isOwn = source.kind === "own";
  if (master && !isOwn && newKeyFile === undefined) throw fail("TRB_NODE_STORE_NEW_KEY_NEEDED");
  const given = newKeyFile === undefined ? undefined : readStoreKey({ kind: "file", path: newKeyFile });
  await rewriteStore(layout, () => {
    const added = pseudonyms ? [newDoorKey()] : [];
    const renamed = doorOf(added);
    const newMaster = master ? (given ?? newStoreKey()) : undefined;
    return {
      change: (histories) => throughDoor(histories, renamed),
      contents: ({ manifest: { door, erased } }) => ({ door: [...door, ...added], erased: erased.map(renamed).sort() }),
      newMaster,
      before: (now) => {
        if (newMaster === undefined) return;
        resealBeside(layout, now, newMaster);
        if (isOwn) writeKey(nextOf(layout.storeKey), newMaster);
      },
      after: () => {
        if (newMaster === undefined) return;
        for (const path of [...(isOwn ? [layout.storeKey] : []), ...besideTheStore(layout).map((file) => file.path)])
          takeNext(path);
      },
      overwrite: true,
    };
  });
}

/** Both halves of a file that is sealed as its first eight bytes say. */
const magicLength = 8;

function resealBeside(layout: Layout, { master, manifest }: OpenStore, newMaster: Uint8Array): void {
  for (const { path, purpose } of besideTheStore(layout)) {
    rmSync(nextOf(path), { force: true });
    if (!existsSync(path)) continue;
    const file = readFileSync(path);
    const magic = file.subarray(0, magicLength);
    const plain = withKey(master, manifest.store, purpose, (key) => unseal(file.subarray(magicLength), key, magic));
    if (plain === undefined) continue; // whoever reads it says so
    const sealed = withKey(newMaster, manifest.store, purpose, (key) => seal(plain, key, magic));
    mkdirSync(dirname(path), { recursive: true });
    replaceFileNow(nextOf(path), Buffer.concat([magic, sealed]));
  }
}

function takeNext(path: string): void {
  if (!existsSync(nextOf(path))) return;
  renameSync(nextOf(path), path);
  syncFolder(dirname(path));
}
