/** What is on disk is whole, whatever was interrupted; and a home belongs to one process, however the last one died. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { nodeId, sha256Hex } from "@tributary/protocol";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { coordinatorIdentity } from "../home/identity.ts";
import { clearTemporaries, homeLayout, makeFolders, temporaryBeside } from "../home/layout.ts";
import { isServed, lockHome } from "../home/lock.ts";
import { openBlobs, sha256Of } from "./blobs.ts";
import { openLedgerFile } from "./ledger-file.ts";
import { bytesOfWords, openUploads, readUpload, wordsOf } from "./uploads.ts";

let home: string;
const layout = () => homeLayout(home);

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "tributary-storage-"));
  makeFolders(layout());
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("blobs", () => {
  test("have the content that their name says, or are refused", () => {
    const blobs = openBlobs(layout().blobs);
    const content = new Uint8Array([1, 2, 3]);
    const sha256 = blobs.put(content);
    expect(blobs.put(content)).toBe(sha256);
    expect(blobs.read(sha256)).toEqual(content);
    writeFileSync(blobs.path(sha256), "damaged");
    expect(() => blobs.read(sha256)).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_STORE_DAMAGED" }));
    blobs.erase(sha256);
    expect(() => blobs.read(sha256)).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_BLOB_UNKNOWN" }));
  });

  test("half-written by a process that was killed are cleared at the next start", () => {
    writeFileSync(temporaryBeside(join(layout().blobs, "x")), "half");
    clearTemporaries(layout());
    expect(readdirSync(layout().blobs)).toEqual([]);
  });
});

describe("uploads", () => {
  const vector = Uint32Array.from([0, 1, 2 ** 32 - 1, 77]);
  const bytes = bytesOfWords(vector);
  const upload = { round: 3, node: nodeId.parse("north"), sha256: sha256Of(bytes) };
  /** In two chunks, so that the hash runs over more than one. */
  const stream = (content: Uint8Array) =>
    Readable.from([Buffer.from(content.subarray(0, 5)), Buffer.from(content.subarray(5))]);

  test("count when they are whole and hash to their name, however many pieces they came in", async () => {
    const uploads = openUploads(layout().uploads);
    await uploads.receive(upload, stream(bytes), bytes.length);
    expect(uploads.has(upload)).toBe(true);
    expect(await readUpload(layout().uploads, upload)).toEqual(vector);
    expect(wordsOf(bytes)).toEqual(vector);

    const other = { ...upload, node: nodeId.parse("south") };
    const short = uploads.receive(other, stream(bytes.subarray(0, 12)), bytes.length);
    await expect(short).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_LENGTH" });
    expect([uploads.has(other), uploads.offset(other)]).toEqual([false, 12]);
    const again = uploads.receive(other, stream(bytes), bytes.length);
    await expect(again).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_OFFSET", details: { offset: 12 } });
    const torn = uploads.receive(other, Readable.from(failing()), bytes.length, 12);
    await expect(torn).rejects.toThrow("connection lost");
    expect(uploads.offset(other)).toBe(15);
    await uploads.receive(other, stream(bytes.subarray(15)), bytes.length, 15);
    expect([uploads.has(other), uploads.offset(other)]).toEqual([true, bytes.length]);
    expect(await readUpload(layout().uploads, other)).toEqual(vector);
    uploads.erase(other);

    const long = uploads.receive(other, stream(new Uint8Array(1000)), bytes.length);
    await expect(long).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_LENGTH" });
    const wrong = uploads.receive(other, stream(bytes.map((byte) => byte ^ 1)), bytes.length);
    await expect(wrong).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_HASH" });
    await uploads.receive(other, stream(bytes.subarray(0, 8).map((byte) => byte ^ 1)), bytes.length).catch(() => {});
    const damaged = uploads.receive(other, stream(bytes.subarray(8)), bytes.length, 8);
    await expect(damaged).rejects.toMatchObject({ code: "TRB_COORDINATOR_UPLOAD_HASH" });
    expect(uploads.offset(other)).toBe(0);
    expect(readdirSync(layout().uploads)).toHaveLength(1);
  });

  test("of one node and round are one; a round's are erased together", async () => {
    const uploads = openUploads(layout().uploads);
    await uploads.receive(upload, stream(bytes), bytes.length);
    expect(uploads.hasOther(upload)).toBe(false);
    expect(uploads.hasOther({ ...upload, sha256: sha256Hex.parse("0".repeat(64)) })).toBe(true);
    expect(uploads.hasOther({ ...upload, node: nodeId.parse("nort"), sha256: sha256Hex.parse("0".repeat(64)) })).toBe(false);
    await uploads.receive({ ...upload, round: 33 }, stream(bytes), bytes.length);
    uploads.eraseRound(3);
    expect(readdirSync(layout().uploads)).toEqual([`33.north.${upload.sha256}`]);
    uploads.eraseAllBut(undefined);
    expect(readdirSync(layout().uploads)).toEqual([]);
  });

  async function* failing() {
    yield Buffer.from(bytes.subarray(12, 15));
    throw new Error("connection lost");
  }
});

describe("the ledger file", () => {
  test("follows the store", () => {
    const file = openLedgerFile(layout().ledger, ["a", "b"]);
    file.append("c");
    file.close();
    expect(readFileSync(layout().ledger, "utf8")).toBe("a\nb\nc\n");
    openLedgerFile(layout().ledger, ["a", "b"]).close();
    expect(readFileSync(layout().ledger, "utf8")).toBe("a\nb\n");
  });
});

describe("the identity", () => {
  test("stays, is the owner's only, and is refused when others can read it", () => {
    const { key } = coordinatorIdentity(home);
    expect(coordinatorIdentity(home).key).toBe(key);
    const file = layout().identity;
    expect(statSync(file).mode & 0o777).toBe(0o600);
    chmodSync(file, 0o644);
    expect(() => coordinatorIdentity(home)).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_KEY_UNREADABLE" }));
    chmodSync(file, 0o600);
    writeFileSync(file, "short");
    expect(() => coordinatorIdentity(home)).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_KEY_UNREADABLE" }));
  });
});

describe("the lock", () => {
  test("is held by one, within a process and between processes, and dies with its process", async () => {
    const lock = lockHome(layout());
    expect(isServed(layout())).toBe(true);
    expect(() => lockHome(layout())).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_HOME_IN_USE" }));
    lock.release();
    expect(isServed(layout())).toBe(false);

    const script = `
      const { DatabaseSync } = await import("node:sqlite");
      const file = new DatabaseSync(process.argv[1]);
      file.exec("BEGIN EXCLUSIVE");
      console.log("locked");
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, layout().lock], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    await once(child.stdout, "data");
    expect(isServed(layout())).toBe(true);
    expect(() => lockHome(layout())).toThrow(expect.objectContaining({ code: "TRB_COORDINATOR_HOME_IN_USE" }));
    child.kill("SIGKILL");
    await once(child, "exit");
    lockHome(layout()).release();
  });
});
