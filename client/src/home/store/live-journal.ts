/**
 * Where a serving process writes down what it is told. Events that come while the disk is busy with earlier ones are written together: one sync for all of them,
 * and whoever told them is answered after it.
 *
 * No lock is held for that. Whoever rewrites the store closes all journals first, by a new manifest; so after each sync the writer looks whether the manifest
 * is still the one that it knows. If its journal was closed meanwhile, nobody can say whether these events were still read: they are written again, to
 * a new journal, and what is there twice counts once.
 */
import { type FileHandle, open } from "node:fs/promises";
import { fail } from "@tributary/errors";
import { type Histories, mergeHistories, renameCustomers } from "@tributary/events";
import { reasonOf } from "../../reason.ts";
import type { Layout } from "../layout.ts";
import { changeManifest } from "./changing.ts";
import { doorOf, throughDoor } from "./door.ts";
import { createJournal, journalPath, type RecordSealer, recordSealer } from "./journal.ts";
import { closeStore, manifestStamp, newFileId, type OpenStore, readContents } from "./manifest.ts";

export interface LiveJournal {
  /**
   * Resolves once the events are on disk.
   * @param events customers under their pseudonyms
   * @param passed keys of the door that made these
   * @throws TRB_NODE_HOME_UNWRITABLE, TRB_NODE_STORE_BUSY, TRB_NODE_STORE_KEY_…: then none of them counts as told
   */
  append(events: Histories, passed: number): Promise<void>;
  /** Resolves after what was told before is on disk. */
  close(): Promise<void>;
}

interface Waiting {
  readonly events: Histories;
  readonly passed: number;
  readonly done: PromiseWithResolvers<void>;
}

interface Writing {
  readonly id: string;
  readonly file: FileHandle;
  readonly sealer: RecordSealer;
  /** Keys of the door when it was opened. */
  readonly keys: readonly string[];
  /** Nothing of these is written. */
  readonly erased: ReadonlySet<string>;
  /** The manifest that was seen to name it. */
  stamp: string | undefined;
  records: number;
  /** Bytes of whole records: what a failed write left behind them is written over. */
  length: number;
}

export function openLiveJournal(layout: Layout): LiveJournal {
  let waiting: Waiting[] = [];
  let working: Promise<void> | undefined;
  let journal: Writing | undefined;
  let closed = false;

  const end = async (): Promise<void> => {
    journal?.sealer.close();
    await journal?.file.close();
    journal = undefined;
  };
  const current = async (): Promise<Writing> => {
    if (journal !== undefined && stillOpen(layout, journal)) return journal;
    await end();
    journal = await beginJournal(layout);
    return journal;
  };
  const write = async (batch: readonly Waiting[]): Promise<void> => {
    for (;;) {
      const into = await current();
      const parts = batch.map(({ events, passed }) =>
        passed === into.keys.length ? events : throughDoor(events, doorOf(into.keys, passed)),
      );
      const merged = mergeHistories(parts);
      const events = renameCustomers(merged, merged.customers, (name) => into.erased.has(name));
      if (events.customers.length === 0) return;
      const record = into.sealer.record(into.records, events);
      try {
        await into.file.write(record, 0, record.length, into.length);
        await into.file.datasync();
      } catch (cause) {
        await into.file.truncate(into.length).catch(() => {}); // what stays of it is written over, or read as torn
        throw fail("TRB_NODE_HOME_UNWRITABLE", { file: journalPath(layout, into.id), reason: reasonOf(cause) }, cause);
      }
      into.records += 1;
      into.length += record.length;
      if (stillOpen(layout, into)) return;
    }
  };
  const work = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      try {
        await write(batch);
        for (const { done } of batch) done.resolve();
      } catch (error) {
        for (const { done } of batch) done.reject(error);
      }
    }
    working = undefined;
  };
  return {
    append(events, passed) {
      if (closed) return Promise.reject(fail("TRB_SERVE_CLOSING"));
      const done = Promise.withResolvers<void>();
      waiting.push({ events, passed, done });
      working ??= work();
      return done.promise;
    },
    async close() {
      closed = true;
      await working;
      await end();
    },
  };
}

async function beginJournal(layout: Layout): Promise<Writing> {
  const id = newFileId();
  let store: OpenStore | undefined;
  changeManifest(layout, (now) => {
    createJournal(layout, id);
    store = now;
    return { journals: [...now.manifest.journals, { id, closed: false }] };
  });
  if (store === undefined) throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "it could not be opened" });
  const path = journalPath(layout, id);
  try {
    const file = await open(path, "r+");
    const { size } = await file.stat();
    const facts = {
      id,
      file,
      sealer: recordSealer(store, id),
      keys: store.manifest.door,
      erased: new Set(store.manifest.erased),
    };
    return { ...facts, stamp: undefined, records: 0, length: size };
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: path, reason: reasonOf(cause) }, cause);
  } finally {
    closeStore(store);
  }
}

/** Whether the store still takes what is written to it. Reads the manifest only where it was replaced. */
function stillOpen(layout: Layout, journal: Writing): boolean {
  const stamp = manifestStamp(layout);
  if (stamp === journal.stamp) return true;
  const journals = readContents(layout)?.journals ?? [];
  const open = journals.some(({ id, closed }) => id === journal.id && !closed);
  if (open) journal.stamp = stamp;
  return open;
}
