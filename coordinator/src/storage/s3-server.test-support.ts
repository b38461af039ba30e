/** A private S3 server for a test: s3rver, in this process, on a free port of the loopback interface. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";

interface PutObject {
  readonly bucket: string;
  readonly key: string;
  readonly content: Buffer | Readable;
  readonly metadata: unknown;
}

interface S3rver {
  readonly store: {
    putObject(object: PutObject): Promise<{ readonly size: number; readonly md5: string }>;
    putMetadata(bucket: string, key: string, metadata: unknown, md5: string): Promise<void>;
    getResourcePath(bucket: string, key: string, resource: "object"): string;
  };
  run(): Promise<unknown>;
  close(): Promise<void>;
}

const require = createRequire(import.meta.url);
/** It has no types of its own. */
const S3rver = require("s3rver") as new (options: object) => S3rver;

export interface S3Server {
  readonly endpoint: string;
  /** Where it keeps a bucket's objects: `<name>._S3rver_object`. */
  readonly folder: string;
  /** Goes away; contents stay. */
  pause(): Promise<void>;
  /** Comes back, on the same port. */
  resume(): Promise<void>;
  stop(): Promise<void>;
}

/** With one bucket. Sets what the SDK reads from the environment; `stop` takes it back. */
export async function startS3(bucket: string): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), "tributary-s3-"));
  const port = await freePort();
  const endpoint = `http://127.0.0.1:${port}`;
  const begin = async () => {
    const begun = new S3rver({
      ...{ address: "127.0.0.1", port, silent: true, directory: folder, vhostBuckets: false },
      configureBuckets: [{ name: bucket }],
    });
    begun.store.putObject = (object) => put(begun, object);
    await begun.run();
    return begun;
  };
  let server: S3rver | undefined = await begin();
  const environment = { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER", TRIBUTARY_S3_ENDPOINT: endpoint };
  const before = Object.keys(environment).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, environment);
  const pause = async () => {
    await server?.close();
    server = undefined;
  };
  return {
    ...{ endpoint, folder, pause },
    async resume() {
      server ??= await begin();
    },
    async stop() {
      await pause();
      for (const [name, value] of before) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Its own answers before the file is written, which no S3 does. */
async function put({ store }: S3rver, { bucket, key, content, metadata }: PutObject) {
  const octets = Buffer.isBuffer(content) ? content : await buffer(content);
  const path = store.getResourcePath(bucket, key, "object");
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, octets);
  const md5 = createHash("md5").update(octets).digest("hex");
  await store.putMetadata(bucket, key, metadata, md5);
  return { size: octets.length, md5 };
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const address = probe.address();
  probe.close();
  await once(probe, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}
