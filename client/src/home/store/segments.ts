/**
 * store/segments: some customers' histories each, about 2¹⁸ events, sealed and never changed: what changes is written anew under another id.
 *
 *   "TRBSEGM1" · sealed `encodeHistories`; bound to the store's id and its own
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { decodeHistories, encodeHistories, type Histories, sliceHistories } from "@tributary/events";
import { reasonOf } from "../../reason.ts";
import { syncFile, syncFolder } from "../durable.ts";
import type { Layout } from "../layout.ts";
import { newFileId, type OpenStore, type Segment } from "./manifest.ts";
import { seal, tagOf, unseal, withKey } from "./sealing.ts";

const magic = Buffer.from("TRBSEGM1", "ascii");
/** Events that a segment has, and as many more as its last customer has. */
export const segmentEvents = 2 ** 18;

type Opened = Pick<OpenStore, "master"> & { readonly manifest: Pick<OpenStore["manifest"], "store"> };

export const segmentPath = (layout: Layout, id: string): string => join(layout.segments, id);
const withSegmentKey = <Result>({ master, manifest }: Opened, id: string, use: (key: Uint8Array) => Result): Result =>
  withKey(master, manifest.store, `segment ${id}`, use);
const boundTo = ({ manifest }: Opened, id: string) => Buffer.concat([magic, Buffer.from(manifest.store + id, "hex")]);

/**
 * Not synced: whoever enters it into a manifest does that first (`syncSegments`).
 * @throws TRB_NODE_HOME_UNWRITABLE; nothing of it stays then
 */
function writeSegment(layout: Layout, store: Opened, histories: Histories, origin: Segment["origin"]): NewSegment {
  return writeEncoded(layout, store, newFileId(), encodeHistories(histories), factsOf(histories, origin));
}

/** As many as it takes; none for nobody's. Each customer is whole in one of them. */
export function writeSegments(layout: Layout, store: Opened, histories: Histories, origin: Segment["origin"]): NewSegment[] {
  const { customers, offsets } = histories;
  const written: NewSegment[] = [];
  for (let first = 0; first < customers.length; ) {
    let end = first + 1;
    while (end < customers.length && (offsets[end] as number) - (offsets[first] as number) < segmentEvents) end++;
    const stretch = Array.from({ length: end - first }, (_, place) => first + place);
    const part = stretch.length === customers.length ? histories : sliceHistories(histories, stretch);
    written.push(writeSegment(layout, store, part, origin));
    first = end;
  }
  return written;
}

/** Before it is known to which generation of the manifest it belongs. */
export type NewSegment = Omit<Segment, "since">;
type Facts = Omit<NewSegment, "id" | "tag">;

/** @throws TRB_NODE_HOME_UNWRITABLE */
export function writeEncoded(layout: Layout, store: Opened, id: string, encoded: Uint8Array, facts: Facts): NewSegment {
  const path = segmentPath(layout, id);
  const sealed = withSegmentKey(store, id, (key) => seal(encoded, key, boundTo(store, id)));
  try {
    writeFileSync(path, Buffer.concat([magic, sealed]), { flag: "wx", mode: 0o600 });
  } catch (cause) {
    rmSync(path, { force: true });
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: path, reason: reasonOf(cause) }, cause);
  }
  return { id, ...facts, tag: tagOf(sealed) };
}

export function factsOf({ customers, items, times }: Histories, origin: Segment["origin"]): Facts {
  let [oldest, latest] = [times[0] ?? 0, times[0] ?? 0];
  for (const time of times) {
    if (time < oldest) oldest = time;
    if (time > latest) latest = time;
  }
  return { origin, customers: customers.length, events: items.length, oldest, latest };
}

/** Everything that was written is on disk, and its folder knows of it. @throws TRB_NODE_HOME_UNWRITABLE */
export function syncSegments(layout: Layout, segments: readonly Pick<Segment, "id">[]): void {
  try {
    for (const { id } of segments) syncFile(segmentPath(layout, id));
    syncFolder(layout.segments);
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNWRITABLE", { file: layout.segments, reason: reasonOf(cause) }, cause);
  }
}

/** Undefined when it is not on disk. @throws TRB_NODE_STORE_UNREADABLE when it is not the one that the manifest names */
export function readSegment(layout: Layout, store: Opened, { id, tag }: Pick<Segment, "id" | "tag">): Histories | undefined {
  const found = readEncoded(layout, store, id);
  if (found === "missing") return undefined;
  if (found === "damaged" || found.tag !== tag) {
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "a segment was damaged or exchanged" });
  }
  return decodeHistories(found.bytes);
}

/** What was encoded, and the tag of its seal. @throws TRB_NODE_STORE_UNREADABLE when the disk doesn't give it */
export function readEncoded(
  layout: Layout,
  store: Opened,
  id: string,
): { readonly bytes: Uint8Array; readonly tag: string } | "missing" | "damaged" {
  let file: Buffer;
  try {
    file = readFileSync(segmentPath(layout, id));
  } catch (cause) {
    if (reasonOf(cause) === "ENOENT") return "missing";
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: reasonOf(cause) }, cause);
  }
  const sealed = file.subarray(magic.length);
  if (!magic.equals(file.subarray(0, magic.length))) return "damaged";
  const bytes = withSegmentKey(store, id, (key) => unseal(sealed, key, boundTo(store, id)));
  return bytes === undefined ? "damaged" : { bytes, tag: tagOf(sealed) };
}

/** What the manifest names and the disk doesn't have. */
export function missing(what: string): never {
  throw fail("TRB_NODE_STORE_UNREADABLE", { reason: `${what} is missing` });
}
