/**
 * Objects in an S3-compatible store: `s3://<bucket>/<prefix>/<space>/<name>`. One PUT each, which is all or nothing there and durable when it is
 * answered. The SDK asks again a bounded number of times; a file's stream it can't send twice, so that is done here.
 */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { Readable } from "node:stream";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from "@aws-sdk/client-s3";
import { fail, isTributaryError } from "@tributary/errors";
import type { ObjectStore, OctetRange } from "./objects.ts";

export interface S3Place {
  readonly bucket: string;
  readonly prefix: string;
  /** Another server than Amazon's, which knows buckets by path. */
  readonly endpoint: string | undefined;
  /** Names in one answer to `list`, at most. Default: as many as the store gives, a thousand. */
  readonly page?: number;
}

/** How often one request is sent before the store counts as unreachable. */
const attempts = 4;
/** In milliseconds: for a connection, and for the next octet of an answer. */
const timeouts = { connectionTimeout: 5_000, socketTimeout: 20_000 };

/** What goes wrong is told by a coded error; the SDK would write to stderr besides. */
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

export function openS3({ bucket: Bucket, prefix, endpoint, page: MaxKeys }: S3Place): ObjectStore {
  const client = new S3Client({
    maxAttempts: attempts,
    requestHandler: timeouts,
    logger: silent,
    // Checksums of their own are not understood by every compatible store; contents are held to their SHA-256 by us.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true, region: process.env["AWS_REGION"] ?? "us-east-1" }),
  });
  const root = prefix === "" ? "" : `${prefix}/`;
  const most = MaxKeys === undefined ? {} : { MaxKeys };
  const at = (name: string) => ({ Bucket, Key: `${root}${name}` });

  const get = async (name: string, range: string | undefined): Promise<Readable | undefined> => {
    const request = new GetObjectCommand({ ...at(name), ...(range === undefined ? {} : { Range: range }) });
    const { Body } = (await unlessMissing(() => client.send(request))) ?? {};
    if (Body === undefined || Body instanceof Readable) return Body;
    throw fail("TRB_UNEXPECTED", { reason: "an S3 object that is no stream" });
  };

  return {
    put: (name, content) =>
      coded(async () => {
        await client.send(new PutObjectCommand({ ...at(name), Body: content, ContentLength: content.length }));
      }),
    putFile: (name, path) =>
      coded(async () => {
        const ContentLength = (await stat(path)).size;
        const ChecksumSHA256 = await base64Hash(path); // a store that knows it refuses what changed on the way
        for (let attempt = 1; ; attempt++) {
          const Body = createReadStream(path);
          try {
            await client.send(new PutObjectCommand({ ...at(name), Body, ContentLength, ChecksumSHA256 }));
            break;
          } catch (error) {
            if (attempt === attempts || !mayPass(error)) throw error;
            await new Promise((resolve) => setTimeout(resolve, 100 * 2 ** attempt));
          } finally {
            Body.destroy();
          }
        }
        await rm(path, { force: true });
      }),
    size: (name) =>
      coded(async () => {
        const found = await unlessMissing(() => client.send(new HeadObjectCommand(at(name))));
        return found?.ContentLength;
      }),
    read: (name, range) =>
      coded(async () => {
        if (range?.length === 0) return new Uint8Array();
        const body = await get(name, rangeHeader(range)).catch((error: unknown) => {
          if (statusOf(error) === 416) return Readable.from([]); // it ends before the range begins
          throw error;
        });
        if (body === undefined) return undefined;
        const pieces: Buffer[] = [];
        for await (const piece of body) pieces.push(piece);
        const octets = Buffer.concat(pieces);
        return new Uint8Array(octets.buffer, octets.byteOffset, octets.length);
      }),
    stream: (name, from = 0, length) =>
      coded(() => get(name, length !== undefined ? rangeHeader({ from, length }) : from === 0 ? undefined : `bytes=${from}-`)),
    erase: (name) =>
      coded(async () => {
        await client.send(new DeleteObjectCommand(at(name)));
      }),
    list: (prefixOfNames) =>
      coded(async () => {
        const names: string[] = [];
        for (let Marker = "", more = true; more; ) {
          // the first version of this request, which every compatible store knows
          const page = await client.send(
            new ListObjectsCommand({ Bucket, Prefix: `${root}${prefixOfNames}`, Marker, ...most }),
          );
          const keys = (page.Contents ?? []).flatMap(({ Key }) => Key ?? []);
          names.push(...keys.map((key) => key.slice(root.length)));
          Marker = keys.at(-1) ?? "";
          more = page.IsTruncated === true && keys.length > 0;
        }
        return names.sort();
      }),
    close: () => client.destroy(),
  };
}

const rangeHeader = (range: OctetRange | undefined) =>
  range === undefined ? undefined : `bytes=${range.from}-${range.from + range.length - 1}`;

async function base64Hash(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece);
  return hash.digest("base64");
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined;

async function unlessMissing<Result>(work: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await work();
  } catch (error) {
    if (statusOf(error) === 404 && error instanceof Error && error.name !== "NoSuchBucket") return undefined;
    throw error;
  }
}

/** Whether asking again may help: it was never answered, or by a server that is unwell or overloaded. */
function mayPass(error: unknown): boolean {
  const status = statusOf(error);
  return status === undefined || status >= 500 || status === 429;
}

/** The store's and the connection's complaints in our table's words: by their names, for what they say may quote keys. */
async function coded<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Error) || isTributaryError(error) || error instanceof TypeError) throw error;
    const reason = "code" in error && typeof error.code === "string" ? error.code : error.name;
    if (statusOf(error) === 507) throw fail("TRB_COORDINATOR_BLOBS_FULL", { reason }, error);
    throw fail("TRB_COORDINATOR_BLOBS_UNREACHABLE", { reason }, error);
  }
}
