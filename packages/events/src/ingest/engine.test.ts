import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, it } from "vitest";
import { refusal } from "../log-files.fixture.ts";
import { fileLiteral, withEngine } from "./engine.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-engine-test-"));
afterAll(() => rmSync(folder, { recursive: true }));

it("writes what doesn't fit in memory into the folder that it is given, closed to others and encrypted, and leaves nothing of it", async () => {
  const spillIn = join(folder, "home", "importing");
  const written = await withEngine(
    async ({ run, rows }) => {
      await run("SET threads = 1");
      // texts that no memory of this size holds, and that anybody would know again
      await run(
        "CREATE TEMP TABLE texts AS SELECT 'customer-number-' || range || repeat('-known', 20) AS text FROM range(300000)",
      );
      const spilt = readdirSync(spillIn, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
      const paths = spilt.map((entry) => join(entry.parentPath, entry.name));
      const plain = paths.filter((path) => /customer-number-|-known-known/.test(readFileSync(path, "latin1")));
      const [count] = await rows("SELECT count(*), count(DISTINCT text) FROM texts");
      return { files: paths.length, plain, count: count?.map(Number), mode: statSync(spillIn).mode & 0o777 };
    },
    { memory: "40MB", spillIn },
  );
  expect(written).toEqual({ files: expect.any(Number), plain: [], count: [300_000, 300_000], mode: 0o700 });
  expect(written.files).toBeGreaterThan(0);
  expect(readdirSync(spillIn)).toEqual([]);
});

it("says by a code that the folder can't be made", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const error = await refusal(() => withEngine(async () => {}, { spillIn: join(file, "importing") }));
  expect([error.code, error.details["reason"]]).toEqual(["TRB_EVENTS_NO_ROOM", "its folder can't be made: ENOTDIR"]);
});

it("names one file by its path, whatever characters it has", () => {
  expect(fileLiteral("/logs/[a]*?'.csv")).toBe("'/logs/[[]a][*][?]''.csv'");
});
