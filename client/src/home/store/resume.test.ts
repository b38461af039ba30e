import { type ChildProcess, spawn } from "node:child_process";
import { readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mergeHistories } from "@tributary/events";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readHistories } from "../histories.ts";
import type { Layout } from "../layout.ts";
import { pseudonymised } from "./opening.ts";
import { emptyHome, historiesOf, importChunks, numberedChunk, type TestHome } from "./store.test-support.ts";

let home: TestHome;
let layout: Layout;
beforeEach(() => {
  home = emptyHome();
  layout = home.layout;
});
afterEach(() => home[Symbol.dispose]());

const old = historiesOf({ ann: [[1, 0, 10]] });
const chunks = Array.from({ length: 6 }, (_, n) => numberedChunk(n));
const fingerprint = "of this log";
/** Names and inodes: a file that was written again has another. */
const segments = () => new Map(readdirSync(layout.segments).map((name) => [name, statSync(join(layout.segments, name)).ino]));

/** The import in a process of its own, killed when it has written so many chunks. */
async function killedAfter(count: number): Promise<void> {
  const at = (name: string) => JSON.stringify(fileURLToPath(new URL(name, import.meta.url)));
  const script = `
    const { layoutOf } = await import(${at("../layout.ts")});
    const { replaceStore } = await import(${at("./replace.ts")});
    const { numberedChunk } = await import(${at("./store.test-support.ts")});
    await replaceStore(layoutOf(${JSON.stringify(layout.home)}), async (add) => {
      for (let n = 0; n < ${count}; n++) await add(numberedChunk(n));
      console.log("written");
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    }, { fingerprint: ${JSON.stringify(fingerprint)} });`;
  const child: ChildProcess = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await Promise.race([new Promise((resolve) => child.stdout?.once("data", resolve)), ended]);
  child.kill("SIGKILL");
  await ended;
}

test("an import that was killed left the old store; run again it keeps what it had written, and nothing is there twice", {
  timeout: 60_000,
}, async () => {
  await importChunks(layout, [old]);
  const before = segments();
  await killedAfter(4);
  expect(readHistories(layout)).toEqual(pseudonymised({ home: layout.home, histories: old }));
  const written = [...segments()].filter(([name]) => !before.has(name));
  expect(written).toHaveLength(4);
  const [torn = "", other = ""] = written.map(([name]) => join(layout.segments, name));
  truncateSync(torn, 40); // as if the machine had stopped as well
  writeFileSync(other, "something else");
  await importChunks(layout, chunks, { fingerprint });
  const kept = written.filter(([name, inode]) => segments().get(name) === inode);
  expect([kept.length, segments().size]).toEqual([2, 6]);
  expect(readHistories(layout)).toEqual(pseudonymised({ home: layout.home, histories: mergeHistories(chunks) }));
});

test("another import than the one that was killed begins anew, and takes away what that left", {
  timeout: 60_000,
}, async () => {
  await killedAfter(3);
  expect(segments().size).toBe(3);
  const left = [...segments().keys()];
  await importChunks(layout, [old], { fingerprint: "of another log" });
  expect([...segments().keys()].some((name) => left.includes(name))).toBe(false);
  expect(readHistories(layout)).toEqual(pseudonymised({ home: layout.home, histories: old }));
});

test("what a source gives differently this time is not kept from the last", { timeout: 60_000 }, async () => {
  await killedAfter(2);
  const changed = [numberedChunk(0), historiesOf({ "c1-a": [[9, 0, 9]] })];
  await importChunks(layout, changed, { fingerprint });
  expect([...readHistories(layout).items].sort()).toEqual([0, 1, 2, 9]);
});
