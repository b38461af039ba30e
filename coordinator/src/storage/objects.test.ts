/** One suite for every place that objects are kept in; then what each does when its place is full, gone, or no place at all. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ObjectStore, openObjects } from "./objects.ts";
import { openS3 } from "./objects-s3.ts";
import { type S3Server, startS3 } from "./s3-server.test-support.ts";

const scratch = mkdtempSync(join(tmpdir(), "tributary-objects-"));
let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3("tributary-test");
});
afterAll(async () => {
  await s3.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const places = [
  { engine: "a folder", address: () => join(scratch, "shared") },
  { engine: "S3", address: () => "s3://tributary-test/one/federation" },
  { engine: "S3 without a prefix", address: () => "s3://tributary-test" },
];

describe.each(places)("objects in $engine", ({ address }) => {
  let objects: ObjectStore;
  beforeAll(async () => {
    objects = await openObjects(address());
  });
  afterAll(() => objects.close());

  test("are whole, in ranges and as streams what was written, and gone once they are erased", async () => {
    const content = new Uint8Array(randomBytes(300_001));
    expect(await objects.size("blobs/a")).toBeUndefined();
    expect(await objects.read("blobs/a")).toBeUndefined();
    expect(await objects.read("blobs/a", { from: 3, length: 4 })).toBeUndefined();
    expect(await objects.stream("blobs/a")).toBeUndefined();
    await objects.put("blobs/a", content);
    expect(await objects.size("blobs/a")).toBe(content.length);
    expect(await objects.read("blobs/a")).toEqual(content);
    expect(await objects.read("blobs/a", { from: 70_000, length: 100_000 })).toEqual(content.subarray(70_000, 170_000));
    expect(await objects.read("blobs/a", { from: 300_000, length: 9 })).toEqual(content.subarray(300_000));
    expect(await objects.read("blobs/a", { from: 300_001, length: 9 })).toEqual(new Uint8Array());
    expect(await objects.read("blobs/a", { from: 5, length: 0 })).toEqual(new Uint8Array());
    for (const [from, length] of [[0], [299_000], [0, 5], [70_000, 123_456]] as const) {
      const stream = await objects.stream("blobs/a", from, length);
      const end = length === undefined ? undefined : from + length;
      expect(stream && (await buffer(stream)).equals(content.subarray(from, end))).toBe(true);
    }
    await objects.put("blobs/a", content.subarray(0, 3));
    expect(await objects.read("blobs/a")).toEqual(content.subarray(0, 3));
    await objects.put("blobs/empty", new Uint8Array());
    expect([await objects.size("blobs/empty"), await objects.read("blobs/empty")]).toEqual([0, new Uint8Array()]);
    for (const name of ["blobs/a", "blobs/empty"]) await objects.erase(name);
    await objects.erase("blobs/a");
    expect(await objects.read("blobs/a")).toBeUndefined();
    expect(await objects.list("blobs/")).toEqual([]);
  });

  test("are listed by the beginnings of their names, space by space", async () => {
    const names = ["uploads/7.north.a", "uploads/7.south.b", "uploads/77.north.c", "work/7.x"];
    for (const name of names) await objects.put(name, new Uint8Array([1]));
    expect(await objects.list("uploads/")).toEqual(names.slice(0, 3));
    expect(await objects.list("uploads/7.")).toEqual(names.slice(0, 2));
    expect(await objects.list("uploads/8")).toEqual([]);
    for (const name of names) await objects.erase(name);
  });

  test("come from files, which are gone then", async () => {
    const file = join(scratch, "staged");
    const content = new Uint8Array(randomBytes(200_000));
    writeFileSync(file, content);
    await objects.putFile("uploads/1.north.a", file);
    expect(existsSync(file)).toBe(false);
    expect(await objects.read("uploads/1.north.a")).toEqual(content);
    await objects.erase("uploads/1.north.a");
  });
});

test("a store of more objects than one answer of S3's has is listed whole", async () => {
  const objects = openS3({ bucket: "tributary-test", prefix: "many", endpoint: s3.endpoint, page: 4 });
  for (const count of [3, 4, 5, 9]) {
    const names = Array.from({ length: count }, (_, place) => `work/${place}`);
    await Promise.all(names.map((name) => objects.put(name, new Uint8Array([1]))));
    expect(await objects.list("work/")).toEqual(names);
  }
  objects.close();
});

test("an S3 store that is away is told by its code, and serves again when it is back", { timeout: 60_000 }, async () => {
  const objects = await openObjects("s3://tributary-test/away");
  await objects.put("blobs/a", new Uint8Array([1, 2]));
  const file = join(scratch, "waits");
  writeFileSync(file, "still here");
  await s3.pause();
  const unreachable = expect.objectContaining({ code: "TRB_COORDINATOR_BLOBS_UNREACHABLE" });
  await expect(objects.read("blobs/a")).rejects.toEqual(unreachable);
  await expect(objects.putFile("uploads/1.north.a", file)).rejects.toEqual(unreachable);
  expect(existsSync(file)).toBe(true);
  const back = objects.putFile("uploads/1.north.a", file);
  await s3.resume(); // while it asks again
  await back;
  expect(await objects.read("blobs/a")).toEqual(new Uint8Array([1, 2]));
  expect(await objects.read("uploads/1.north.a")).toEqual(new Uint8Array(Buffer.from("still here")));
  objects.close();
});

test("a bucket that isn't there is a store that can't be reached, not an object that is missing", async () => {
  const objects = await openObjects("s3://no-such-bucket/x");
  await expect(objects.read("blobs/a")).rejects.toMatchObject({
    ...{ code: "TRB_COORDINATOR_BLOBS_UNREACHABLE", details: { reason: "NoSuchBucket" } },
  });
  objects.close();
});

test("what is neither folder nor bucket is refused before anything is written", async () => {
  const refused = expect.objectContaining({ code: "TRB_COORDINATOR_BLOBS_ADDRESS" });
  for (const address of ["http://host/bucket", "s3://", "s3://UPPER/x", "s3://bucket/a?b"]) {
    await expect(openObjects(address)).rejects.toEqual(refused);
  }
  const endpoint = process.env["TRIBUTARY_S3_ENDPOINT"];
  process.env["TRIBUTARY_S3_ENDPOINT"] = "localhost:9000";
  await expect(openObjects("s3://bucket/x")).rejects.toEqual(refused);
  process.env["TRIBUTARY_S3_ENDPOINT"] = endpoint;
});

describe("a folder", () => {
  test("that can't be made is told by its code", async () => {
    writeFileSync(join(scratch, "file"), "");
    await expect(openObjects(join(scratch, "file", "below"))).rejects.toMatchObject({
      ...{ code: "TRB_COORDINATOR_BLOBS_UNREACHABLE", details: { reason: "ENOTDIR" } },
    });
  });

  test("loses what a killed process had begun to write, once it is a day old, and lists none of it", async () => {
    const folder = join(scratch, "abandoned");
    await openObjects(folder);
    for (const name of [".writing-old", ".writing-new"]) writeFileSync(join(folder, "blobs", name), "half");
    const old = new Date(Date.now() - 25 * 3600 * 1000);
    utimesSync(join(folder, "blobs", ".writing-old"), old, old);
    const objects = await openObjects(folder);
    expect(readdirSync(join(folder, "blobs"))).toEqual([".writing-new"]);
    expect(await objects.list("blobs/")).toEqual([]);
  });
});

/** A file system of 256 KiB; undefined where this process may not mount one. */
function smallDisk(): string | undefined {
  const folder = join(scratch, "small");
  mkdirSync(folder, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], { stdio: "ignore" });
    chmodSync(folder, 0o700);
    return folder;
  } catch {
    return undefined;
  }
}

