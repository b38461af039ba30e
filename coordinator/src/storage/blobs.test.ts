/** One suite for blobs and for uploads in every place that objects are kept in, damaged ones among them. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { nodeId, sha256Hex } from "@tributary/protocol";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Blobs, claimObjects, openBlobs, sha256Of } from "./blobs.ts";
import { openDownloads } from "./downloads.ts";
import { type ObjectStore, openObjects } from "./objects.ts";
import { type S3Server, startS3 } from "./s3-server.test-support.ts";
import { bytesOfWords, checkUpload, openUploads, readUpload, wordsOf } from "./uploads.ts";

const scratch = mkdtempSync(join(tmpdir(), "tributary-blobs-"));
let s3: S3Server;
beforeAll(async () => {
  s3 = await startS3("tributary-test");
});
afterAll(async () => {
  await s3.stop();
  rmSync(scratch, { recursive: true, force: true });
});

const code = (name: string) => expect.objectContaining({ code: name });
const unlike = (content: Uint8Array) => content.map((octet, place) => (place === 7 ? octet ^ 1 : octet));

const places = [
  { engine: "a folder", address: () => join(scratch, "shared"), file: (name: string) => join(scratch, "shared", name) },
  {
    engine: "S3",
    address: () => "s3://tributary-test/one",
    file: (name: string) => join(s3.folder, "tributary-test", "one", `${name}._S3rver_object`),
  },
];

describe.each(places)("in $engine", ({ address, file }) => {
  let objects: ObjectStore;
  beforeAll(async () => {
    objects = await openObjects(address());
  });
  afterAll(() => objects.close());

  describe("blobs", () => {
    let blobs: Blobs;
    beforeEach(() => {
      blobs = openBlobs(objects);
    });
    const content = new Uint8Array(randomBytes(700_000));

    test("have the content that their name says, whole, as a stream, and in part", async () => {
      const sha256 = sha256Of(content);
      expect(await blobs.has(sha256)).toBe(false);
      expect([await blobs.put(content), await blobs.put(content)]).toEqual([sha256, sha256]);
      expect([await blobs.has(sha256), await blobs.size(sha256), await blobs.list()]).toEqual([true, content.length, [sha256]]);
      expect(await blobs.read(sha256)).toEqual(content);
      expect((await buffer(await blobs.stream(sha256))).equals(content)).toBe(true);
      expect((await buffer(await blobs.stream(sha256, 5, 100))).equals(content.subarray(5, 105))).toBe(true);
      await blobs.erase(sha256);
      const unknown = code("TRB_COORDINATOR_BLOB_UNKNOWN");
      await expect(blobs.read(sha256)).rejects.toEqual(unknown);
      await expect(blobs.stream(sha256)).rejects.toEqual(unknown);
      await expect(blobs.size(sha256)).rejects.toEqual(unknown);
      expect(await blobs.list()).toEqual([]);
    });

    test("of other content are refused, and as a stream break off before their end; what is written anew is mended", async () => {
      const sha256 = await blobs.put(content);
      const damaged = code("TRB_COORDINATOR_STORE_DAMAGED");
      for (const other of [unlike(content), content.subarray(0, 600_000), new Uint8Array()]) {
        writeFileSync(file(`blobs/${sha256}`), other);
        await expect(blobs.read(sha256)).rejects.toEqual(damaged);
        const stream = await blobs.stream(sha256);
        let seen = 0;
        const consumed = (async () => {
          for await (const piece of stream as AsyncIterable<Buffer>) seen += piece.length;
        })();
        await expect(consumed).rejects.toEqual(damaged);
        expect(seen).toBeLessThan(Math.max(1, other.length));
      }
      await blobs.put(content);
      expect(await blobs.read(sha256)).toEqual(content);
      await blobs.erase(sha256);
    });

    test("belong to one federation, whose place nobody else's start takes", async () => {
      const [own, other] = [sha256Of(new Uint8Array([1])), sha256Of(new Uint8Array([2]))];
      await claimObjects(objects, "fashion", own);
      await claimObjects(objects, "fashion", own);
      await expect(claimObjects(objects, "books", other)).rejects.toEqual(code("TRB_COORDINATOR_BLOBS_TAKEN"));
      await claimObjects(objects, "fashion", own);
      expect(await blobs.list()).toEqual([]); // what is swept
      await objects.erase(`blobs/owner.${own}`);
    });

    test("are read once for all who download them, if they are not too large to be kept", async () => {
      let reads = 0;
      const counted: Blobs = {
        ...blobs,
        read(sha256) {
          reads += 1;
          return blobs.read(sha256);
        },
      };
      const [first, second, large] = [content.subarray(1), content.subarray(2), content];
      const hashes = await Promise.all([first, second, large].map((one) => blobs.put(one)));
      const downloads = openDownloads(counted, content.length - 1);
      const fetch = async (place: number, from = 0, length = Number.MAX_SAFE_INTEGER) => {
        const found = await downloads.find(hashes[place] ?? sha256Of(new Uint8Array()));
        const body = await found.body(from, Math.min(length, found.size - from));
        return Buffer.isBuffer(body) ? body : await buffer(body);
      };
      const many = await Promise.all(Array.from({ length: 20 }, () => fetch(0)));
      expect(many.every((body) => body.equals(first))).toBe(true);
      expect(await fetch(0, 10, 5)).toEqual(Buffer.from(first.subarray(10, 15)));
      expect(reads).toBe(1);
      expect((await fetch(1)).equals(second)).toBe(true); // there is room for one of them
      expect((await fetch(0)).equals(first)).toBe(true);
      expect(reads).toBe(3);
      expect((await fetch(2)).equals(large)).toBe(true);
      expect((await fetch(2, 699_990)).equals(large.subarray(699_990))).toBe(true);
      expect(reads).toBe(3);
      const lost = await blobs.put(new Uint8Array([1, 2, 3]));
      writeFileSync(file(`blobs/${lost}`), "xyz");
      await expect(downloads.find(lost)).rejects.toEqual(code("TRB_COORDINATOR_STORE_DAMAGED"));
      await blobs.put(new Uint8Array([1, 2, 3])); // and asked for again, it is read again
      expect((await downloads.find(lost)).size).toBe(3);
      for (const sha256 of [...hashes, lost]) await blobs.erase(sha256);
    });
  });

  describe("uploads", () => {
    const vector = Uint32Array.from([0, 1, 2 ** 32 - 1, 77]);
    const bytes = bytesOfWords(vector);
    const upload = { round: 3, node: nodeId.parse("north"), sha256: sha256Of(bytes) };
    /** In two chunks, so that the hash runs over more than one. */
    const stream = (content: Uint8Array) =>
      Readable.from([Buffer.from(content.subarray(0, 5)), Buffer.from(content.subarray(5))]);
    const all = { from: 0, length: 4 };
    let staging: string;
    beforeEach(() => {
      staging = mkdtempSync(join(scratch, "staging-"));
    });
    const open = () => openUploads(objects, staging);

    test("count when they are whole and hash to their name, however many pieces they came in", async () => {
      const uploads = open();
      await uploads.receive(upload, stream(bytes), bytes.length);
      expect(await uploads.has(upload)).toBe(true);
      expect(await readUpload(objects, upload, all)).toEqual(vector);
      expect(await readUpload(objects, upload, { from: 1, length: 2 })).toEqual(vector.subarray(1, 3));
      expect(wordsOf(bytes)).toEqual(vector);

      const other = { ...upload, node: nodeId.parse("south") };
      const short = uploads.receive(other, stream(bytes.subarray(0, 12)), bytes.length);
      await expect(short).rejects.toEqual(code("TRB_COORDINATOR_UPLOAD_LENGTH"));
      expect([await uploads.has(other), await uploads.offset(other)]).toEqual([false, 12]);
      const again = uploads.receive(other, stream(bytes), bytes.length);
      await expect(again).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_OFFSET", details: { offset: 12 } });
      const torn = uploads.receive(other, Readable.from(failing()), bytes.length, 12);
      await expect(torn).rejects.toThrow("connection lost");
      expect(await uploads.offset(other)).toBe(15);
      await open().receive(other, stream(bytes.subarray(15)), bytes.length, 15); // by a process that was started anew
      expect([await uploads.has(other), await uploads.offset(other)]).toEqual([true, bytes.length]);
      expect(await readUpload(objects, other, all)).toEqual(vector);
      await uploads.erase(other);

      const long = uploads.receive(other, stream(new Uint8Array(1000)), bytes.length);
      await expect(long).rejects.toEqual(code("TRB_COORDINATOR_UPLOAD_LENGTH"));
      const wrong = uploads.receive(other, stream(bytes.map((byte) => byte ^ 1)), bytes.length);
      await expect(wrong).rejects.toEqual(code("TRB_COORDINATOR_UPLOAD_HASH"));
      const begun = uploads.receive(other, stream(bytes.subarray(0, 8).map((byte) => byte ^ 1)), bytes.length);
      await expect(begun).rejects.toEqual(code("TRB_COORDINATOR_UPLOAD_LENGTH"));
      const damaged = uploads.receive(other, stream(bytes.subarray(8)), bytes.length, 8);
      await expect(damaged).rejects.toEqual(code("TRB_COORDINATOR_UPLOAD_HASH"));
      expect(await uploads.offset(other)).toBe(0);
      expect([await objects.list("uploads/"), readdirSync(staging)]).toEqual([[`uploads/3.north.${upload.sha256}`], []]);
      await uploads.eraseRound(3);
    });

    test("of one node and round are one, wherever they came in; a round's are erased together, with all before", async () => {
      const [uploads, elsewhere] = [open(), openUploads(objects, mkdtempSync(join(scratch, "staging-")))];
      const second = { ...upload, sha256: sha256Hex.parse("0".repeat(64)) };
      await expect(uploads.receive(upload, stream(bytes.subarray(0, 12)), bytes.length)).rejects.toThrow();
      expect([await uploads.hasOther(second), await elsewhere.hasOther(second)]).toEqual([true, false]);
      await elsewhere.receive(upload, stream(bytes), bytes.length);
      for (const one of [uploads, elsewhere, open()]) {
        expect([await one.hasOther(upload), await one.hasOther(second)]).toEqual([false, true]);
        expect(await one.hasOther({ ...second, node: nodeId.parse("nort") })).toBe(false);
      }
      await uploads.receive({ ...upload, round: 33 }, stream(bytes), bytes.length);
      expect(readdirSync(staging)).toEqual([]); // what was begun in a round before is of no use
      await uploads.eraseRound(32);
      expect(await objects.list("uploads/")).toEqual([`uploads/33.north.${upload.sha256}`]);
      await uploads.eraseAllBut(33);
      expect(await objects.list("uploads/")).toHaveLength(1);
      await uploads.eraseAllBut(undefined);
      expect(await objects.list("uploads/")).toEqual([]);
    });

    test("are listed once a round, however many come in", async () => {
      let lists = 0;
      const counted: ObjectStore = {
        ...objects,
        list(prefix) {
          lists += 1;
          return objects.list(prefix);
        },
      };
      const uploads = openUploads(counted, staging);
      const names = Array.from({ length: 20 }, (_, place) => nodeId.parse(`node-${place}`));
      for (const round of [40, 41]) {
        await Promise.all(names.map((node) => uploads.hasOther({ ...upload, round, node })));
        for (const node of names) {
          await uploads.receive({ ...upload, round, node }, stream(bytes), bytes.length);
          expect(await uploads.hasOther({ ...upload, round, node, sha256: sha256Hex.parse("0".repeat(64)) })).toBe(true);
        }
      }
      expect(lists).toBe(2);
      const wrong = { ...upload, round: 41, node: nodeId.parse("late"), sha256: sha256Hex.parse("1".repeat(64)) };
      await expect(uploads.receive(wrong, stream(bytes), bytes.length)).rejects.toEqual(code("TRB_COORDINATOR_UPLOAD_HASH"));
      expect(await uploads.hasOther({ ...upload, round: 41, node: wrong.node })).toBe(false); // nothing of it was kept
      const [first = upload.node] = names;
      await uploads.erase({ ...upload, round: 41, node: first });
      expect(await uploads.hasOther({ ...wrong, node: first })).toBe(false);
      await open().eraseRound(41);
    });

    test("that were cut short, or are gone, are found out by whoever reads them", async () => {
      const uploads = open();
      await uploads.receive(upload, stream(bytes), bytes.length);
      const path = file(`uploads/3.north.${upload.sha256}`);
      writeFileSync(path, readFileSync(path).subarray(0, 15));
      const damaged = code("TRB_COORDINATOR_UPLOAD_LOST");
      await expect(readUpload(objects, upload, all)).rejects.toEqual(damaged);
      await expect(checkUpload(objects, upload)).rejects.toEqual(damaged);
      expect(await readUpload(objects, upload, { from: 0, length: 3 })).toEqual(vector.subarray(0, 3));
      await uploads.erase(upload);
      await expect(readUpload(objects, upload, all)).rejects.toEqual(damaged);
      await expect(checkUpload(objects, upload)).rejects.toEqual(damaged);
    });

    test("that can't be published now ask for their last word again, and are published with it", async () => {
      const full = Object.assign(new Error("full"), { code: "TRB_COORDINATOR_BLOBS_FULL" });
      const uploads = openUploads({ ...objects, putFile: () => Promise.reject(full) }, staging);
      await expect(uploads.receive(upload, stream(bytes), bytes.length)).rejects.toBe(full);
      expect([await uploads.has(upload), await uploads.offset(upload)]).toEqual([false, 12]);
      await open().receive(upload, stream(bytes.subarray(12)), bytes.length, 12);
      expect(await readUpload(objects, upload, all)).toEqual(vector);
      await open().eraseRound(3);
    });

    async function* failing() {
      yield Buffer.from(bytes.subarray(12, 15));
      throw new Error("connection lost");
    }
  });
});
