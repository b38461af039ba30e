/**
 * Writes the whole store anew, customer by customer: to forget some, or to call all by other names or seal all with another key. Nothing may be imported
 * meanwhile; what is told live goes on. Killed at any moment, the store is wholly the old one or wholly the new one.
 */
import { closeSync, fstatSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { type Histories, mergeHistories } from "@tributary/events";
import { reasonOf } from "../../reason.ts";
import type { Layout } from "../layout.ts";
import { clearPages } from "../page-spool.ts";
import { changeManifest, openOrMakeStore, sweepStore } from "./changing.ts";
import { closeJournals, inTheirPlaces, type Replacement, readJournals, taken } from "./compaction.ts";
import { lockImporting, lockRewriting } from "./locks.ts";
import type { Contents, OpenStore } from "./manifest.ts";
import { migrateOldStore } from "./old-store.ts";
import { missing, readSegment, syncSegments, writeSegments } from "./segments.ts";
import { removeStaging } from "./staging.ts";

export interface Rewriting {
  /** What some customers' histories become; `undefined`: they stay as they are, file and all. */
  readonly change: (histories: Histories) => Histories | undefined;
  /** What else the manifest says from then on. */
  readonly contents: (now: OpenStore) => Partial<Pick<Contents, "door" | "erased">>;
  /** Seals everything from then on. */
  readonly newMaster?: Uint8Array | undefined;
  /** Just before the new store counts, and just after. */
  readonly before?: ((now: OpenStore) => void) | undefined;
  readonly after?: (() => void) | undefined;
  /** Old files are written over before they go. */
  readonly overwrite?: boolean | undefined;
}

/** @throws TRB_NODE_STORE_BUSY, TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_… */
export async function rewriteStore(layout: Layout, rewriting: (now: OpenStore) => Rewriting): Promise<void> {
  const importing = lockImporting(layout);
  try {
    migrateOldStore(layout);
    openOrMakeStore(layout);
    const held = await lockRewriting(layout);
    try {
      rewrite(layout, rewriting);
    } finally {
      held.release();
    }
  } finally {
    importing.release();
  }
}

function rewrite(layout: Layout, rewriting: (now: OpenStore) => Rewriting): void {
  removeStaging(layout); // what an import had read and written is read and written again by whoever goes on with it
  clearPages(layout);
  const now = closeJournals(layout);
  const { change, contents, newMaster, before, after, overwrite = false } = rewriting(now);
  const into = newMaster === undefined ? now : { ...now, master: newMaster };
  const replaced = now.manifest.segments.flatMap((segment): readonly Replacement[] => {
    const histories = readSegment(layout, now, segment) ?? missing("a segment");
    const changed = change(histories);
    return changed === undefined ? [] : [{ of: [segment], by: writeSegments(layout, into, changed, segment.origin) }];
  });
  const told = (from: OpenStore, journals: Contents["journals"]) => {
    const events = mergeHistories(readJournals(layout, from, journals));
    return writeSegments(layout, into, change(events) ?? events, "live");
  };
  const fresh = told(now, now.manifest.journals);
  const closed = new Set(now.manifest.journals.map(({ id }) => id));
  before?.(now);
  changeManifest(
    layout,
    (last) => {
      // what was told since the journals were closed, in journals that are begun as these are: nobody can tell anything more to them
      const late = told(
        last,
        last.manifest.journals.filter(({ id }) => !closed.has(id)),
      );
      syncSegments(layout, [...replaced.flatMap(({ by }) => by), ...fresh, ...late]);
      return {
        ...contents(last),
        edition: last.manifest.edition + 1,
        segments: [...inTheirPlaces(last.manifest, replaced), ...taken(last.manifest, [...fresh, ...late])],
        journals: [],
      };
    },
    newMaster,
  );
  after?.();
  sweepStore(layout, overwrite ? overwritten : undefined, into.master);
}

/** What stood in the file is written over as far as file system and device do that in place; then it goes. */
export function overwritten(path: string): void {
  try {
    const file = openSync(path, "r+");
    try {
      const zeros = Buffer.alloc(2 ** 20);
      const { size } = fstatSync(file);
      for (let at = 0; at < size; ) at += writeSync(file, zeros, 0, Math.min(zeros.length, size - at), at);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    if (reasonOf(cause) === "ENOENT") return;
    throw cause;
  } finally {
    rmSync(path, { force: true });
  }
}
