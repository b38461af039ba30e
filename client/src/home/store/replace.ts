/**
 * What an import does to the store. Chunks become segments while the old store stands; once all are there and synced, one manifest takes them in. Killed or out
 * of room before that, the old store is what it was, and the same import, run again, keeps the segments that it finds written: each is
 * opened and compared with what is delivered, so that nothing depends on a source being what it was.
 */
import { rmSync } from "node:fs";
import { encodeHistories, type Histories, renameCustomers } from "@tributary/events";
import type { Layout } from "../layout.ts";
import { changeManifest, openOrMakeStore, sweepStore } from "./changing.ts";
import { compactStore } from "./compaction.ts";
import { doorOf } from "./door.ts";
import { lockImporting, lockRewriting } from "./locks.ts";
import { newFileId, type OpenStore, type Segment } from "./manifest.ts";
import { migrateOldStore } from "./old-store.ts";
import { factsOf, readEncoded, segmentPath, syncSegments, writeEncoded } from "./segments.ts";
import { readStaging, removeStaging, writeStaging } from "./staging.ts";

export interface ReplaceOptions {
  /** Of the sources and of how they are read: an import with another one begins anew. */
  readonly fingerprint?: string | undefined;
  /** Beside what imports brought before, not in place of it. */
  readonly add?: boolean | undefined;
  /** What the shop told live goes as well; it stays unless this is said. */
  readonly dropLive?: boolean | undefined;
  /** Hears of those who were erased and must not come back: what was delivered, and which of its customers are left out. */
  readonly erased?: ((chunk: Histories, customers: readonly number[]) => void) | undefined;
}

/**
 * Puts what `write` adds in the place of the histories that imports brought before.
 * @param write adds chunks with customers' own ids, each customer whole within one; what it throws leaves the store as it was
 * @throws TRB_NODE_STORE_BUSY, TRB_NODE_HOME_UNWRITABLE, and what opening the store does
 */
export async function replaceStore<T>(
  layout: Layout,
  write: (add: (chunk: Histories) => Promise<void>) => Promise<T>,
  { fingerprint = "", add = false, dropLive = false, erased }: ReplaceOptions = {},
): Promise<T> {
  const importing = lockImporting(layout);
  try {
    migrateOldStore(layout);
    const store = openOrMakeStore(layout);
    const stage = openStage(layout, store, fingerprint);
    const door = doorOf(store.manifest.door);
    const gone = new Set(store.manifest.erased);
    const result = await write(async (chunk) => {
      const names = chunk.customers.map(door);
      const leftOut = gone.size === 0 ? [] : [...names.keys()].filter((customer) => gone.has(names[customer] ?? ""));
      if (leftOut.length > 0) erased?.(chunk, leftOut);
      const histories = renameCustomers(chunk, names, (name) => gone.has(name));
      if (histories.customers.length > 0) stage.add(histories);
    });
    const staged = stage.finish();
    const rewriting = await lockRewriting(layout);
    try {
      changeManifest(layout, ({ manifest: { segments, journals, generation, edition } }) => {
        const of = (origin: Segment["origin"]) => segments.filter((segment) => segment.origin === origin);
        const fresh = staged.map((segment) => ({ ...segment, since: generation + 1 }));
        return {
          edition: edition + 1,
          segments: [...(add ? of("log") : []), ...fresh, ...(dropLive ? [] : of("live"))],
          journals: dropLive ? [] : journals,
        };
      });
      removeStaging(layout);
      sweepStore(layout);
    } finally {
      rewriting.release();
    }
    await compactStore(layout);
    return result;
  } finally {
    importing.release();
  }
}

function openStage(layout: Layout, store: OpenStore, fingerprint: string) {
  const found = readStaging(layout, store);
  const earlier = found?.fingerprint === fingerprint ? found.segments : [];
  if (earlier.length === 0) writeStaging(layout, store, { fingerprint, segments: [] });
  const listed = [...earlier];
  const fresh: Omit<Segment, "since">[] = [];
  return {
    add(histories: Histories): void {
      const encoded = encodeHistories(histories);
      const facts = factsOf(histories, "log");
      const place = fresh.length;
      const known = listed[place];
      const there = known === undefined ? "missing" : readEncoded(layout, store, known);
      if (known !== undefined && typeof there === "object" && Buffer.compare(there.bytes, encoded) === 0) {
        fresh.push({ id: known, ...facts, tag: there.tag });
        return;
      }
      const id = newFileId();
      listed[place] = id;
      writeStaging(layout, store, { fingerprint, segments: listed });
      if (known !== undefined) rmSync(segmentPath(layout, known), { force: true });
      fresh.push(writeEncoded(layout, store, id, encoded, facts));
    },
    finish(): readonly Omit<Segment, "since">[] {
      syncSegments(layout, fresh);
      return fresh;
    },
  };
}
