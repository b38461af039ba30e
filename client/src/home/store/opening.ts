/** The store as it stands, for whoever reads it. */
import { existsSync, readFileSync, rmSync } from "node:fs";
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events";
import { replaceFileNow } from "../durable.ts";
import { type Layout, layoutOf } from "../layout.ts";
import { type Door, doorOf, throughDoor } from "./door.ts";
import { closeStore, type OpenStore, readManifest } from "./manifest.ts";
import { migrateOldStore } from "./old-store.ts";
import { unseal, withKey } from "./sealing.ts";
import { besideTheStore, nextOf } from "./store-key.ts";

/**
 * Undefined where there is none. A store of the old form becomes one of the new.
 * @throws TRB_NODE_STORE_KEY_…, TRB_NODE_STORE_UNREADABLE
 */
export function openStore(layout: Layout): OpenStore | undefined {
  if (existsSync(layout.oldHistories)) migrateOldStore(layout);
  const store = readManifest(layout);
  if (store !== undefined) finishExchange(layout, store);
  return store;
}

/** The same for as long as `use` takes: the master key is overwritten then. @throws what `openStore` does */
export function withStore<Result>(layout: Layout, use: (store: OpenStore) => Result): Result | undefined {
  const store = openStore(layout);
  if (store === undefined) return undefined;
  try {
    return use(store);
  } finally {
    closeStore(store);
  }
}

/** What waits for new keys beside the store takes its place once those keys hold: a crash may have come in between. */
function finishExchange(layout: Layout, { master, manifest }: OpenStore): void {
  for (const { path, purpose } of besideTheStore(layout)) {
    if (!existsSync(nextOf(path))) continue;
    const file = readFileSync(nextOf(path));
    const magic = file.subarray(0, 8);
    const fits = withKey(master, manifest.store, purpose, (key) => unseal(file.subarray(8), key, magic) !== undefined);
    if (fits) {
      replaceFileNow(path, file);
      rmSync(nextOf(path), { force: true });
    }
  }
}

/**
 * From customers' ids to the names that they have in the store. Undefined where there is no store.
 * @throws what `openStore` does
 */
export function openDoor(layout: Layout): Door | undefined {
  return withStore(layout, ({ manifest }) => doorOf(manifest.door));
}

/**
 * Histories as the home's store would hold them: what is compared with what a node computes has to know customers by the names that they have there.
 * @throws TRB_NODE_NO_HISTORIES where there is no store, and what `openStore` does
 */
export function pseudonymised(options: { readonly home: string; readonly histories: Histories }): Histories {
  const door = openDoor(layoutOf(options.home));
  if (door === undefined) throw fail("TRB_NODE_NO_HISTORIES", { home: options.home });
  return throughDoor(options.histories, door);
}
