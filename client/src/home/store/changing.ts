/** How a store is made and changed: every change is a new manifest, and what it no longer names is removed afterwards. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Layout, makeFolders } from "../layout.ts";
import { firstDoorKeys } from "./door.ts";
import { holdingManifest } from "./locks.ts";
import { type Contents, newFileId, type OpenStore, readManifest, replaceManifest } from "./manifest.ts";
import { readStaging } from "./staging.ts";
import { keySource, makeStoreKey } from "./store-key.ts";

/** Makes an empty one where there is none, and the home's own key where it has none. */
export function openOrMakeStore(layout: Layout): OpenStore {
  return readManifest(layout) ?? changeManifest(layout, () => ({}));
}

/**
 * Replaces the manifest by what `change` makes of it, as it is at that moment.
 * @param newMaster seals it, and everything that it names then, from now on
 * @throws TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_BUSY, and what `readManifest` does
 */
export function changeManifest(
  layout: Layout,
  change: (now: OpenStore) => Partial<Contents>,
  newMaster?: Uint8Array,
): OpenStore {
  return holdingManifest(layout, () => swapManifest(layout, change, newMaster));
}

/** The same for whoever holds the lock. */
export function swapManifest(layout: Layout, change: (now: OpenStore) => Partial<Contents>, newMaster?: Uint8Array): OpenStore {
  const now = readManifest(layout) ?? emptyStore(layout);
  const manifest = { ...now.manifest, ...change(now), generation: now.manifest.generation + 1 };
  const master = newMaster ?? now.master;
  replaceManifest(layout, master, manifest);
  return { master, manifest };
}

const nothing = { segments: [], journals: [], erased: [] };

function emptyStore(layout: Layout): OpenStore {
  makeFolders(layout);
  const master = makeStoreKey(keySource(layout));
  const contents: Contents = { version: 1, edition: 0, door: [...firstDoorKeys(master)], ...nothing };
  return { master, manifest: { store: newFileId(), generation: 0, ...contents } };
}

/**
 * Removes files of segments and journals that nobody names: they were replaced, or a killed process left them. Only under the lock `rewriting`, whose holder
 * alone writes files before it names them.
 * @param remove how a file goes; default: it is unlinked
 * @param master of the manifest, where it is not yet where it belongs
 */
export function sweepStore(
  layout: Layout,
  remove: (path: string) => void = (path) => rmSync(path, { force: true }),
  master?: Uint8Array,
): void {
  holdingManifest(layout, () => {
    const store = readManifest(layout, master);
    if (store === undefined) return;
    const { segments, journals } = store.manifest;
    const staged = readStaging(layout, store)?.segments ?? [];
    const named = new Set([...segments.map(({ id }) => id), ...journals.map(({ id }) => id), ...staged]);
    for (const folder of [layout.segments, layout.journals]) {
      if (!existsSync(folder)) continue;
      for (const name of readdirSync(folder)) if (!named.has(name)) remove(join(folder, name));
    }
  });
}
