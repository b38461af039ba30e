/**
 * What the encrypted store holds, read as a whole: segments and live events, put together customer by customer. Customers are called by their pseudonyms
 * (`store/door.ts`). How it lies on disk: docs/store.md.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { fail } from "@tributary/errors";
import { type Histories, mergeHistories } from "@tributary/events";
import type { Layout } from "./layout.ts";
import { type Door, doorOf } from "./store/door.ts";
import { journalBytes, journalPath, readJournal } from "./store/journal.ts";
import { manifestStamp, type OpenStore } from "./store/manifest.ts";
import { withStore } from "./store/opening.ts";
import { retentionStart } from "./store/retention.ts";
import { missing, readSegment } from "./store/segments.ts";

/** @throws TRB_NODE_NO_HISTORIES, TRB_NODE_STORE_UNREADABLE, TRB_NODE_STORE_KEY_… */
export function readHistories(layout: Layout): Histories {
  return readStored(layout) ?? none(layout);
}

function none(layout: Layout): never {
  throw fail("TRB_NODE_NO_HISTORIES", { home: layout.home });
}

/** Undefined where nobody is in the store. @throws TRB_NODE_STORE_UNREADABLE, TRB_NODE_STORE_KEY_… */
export function readStored(layout: Layout): Histories | undefined {
  return consistently(layout, (store, from) => somebody(readAll(layout, store, from)))?.histories;
}

/** Whether anybody may be in the store, without looking. */
export function hasHistories(layout: Layout): boolean {
  const manifest = withStore(layout, (store) => store.manifest);
  if (manifest === undefined) return false;
  return manifest.segments.length > 0 || manifest.journals.some(({ id }) => journalBytes(layout, id) > 0);
}

/** What a serving process knows of the store. */
export interface Served {
  readonly edition: string;
  readonly histories: Histories | undefined;
  /** From a customer's id to its name in `histories`. */
  readonly door: Door;
  /** How many keys that takes. */
  readonly passed: number;
  /** Names of those who were erased and must not come back. */
  readonly erased: ReadonlySet<string>;
}

/** All of one manifest. @throws what `readHistories` does */
export function readServed(layout: Layout): Served {
  const served = consistently(layout, (store, from) => {
    const found = somebody(readAll(layout, store, from));
    const { door, erased } = store.manifest;
    const facts = { edition: editionOf(store, from), door: doorOf(door), passed: door.length, erased: new Set(erased) };
    return found && { ...found, ...facts };
  });
  return served ?? none(layout);
}

/** Changes whenever what is read changes, live events included; undefined where there is no store. */
export function storeGeneration(layout: Layout): string | undefined {
  if (existsSync(layout.oldHistories)) withStore(layout, () => undefined);
  const stamp = manifestStamp(layout);
  if (stamp === undefined) return undefined;
  const journals = existsSync(layout.journals) ? readdirSync(layout.journals).sort() : [];
  const sizes = journals.map((id) => statSync(journalPath(layout, id), { throwIfNoEntry: false })?.size ?? 0);
  return `${stamp}:${sizes.join(",")}:${retentionStart(layout)}`;
}

/** The same without what is being told: whoever hears live events anyway need not read the store for them. */
export function storeEdition(layout: Layout): string | undefined {
  return withStore(layout, (store) => editionOf(store, retentionStart(layout)));
}

const editionOf = ({ manifest }: OpenStore, from: number) => `${manifest.store}:${manifest.edition}:${from}`;

/**
 * Reads the store again and again as it changes, and keeps what segments gave as long as those stay: live events are all that is read anew then.
 * @throws what `readHistories` does
 */
export function historiesReader(layout: Layout): () => Histories {
  let kept: { readonly edition: string; readonly segments: Histories } | undefined;
  const segmentsOf = (store: OpenStore, from: number): Histories | undefined => {
    const edition = editionOf(store, from);
    if (kept?.edition === edition) return kept.segments;
    kept = undefined; // two of them at a time would be one too many
    const segments = readSegments(layout, store, from);
    kept = segments && { edition, segments };
    return segments;
  };
  return () => {
    const read = consistently(layout, (store, from) => somebody(readAll(layout, store, from, segmentsOf)));
    return read?.histories ?? none(layout);
  };
}

/** Another process may replace the store while this one reads; then it is read again. */
const mostReadings = 10;

/** @param read undefined when a file that the manifest names was not there */
function consistently<T>(layout: Layout, read: (store: OpenStore, from: number) => T | undefined): T | undefined {
  for (let reading = 1; ; reading++) {
    const looked = withStore(layout, (store) => ({
      result: read(store, retentionStart(layout)),
      generation: store.manifest.generation,
    }));
    if (looked === undefined) return undefined;
    if (looked.result !== undefined) return looked.result;
    const now = withStore(layout, ({ manifest }) => manifest.generation);
    if (now === looked.generation || reading === mostReadings) return missing("a file");
  }
}

const somebody = (histories: Histories | undefined) =>
  histories && { histories: histories.customers.length === 0 ? undefined : histories };

/** Undefined when a file is missing. */
function readAll(
  layout: Layout,
  store: OpenStore,
  from: number,
  segmentsOf = (of: OpenStore, since: number) => readSegments(layout, of, since),
): Histories | undefined {
  const segments = segmentsOf(store, from);
  const told = segments && readTold(layout, store);
  return told && (told.length === 0 ? segments : mergeHistories([segments, ...told], from));
}

function readSegments(layout: Layout, store: OpenStore, from: number): Histories | undefined {
  const parts: Histories[] = [];
  for (const segment of store.manifest.segments) {
    if (segment.latest < from) continue;
    const part = readSegment(layout, store, segment);
    if (part === undefined) return undefined;
    parts.push(part);
  }
  const aged = store.manifest.segments.some(({ oldest }) => oldest < from);
  return mergeHistories(parts, aged ? from : undefined);
}

function readTold(layout: Layout, store: OpenStore): readonly Histories[] | undefined {
  const told: Histories[] = [];
  for (const { id } of store.manifest.journals) {
    const records = readJournal(layout, store, id);
    if (records === undefined) return undefined;
    told.push(...records);
  }
  return told;
}