const disk = smallDisk();
afterAll(() => {
  if (disk !== undefined) execFileSync("umount", [disk]);
});

describe.skipIf(disk === undefined)("a disk of 256 KiB (mounting one takes root)", () => {
  test("that is full says so, keeps what it has and nothing half, and takes more once there is room", async () => {
    const objects = await openObjects(disk ?? "");
    const [first, second] = [new Uint8Array(randomBytes(150_000)), new Uint8Array(randomBytes(150_000))];
    const full = expect.objectContaining({ code: "TRB_COORDINATOR_BLOBS_FULL" });
    await objects.put("blobs/first", first);
    await expect(objects.put("blobs/second", second)).rejects.toEqual(full);
    const staged = join(scratch, "from another disk");
    writeFileSync(staged, second);
    await expect(objects.putFile("uploads/1.north.a", staged)).rejects.toEqual(full);
    expect([existsSync(staged), readdirSync(join(disk ?? "", "uploads"))]).toEqual([true, []]);
    expect(await objects.list("blobs/")).toEqual(["blobs/first"]);
    expect(await objects.read("blobs/first")).toEqual(first);
    await objects.erase("blobs/first");
    await objects.putFile("uploads/1.north.a", staged);
    expect(await objects.read("uploads/1.north.a")).toEqual(second);
    expect(existsSync(staged)).toBe(false);
  });
});
