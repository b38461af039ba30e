/**
 * Puts the store in order: what was told live becomes segments, small segments become larger ones, and what is older than the policy's retention goes. What is
 * read is the same before and after, apart from that. It runs at imports, at starts, and in a thread of running nodes (`keep-compacted.ts`).
 */
import { type Histories, mergeHistories } from "@tributary/events";
import type { Layout } from "../layout.ts";
import { changeManifest, sweepStore } from "./changing.ts";
import { journalBytes, readJournal } from "./journal.ts";
import { lockRewriting } from "./locks.ts";
import { type Manifest, type OpenStore, readContents, readManifest, type Segment } from "./manifest.ts";
import { retentionStart } from "./retention.ts";
import { missing, type NewSegment, readSegment, segmentEvents, syncSegments, writeSegments } from "./segments.ts";

/** Segments with fewer events than this are small; more than so many in a row are made one. */
const smallEvents = segmentEvents / 2;
const mostSmall = 8;

/** @throws TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_…, TRB_NODE_POLICY_INVALID */
export async function compactStore(layout: Layout): Promise<void> {
  if (readContents(layout) === undefined) return;
  const rewriting = await lockRewriting(layout);
  try {
    const store = closeJournals(layout);
    const from = retentionStart(layout);
    const replaced = replacements(layout, store, from);
    const told = toldLive(layout, store, from);
    syncSegments(layout, [...replaced.flatMap(({ by }) => by), ...told]);
    const closed = new Set(store.manifest.journals.map(({ id }) => id));
    if (replaced.length > 0 || closed.size > 0) {
      changeManifest(layout, ({ manifest }) => ({
        edition: manifest.edition + 1,
        segments: [...inTheirPlaces(manifest, replaced), ...taken(manifest, told)],
        journals: manifest.journals.filter(({ id }) => !closed.has(id)),
      }));
    }
    sweepStore(layout);
  } finally {
    rewriting.release();
  }
}

/** Whoever writes to one of them begins another. Only under the lock `rewriting`. */
export function closeJournals(layout: Layout): OpenStore {
  const store = readManifest(layout);
  if (store?.manifest.journals.every(({ closed }) => closed)) return store;
  return changeManifest(layout, ({ manifest }) => ({
    journals: manifest.journals.map(({ id }) => ({ id, closed: true })),
  }));
}

/** What all of these journals hold, in the order in which it was told. @throws TRB_NODE_STORE_UNREADABLE */
export function readJournals(layout: Layout, store: OpenStore, journals: Manifest["journals"]): readonly Histories[] {
  return journals.flatMap(({ id }) => readJournal(layout, store, id) ?? missing("a journal of live events"));
}

export interface Replacement {
  readonly of: readonly Segment[];
  readonly by: readonly NewSegment[];
}

/** Where segments stand decides which of equal events is the first: what replaces some stands where the first of them stood. */
export function inTheirPlaces(manifest: Manifest, replaced: readonly Replacement[]): readonly Segment[] {
  return manifest.segments.flatMap((segment) => {
    const replacement = replaced.find(({ of }) => of.some(({ id }) => id === segment.id));
    if (replacement === undefined) return [segment];
    return replacement.of[0]?.id === segment.id ? taken(manifest, replacement.by) : [];
  });
}

/** As segments of the manifest that comes after this one. */
export const taken = ({ generation }: Manifest, fresh: readonly NewSegment[]): readonly Segment[] =>
  fresh.map((segment) => ({ ...segment, since: generation + 1 }));

const toldLive = (layout: Layout, store: OpenStore, from: number): readonly NewSegment[] =>
  writeSegments(layout, store, mergeHistories(readJournals(layout, store, store.manifest.journals), from), "live");

/** Many small segments in a row become one; others are written anew where they hold anything older than `from`. */
function replacements(layout: Layout, store: OpenStore, from: number): readonly Replacement[] {
  const runs: Segment[][] = [];
  for (const segment of store.manifest.segments) {
    const run = runs.at(-1);
    const goesOn = run?.[0]?.origin === segment.origin && run.every(isSmall) && isSmall(segment);
    if (goesOn) run.push(segment);
    else runs.push([segment]);
  }
  const groups = runs.flatMap((run) =>
    run.length > mostSmall ? [run] : run.filter(({ oldest }) => oldest < from).map((segment) => [segment]),
  );
  return groups.map((of) => {
    const left = of.filter(({ latest }) => latest >= from);
    const parts = left.map((segment) => readSegment(layout, store, segment) ?? missing("a segment"));
    return { of, by: writeSegments(layout, store, mergeHistories(parts, from), of[0]?.origin ?? "log") };
  });
}

const isSmall = ({ events }: Segment) => events < smallEvents;

/** Bytes of journals with which a running node puts its store in order. */
const mostTold = 2 ** 20;

/** Whether it is time to. Cheap: looks at the manifest and at lengths. @param atStart then for any live event */
export function needsCompaction(layout: Layout, atStart: boolean): boolean {
  const manifest = readContents(layout);
  if (manifest === undefined) return false;
  const told = manifest.journals.reduce((bytes, { id }) => bytes + journalBytes(layout, id), 0);
  const from = retentionStart(layout);
  return told > (atStart ? 0 : mostTold) || manifest.segments.some(({ oldest }) => oldest < from);
}
