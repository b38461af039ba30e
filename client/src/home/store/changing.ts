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
 * @throws TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_BUSY, and what `readManifest` does
 */
export function changeManifest(layout: Layout, change: (now: OpenStore) => Partial<Contents>): OpenStore {
  return holdingManifest(layout, () => swapManifest(layout, change));
}

/** The same for whoever holds the lock. */
export function swapManifest(layout: Layout, change: (now: OpenStore) => Partial<Contents>): OpenStore {
  const now = readManifest(layout) ?? emptyStore(layout);
  const manifest = { ...now.manifest, ...change(now), generation: now.manifest.generation + 1 };
  replaceManifest(layout, now.master, manifest);
  return { master: now.master, manifest };
}

const nothing = { segments: [], journals: [], erased: [] };

function emptyStore(layout: Layout): OpenStore {
  makeFolders(layout);
  const master = makeStoreKey(keySource(layout));
  const contents: Contents = { version: 1, edition: 0, door: [...firstDoorKeys(master)], ...nothing };
  return { master, manifest: { store: newFileId(), generation: 0, ...contents } };
}

/**
 * Removes files of segments and journals that nobody names: a killed process left them. Only under the lock `rewriting`, whose holder alone writes files before
 * it names them.
 */
export function sweepStore(layout: Layout): void {
  holdingManifest(layout, () => {
    const store = readManifest(layout);
    if (store === undefined) return;
    const { segments, journals } = store.manifest;
    const staged = readStaging(layout, store)?.segments ?? [];
    const named = new Set([...segments.map(({ id }) => id), ...journals.map(({ id }) => id), ...staged]);
    for (const folder of [layout.segments, layout.journals]) {
      if (!existsSync(folder)) continue;
      for (const name of readdirSync(folder)) if (!named.has(name)) rmSync(join(folder, name), { force: true });
    }
  });
}
