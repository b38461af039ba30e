/**
 * What the encrypted store holds, read as a whole: segments and live events, put together customer by customer. Customers are called by their pseudonyms
 * (`store/door.ts`). How it lies on disk: docs/store.md.
 */
import { existsSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type Histories, mergeHistories } from "@tributary/events";
import type { Layout } from "./layout.ts";
import { manifestStamp, type OpenStore } from "./store/manifest.ts";
import { openStore } from "./store/opening.ts";
import { readSegment } from "./store/segments.ts";

/** @throws TRB_NODE_NO_HISTORIES, TRB_NODE_STORE_UNREADABLE, TRB_NODE_STORE_KEY_… */
export function readHistories(layout: Layout): Histories {
  const histories = readStored(layout);
  if (histories === undefined || histories.customers.length === 0) throw fail("TRB_NODE_NO_HISTORIES", { home: layout.home });
  return histories;
}

/** Changes whenever what is read changes; undefined where there is no store. */
export function storeGeneration(layout: Layout): string | undefined {
  if (existsSync(layout.oldHistories)) openStore(layout);
  return manifestStamp(layout);
}

/** Another process may replace the store while this one reads; then it is read again. */
const mostReadings = 10;

/** Undefined where there is no store; empty where nobody is in it. */
function readStored(layout: Layout): Histories | undefined {
  for (let reading = 1; ; reading++) {
    const store = openStore(layout);
    if (store === undefined) return undefined;
    const parts = readParts(layout, store);
    if (parts !== undefined) return mergeHistories(parts);
    const now = openStore(layout);
    if (now?.manifest.generation === store.manifest.generation || reading === mostReadings)
      throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "a segment is missing" });
  }
}

/** Undefined when one of them is missing. */
function readParts(layout: Layout, store: OpenStore): readonly Histories[] | undefined {
  const parts: Histories[] = [];
  for (const segment of store.manifest.segments) {
    const part = readSegment(layout, store, segment);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return parts;
}
