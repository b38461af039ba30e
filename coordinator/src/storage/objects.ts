/**
 * Where a deployment keeps what is large: contents with names, in a folder (which replicas may share) or in an S3-compatible store. What
 * has a name is whole and survives a power cut; whoever reads it finds the whole or nothing. `blobs.ts`, `uploads.ts` and
 * the work under way stand on it, each in a space of its own: `blobs/…`, `uploads/…`, `work/…`.
 */
import type { Readable } from "node:stream";
import { fail } from "@tributary/errors";
import { z } from "zod";
import { openFolder } from "./objects-folder.ts";

/** Some octets of a content. */
export interface OctetRange {
  readonly from: number;
  readonly length: number;
}

/**
 * Names are `<space>/<name>`, the name without `/` and not beginning with `.`.
 * Every method @throws TRB_COORDINATOR_BLOBS_UNREACHABLE when the store doesn't answer, TRB_COORDINATOR_BLOBS_FULL when it has no room left
 */
export interface ObjectStore {
  /** Durable when it settles; what had the name before is replaced. */
  put(name: string, content: Uint8Array): Promise<void>;
  /** A synced file of this machine becomes the content; the file is gone afterwards. */
  putFile(name: string, path: string): Promise<void>;
  /** In octets; undefined where there is no such content. */
  size(name: string): Promise<number | undefined>;
  /** The whole, or as much of a range as there is; undefined where there is no such content. */
  read(name: string, range?: OctetRange): Promise<Uint8Array | undefined>;
  /** From an octet on, so many of them or all; undefined where there is no such content. */
  stream(name: string, from?: number, length?: number): Promise<Readable | undefined>;
  /** What isn't there is erased already. */
  erase(name: string): Promise<void>;
  /** Names that begin so, in order; `prefix` has the space and may have a beginning of the name. */
  list(prefix: string): Promise<string[]>;
  close(): void;
}

const s3Address = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9!_.*'()/-]*?))?\/?$/;
const endpointUrl = z.url({ protocol: /^https?$/ });

/**
 * @param address a folder, or `s3://bucket/prefix`: then TRIBUTARY_S3_ENDPOINT names another server than Amazon's, and credentials and region come from where
 *   the SDK looks for them
 * @throws TRB_COORDINATOR_BLOBS_ADDRESS, TRB_COORDINATOR_BLOBS_UNREACHABLE, TRB_COORDINATOR_BLOBS_FULL
 */
export async function openObjects(address: string): Promise<ObjectStore> {
  if (!/^[a-z0-9]+:\/\//i.test(address)) return await openFolder(address);
  const [, bucket, prefix = ""] = s3Address.exec(address) ?? [];
  if (bucket === undefined) throw fail("TRB_COORDINATOR_BLOBS_ADDRESS", { reason: "expected a folder or s3://bucket/prefix" });
  const endpoint = process.env["TRIBUTARY_S3_ENDPOINT"];
  if (endpoint !== undefined && !endpointUrl.safeParse(endpoint).success) {
    throw fail("TRB_COORDINATOR_BLOBS_ADDRESS", { reason: "TRIBUTARY_S3_ENDPOINT is no http or https URL" });
  }
  const { openS3 } = await import("./objects-s3.ts"); // the SDK is large, and most have no use for it
  return openS3({ bucket, prefix, endpoint });
}
