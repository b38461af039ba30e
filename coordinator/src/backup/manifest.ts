/** `manifest.json` of a backup: what it is of, and every file in it with its hash. It is written last: without it there is no backup. */
import { fail } from "@tributary/errors";
import { sha256Hex } from "@tributary/protocol";
import { z } from "zod";
import { sha256Of } from "../storage/blobs.ts";
import type { ArchiveReader } from "./archive.ts";

export const manifestName = "manifest.json";

const manifestSchema = z.strictObject({
  format: z.literal("tributary coordinator backup"),
  version: z.literal(1),
  /** RFC 3339, by the clock of the machine that made it. */
  at: z.iso.datetime(),
  federation: z.string(),
  planHash: sha256Hex,
  /** Of the coordinator's identity key. */
  fingerprint: sha256Hex,
  /** Of the program that made it. */
  software: z.string(),
  engine: z.enum(["sqlite", "postgres"]),
  /** Version of the tables. */
  schema: z.int().min(1),
  ledger: z.strictObject({ entries: z.int().min(0), head: sha256Hex }),
  /** The round that was under way, of which nothing is in it. */
  roundUnderWay: z.int().min(1).nullable(),
  withKeys: z.boolean(),
  files: z.array(z.strictObject({ name: z.string().max(99), bytes: z.int().min(0), sha256: sha256Hex })).max(1_000_000),
});
export type Manifest = z.infer<typeof manifestSchema>;

export function manifestBytes(manifest: Manifest): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(manifest, undefined, 2)}\n`);
}

/** @throws TRB_BACKUP_UNREADABLE */
export async function readManifest(archive: ArchiveReader, path: string): Promise<Manifest> {
  if (!archive.names.includes(manifestName)) throw fail("TRB_BACKUP_UNREADABLE", { path, reason: "it has no manifest" });
  try {
    return manifestSchema.parse(JSON.parse(Buffer.from(await archive.read(manifestName)).toString("utf8")));
  } catch (_) {
    throw fail("TRB_BACKUP_UNREADABLE", { path, reason: "its manifest is not of a kind that this program knows" });
  }
}

/** One of the backup's files, as the manifest has it. @throws TRB_BACKUP_DAMAGED */
export async function readGenuine(archive: ArchiveReader, manifest: Manifest, name: string): Promise<Uint8Array> {
  const listed = manifest.files.find((file) => file.name === name);
  if (listed === undefined) throw fail("TRB_BACKUP_DAMAGED", { file: name, reason: "the manifest doesn't list it" });
  const content = await archive.read(name);
  if (content.length !== listed.bytes || sha256Of(content) !== listed.sha256) {
    throw fail("TRB_BACKUP_DAMAGED", { file: name, reason: "it has another hash than the manifest says" });
  }
  return content;
}
