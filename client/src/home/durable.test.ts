import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { appendNow, replaceFile, replaceFileNow, temporarySuffix } from "./durable.ts";
import { layoutOf, makeFolders, sweepTemporaries } from "./layout.ts";
import { lockHome } from "./lock.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tributary-client-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("a replaced file", () => {
  test("holds the new bytes, is closed to other users, and leaves nothing beside it", async () => {
    const path = join(folder, "secret");
    replaceFileNow(path, "old");
    await replaceFile(path, new Uint8Array([1, 2, 3]));
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["secret"]);
  });

  test("keeps its old bytes when the new ones can't be written", async () => {
    const path = join(folder, "missing", "secret");
    await expect(replaceFile(path, "new")).rejects.toMatchObject({ code: "TRB_NODE_HOME_UNWRITABLE" });
    expect(() => replaceFileNow(path, "new")).toThrow(expect.objectContaining({ code: "TRB_NODE_HOME_UNWRITABLE" }));
    expect(readdirSync(folder)).toEqual([]);
  });

  test("a killed writer's half is swept at the next start, and the old file stands", () => {
    const layout = layoutOf(folder);
    makeFolders(layout);
    replaceFileNow(layout.state, "whole");
    writeFileSync(`${layout.state}.00${temporarySuffix}`, "ha");
    sweepTemporaries(layout);
    expect(readdirSync(layout.rounds).sort()).toEqual(["CACHEDIR.TAG", "state.json"]);
    expect(readFileSync(layout.state, "utf8")).toBe("whole");
  });

  test("what another process is writing while a node starts is left alone, and taken away once nobody can be at it", () => {
    const layout = layoutOf(folder);
    makeFolders(layout);
    const halves = [layout.policy, layout.storeKey].map((path) => `${path}.00${temporarySuffix}`);
    for (const half of halves) writeFileSync(half, "ha");
    sweepTemporaries(layout);
    expect(halves.map((half) => existsSync(half))).toEqual([true, true]);
    const longAgo = new Date(Date.now() - 7_200_000);
    for (const half of halves) utimesSync(half, longAgo, longAgo);
    sweepTemporaries(layout);
    expect(halves.map((half) => existsSync(half))).toEqual([false, false]);
  });
});

test("appending writes over a torn line and never moves what stands before it", () => {
  const path = join(folder, "lines");
  appendNow(path, "one\n", 0);
  writeFileSync(path, "one\ntw");
  appendNow(path, "two\n", 4);
  expect(readFileSync(path, "utf8")).toBe("one\ntwo\n");
});

test("a home has one holder at a time, and a holder that is gone holds nothing", () => {
  const layout = layoutOf(folder);
  const first = lockHome(layout);
  expect(() => lockHome(layout)).toThrow(expect.objectContaining({ code: "TRB_NODE_HOME_BUSY" }));
  first.release();
  lockHome(layout).release();
});
