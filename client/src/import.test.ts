import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { readHistories } from "./home/histories.ts";
import { layoutOf } from "./home/layout.ts";
import { importEvents, previewEvents } from "./import.ts";
import { joinedHome } from "./joined-home.test-support.ts";

const at = joinedHome();

function log(name: string, rows: number): string {
  const path = join(at.folder, name);
  const line = (row: number) =>
    `customer-${row % 501},item-${String(row % 24).padStart(2, "0")},view,${1_600_000_000 + ((row * 7919) % 10_000_000)}`;
  writeFileSync(path, `customer,item,action,time\n${Array.from({ length: rows }, (_, row) => line(row)).join("\n")}\n`);
  return path;
}

test("an import that is killed at any moment leaves the store as it was, and run again it is what it would have been", async () => {
  const small = log("small.csv", 1_000);
  const large = log("large.csv", 60_000);
  await importEvents({ home: at.home, files: [small] });
  const before = readHistories(layoutOf(at.home));
  const reference = await importEvents({ home: at.home, files: [large] });
  const after = readHistories(layoutOf(at.home));
  for (const moment of [150, 500]) {
    await importEvents({ home: at.home, files: [small] });
    await killAfter(moment, large);
    expect([before, after]).toContainEqual(readHistories(layoutOf(at.home)));
  }
  expect(await importEvents({ home: at.home, files: [large] })).toEqual(reference);
  expect(readHistories(layoutOf(at.home))).toEqual(after);
  expect(readdirSync(layoutOf(at.home).importing), "the next import takes away what a killed one left").toEqual([]);
});

/** Takes the room for `store/` away and gives it back; undefined where nobody may mount a file system here. */
function littleRoom(path: string, bytes: number): { more(): void; end(): void } | undefined {
  const sh = (...words: string[]) => spawnSync("sh", ["-c", '"$0" "$@"', ...words], { stdio: "ignore" }).status === 0;
  const mount = (...args: string[]) => sh("mount", ...args);
  if (process.platform !== "linux" || !mount("-t", "tmpfs", "-o", `size=${bytes},mode=700`, "tmpfs", path)) return undefined;
  return {
    more: () => void mount("-o", "remount,size=64m", path),
    end: () => void sh("umount", "-l", path),
  };
}

/** The import in a process whose files may not be larger: writing more fails, as it does on a full disk. */
function importWithin(kilobytes: number, file: string): string {
  const module = fileURLToPath(new URL("./import.ts", import.meta.url));
  const script = `const { importEvents } = await import(${JSON.stringify(module)}); await importEvents(${JSON.stringify({ home: at.home, files: [file] })}).catch((error) => console.log(error.code));`;
  const limited = `trap '' XFSZ; ulimit -f ${2 * kilobytes}; exec "$0" "$@"`; // POSIX counts in 512 bytes
  const args = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
  return spawnSync("sh", ["-c", limited, process.execPath, ...args], { encoding: "utf8" }).stdout.trim();
}

test.skipIf(process.platform === "win32")(
  "an import that finds no room leaves the store as it was, and with room again it is what it would have been",
  { timeout: 60_000 },
  async () => {
    const small = log("small.csv", 1_000);
    const large = log("large.csv", 60_000);
    const { store } = layoutOf(at.home);
    const room = littleRoom(store, 500_000);
    try {
      await importEvents({ home: at.home, files: [small] });
      const before = readHistories(layoutOf(at.home));
      const code =
        room === undefined
          ? importWithin(500, large)
          : await importEvents({ home: at.home, files: [large] }).catch((error) => error.code);
      expect(code).toBe("TRB_NODE_HOME_UNWRITABLE");
      expect(readHistories(layoutOf(at.home))).toEqual(before);
      room?.more();
      expect((await importEvents({ home: at.home, files: [large] })).kept).toBe(60_000);
      expect(readHistories(layoutOf(at.home)).items).toHaveLength(60_000);
      expect(readdirSync(layoutOf(at.home).segments)).toHaveLength(1);
    } finally {
      room?.end();
    }
  },
);

/** An import in a process of its own, killed once it has begun and so many milliseconds have gone. */
async function killAfter(milliseconds: number, file: string): Promise<void> {
  const module = fileURLToPath(new URL("./import.ts", import.meta.url));
  const script = `const { importEvents } = await import(${JSON.stringify(module)}); console.log("begun"); await importEvents(${JSON.stringify({ home: at.home, files: [file] })});`;
  const child: ChildProcess = spawn(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script],
    {
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  await new Promise((resolve) => child.stdout?.once("data", resolve));
  await sleep(milliseconds);
  child.kill("SIGKILL");
  await ended;
}

test("a failing import leaves the store as it was; rejects and a preview leave nothing behind in it", async () => {
  const small = log("small.csv", 1_000);
  await importEvents({ home: at.home, files: [small] });
  const stored = readFileSync(layoutOf(at.home).manifest);
  const broken = join(at.folder, "broken.csv");
  writeFileSync(broken, "customer,item,action,time\nann,item-01,view,soon\n");
  await expect(importEvents({ home: at.home, files: [small, broken] })).rejects.toMatchObject({
    code: "TRB_EVENTS_BAD_TIMESTAMP",
  });
  const preview = await previewEvents({ home: at.home, source: small });
  expect([preview.kept, preview.missing]).toEqual([1_000, []]);
  expect(readFileSync(layoutOf(at.home).manifest)).toEqual(stored);
  const rejects = join(at.folder, "rejects.csv");
  const summary = await importEvents({ home: at.home, files: [small, small], rejects });
  expect([summary.rows, summary.kept, summary.dropped.duplicate]).toEqual([2_000, 1_000, 1_000]);
  expect(readFileSync(rejects, "utf8").trim().split("\n")).toHaveLength(1_001);
  expect(existsSync(join(at.home, "rejects.csv"))).toBe(false);
});
