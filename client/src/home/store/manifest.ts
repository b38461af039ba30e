/**
 * store/manifest: which files the store consists of. Whatever changes the store writes new files and then replaces this one, at once: a reader finds all of the
 * old store or all of the new one.
 *
 *   "TRBMANI1" · store id (16 bytes) · check (16 bytes) · generation (u64, little-endian) · sealed JSON
 *
 * Everything before the JSON is authenticated with it. The check is derived from the master key: where it differs, the key is the wrong one; where it fits and
 * the JSON does not open, the file was damaged. The JSON lists segments in order, each with its seal's tag: one that is missing, exchanged,
 * put elsewhere or older than the manifest is found. What can't be found from within is a whole store put back as it once was.
 */
import { randomBytes } from "node:crypto";
import { existsSync, readFileSync, statSync } from "node:fs";
import { fail } from "@tributary/errors";
import { z } from "zod";
import { reasonOf } from "../../reason.ts";
import { replaceFileNow } from "../durable.ts";
import type { Layout } from "../layout.ts";
import { jsonWithin, seal, unseal, withKey } from "./sealing.ts";
import { keySource, nextOf, readStoreKey, writeKey } from "./store-key.ts";

const fileId = z.string().regex(/^[0-9a-f]{32}$/);
const wholeNumber = z.int().min(0);

const segmentSchema = z.strictObject({
  id: fileId,
  /** Imports replace what imports brought; what the shop told live stays. */
  origin: z.enum(["log", "live"]),
  customers: wholeNumber,
  events: wholeNumber,
  /** Unix seconds of the earliest and the latest event. */
  oldest: z.number(),
  latest: z.number(),
  tag: fileId,
  /** The manifest's generation that took it in. */
  since: wholeNumber,
});
export type Segment = z.infer<typeof segmentSchema>;

const journalSchema = z.strictObject({
  id: fileId,
  /** Nobody writes to it any more. */
  closed: z.boolean(),
});

const contentsSchema = z.strictObject({
  version: z.literal(1),
  /** Changes with what is in segments, under whose names: with everything but journals that begin and are closed. */
  edition: wholeNumber,
  door: z.array(z.string().regex(/^[0-9a-f]{64}$/)).min(1),
  segments: z.array(segmentSchema),
  journals: z.array(journalSchema),
  /** Pseudonyms of customers who must not come back with another import. */
  erased: z.array(fileId),
});
export type Contents = z.infer<typeof contentsSchema>;

export interface Manifest extends Contents {
  readonly store: string;
  readonly generation: number;
}

/** An opened store. Whoever opens it and doesn't hand it on closes it. */
export interface OpenStore {
  /** A copy of its own, unless somebody gave one. */
  readonly master: Uint8Array;
  readonly manifest: Manifest;
}

/** Overwrites the master key. */
export const closeStore = ({ master }: Pick<OpenStore, "master">): void => void master.fill(0);

/** What a manifest says, where nothing is to be opened by it. @throws what `readManifest` does */
export function readContents(layout: Layout): Manifest | undefined {
  const store = readManifest(layout);
  if (store !== undefined) closeStore(store);
  return store?.manifest;
}

const magic = Buffer.from("TRBMANI1", "ascii");
const headerLength = magic.length + 16 + 16 + 8;

export const newFileId = (): string => randomBytes(16).toString("hex");

/** Changes with every replacement; undefined when there is no store. */
export function manifestStamp(layout: Layout): string | undefined {
  const facts = statSync(layout.manifest, { bigint: true, throwIfNoEntry: false });
  return facts === undefined ? undefined : `${facts.ino}:${facts.mtimeNs}:${facts.size}`;
}

/**
 * Undefined where there is no store.
 * @param known the master key; default: from where it lies
 * @throws TRB_NODE_STORE_KEY_WRONG, TRB_NODE_STORE_UNREADABLE, and what `readStoreKey` does
 */
export function readManifest(layout: Layout, known?: Uint8Array): OpenStore | undefined {
  if (!existsSync(layout.manifest)) return undefined;
  let file: Buffer;
  try {
    file = readFileSync(layout.manifest);
  } catch (cause) {
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: reasonOf(cause) }, cause);
  }
  if (file.length < headerLength || !magic.equals(file.subarray(0, magic.length))) {
    throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "its manifest is none" });
  }
  const store = file.subarray(8, 24).toString("hex");
  const master = known ?? fittingKey(layout, store, file.subarray(24, 40));
  const [sealed, header] = [file.subarray(headerLength), file.subarray(0, headerLength)];
  const plain = withManifestKey(master, store, (key) => unseal(sealed, key, header));
  if (plain === undefined) throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "its manifest was damaged or changed" });
  const contents = jsonWithin(contentsSchema, plain);
  if (contents === undefined) throw fail("TRB_NODE_STORE_UNREADABLE", { reason: "its manifest is of another version" });
  return { master, manifest: { ...contents, store, generation: Number(file.readBigUInt64LE(40)) } };
}

/** Synced before it counts; the manifest that was replaced is gone. @throws TRB_NODE_HOME_UNWRITABLE */
export function replaceManifest(layout: Layout, master: Uint8Array, { store, generation, ...contents }: Manifest): void {
  const header = Buffer.alloc(headerLength);
  magic.copy(header);
  header.write(store, 8, "hex");
  header.set(keyCheck(master, store), 24);
  header.writeBigUInt64LE(BigInt(generation), 40);
  const plain = Buffer.from(JSON.stringify(contentsSchema.parse(contents)), "utf8");
  replaceFileNow(layout.manifest, Buffer.concat([header, withManifestKey(master, store, (key) => seal(plain, key, header))]));
}

const withManifestKey = <Result>(master: Uint8Array, store: string, use: (key: Uint8Array) => Result): Result =>
  withKey(master, store, "manifest", use);
const keyCheck = (master: Uint8Array, store: string) => withKey(master, store, "key check", (key) => key.slice(0, 16));

function fittingKey(layout: Layout, store: string, check: Uint8Array): Uint8Array {
  const source = keySource(layout);
  const fits = (key: Uint8Array) => Buffer.compare(keyCheck(key, store), check) === 0;
  const key = readStoreKey(source);
  if (fits(key)) return key;
  key.fill(0);
  if (source.kind === "own" && existsSync(nextOf(source.path))) {
    // keys were being exchanged when a process ended, or are this very moment
    const next = readStoreKey({ kind: "own", path: nextOf(source.path) });
    if (fits(next)) {
      writeKey(source.path, next);
      return next;
    }
  }
  throw fail("TRB_NODE_STORE_KEY_WRONG", { source: source.kind === "environment" ? "TRIBUTARY_STORE_KEY" : source.path });
}
