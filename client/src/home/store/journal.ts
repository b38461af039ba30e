/**
 * store/journals: what the shop told live, as it came, until a segment takes it in. One process writes to a journal; anybody reads it.
 *
 *   "TRBJRNL1" · { length (u32, little-endian) · sealed `encodeHistories` of the events of a moment } …
 *
 * A record is bound to the store's id, the journal's and its place in it. A last record that a crash left half written was never acknowledged, and counts as
 * none; anything else that can't be opened is damage. Records cut off at the end can't be told from records that never were.
 */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { decodeHistories, encodeHistories, type Histories } from "@tributary/events";
import { reasonOf } from "../../reason.ts";
import { syncFile, syncFolder } from "../durable.ts";
import { type Layout, makeFolders } from "../layout.ts";
import type { OpenStore } from "./manifest.ts";
import { derivedKey, seal, sealLength, unseal, withKey } from "./sealing.ts";

const magic = Buffer.from("TRBJRNL1", "ascii");
const lengthBytes = 4;

export const journalPath = (layout: Layout, id: string): string => join(layout.journals, id);

/** Empty, and on disk before any manifest names it. @throws TRB_NODE_HOME_UNWRITABLE */
export function createJournal(layout: Layout, id: string): void {
  const path = journalPath(layout, id);
  try {
    if (!existsSync(layout.journals)) makeFolders(layout);
    writeFileSync(path, magic, { flag: "wx", mode: 0o600 });
    syncFile(path);
    syncFolder(layout.journals);
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: path, reason: reasonOf(cause) }, cause);
  }
}

/** Of records. */
export function journalBytes(layout: Layout, id: string): number {
  return (statSync(journalPath(layout, id), { throwIfNoEntry: false })?.size ?? magic.length) - magic.length;
}

/** Makes the bytes of a record. */
export interface RecordSealer {
  /** @param place of the record in its journal, counted from 0 */
  record(place: number, events: Histories): Buffer;
  /** Overwrites its key. */
  close(): void;
}

export function recordSealer(store: OpenStore, id: string): RecordSealer {
  const key = derivedKey(store.master, store.manifest.store, purposeOf(id));
  return {
    close: () => void key.fill(0),
    record(place, events) {
      const sealed = seal(encodeHistories(events), key, boundTo(store, id, place));
      const length = Buffer.alloc(lengthBytes);
      length.writeUInt32LE(sealed.length);
      return Buffer.concat([length, sealed]);
    },
  };
}

/**
 * All records, oldest first; undefined when there is no such file.
 * @throws TRB_NODE_STORE_UNREADABLE
 */
export function readJournal(layout: Layout, store: OpenStore, id: string): readonly Histories[] | undefined {
  let file: Buffer;
  try {
    file = readFileSync(journalPath(layout, id));
  } catch (cause) {
    if (reasonOf(cause) === "ENOENT") return undefined;
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: reasonOf(cause) }, cause);
  }
  if (!magic.equals(file.subarray(0, magic.length))) throw fail("TRB_NODE_STORE_UNREADABLE", { reason: damaged });
  return withKey(store.master, store.manifest.store, purposeOf(id), (key) => recordsOf(file, store, id, key));
}

function recordsOf(file: Buffer, store: OpenStore, id: string, key: Uint8Array): readonly Histories[] {
  const records: Histories[] = [];
  for (let at = magic.length; at < file.length; ) {
    const length = at + lengthBytes <= file.length ? file.readUInt32LE(at) : 0;
    const end = at + lengthBytes + length;
    const whole = length >= sealLength && end <= file.length;
    const plain = whole ? unseal(file.subarray(at + lengthBytes, end), key, boundTo(store, id, records.length)) : undefined;
    if (plain === undefined) {
      // what a write that was cut short leaves: too little, or room without contents
      const torn = end >= file.length || file.subarray(at).every((byte) => byte === 0);
      if (torn) break;
      throw fail("TRB_NODE_STORE_UNREADABLE", { reason: damaged });
    }
    records.push(decodeHistories(plain));
    at = end;
  }
  return records;
}

const damaged = "a journal of live events was damaged";
const purposeOf = (id: string) => `journal ${id}`;

function boundTo({ manifest }: OpenStore, id: string, place: number): Buffer {
  const number = Buffer.alloc(8);
  number.writeBigUInt64LE(BigInt(place));
  return Buffer.concat([magic, Buffer.from(manifest.store + id, "hex"), number]);
}
