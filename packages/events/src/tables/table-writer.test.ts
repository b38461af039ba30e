import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import { afterAll, describe, expect, test } from "vitest";
import { withEngine } from "../ingest/engine.ts";
import { tableEnding } from "./table-endings.ts";
import { type Cell, type TableColumn, writeTable } from "./table-writer.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-tables-"));
afterAll(() => rmSync(folder, { recursive: true }));

const columns: readonly TableColumn[] = [
  { name: "customer", kind: "text" },
  { name: "items", kind: "texts" },
  { name: "scores", kind: "numbers" },
  { name: "churn", kind: "number" },
  { name: "known", kind: "flag" },
];
const rows: readonly (readonly Cell[])[] = [
  ['a "quoted", id', ["p1", 'p"2,é'], [0.1, -3], 0.25, true],
  ["b", [], [], null, false],
];
const written = async (name: string) => {
  const path = join(folder, name);
  await writeTable(path, columns, async (add) => {
    for (const row of rows) await add([row]);
  });
  return path;
};

describe("tables", () => {
  test("come back from Parquet as they were, lists as lists", async () => {
    const path = await written("it's.parquet");
    const read = await withEngine(({ rows: ask }) =>
      ask(
        `SELECT customer, items::JSON::VARCHAR, scores::JSON::VARCHAR, churn, known FROM read_parquet('${path.replaceAll("'", "''")}')`,
      ),
    );
    expect(
      read.map(([customer, items, scores, ...rest]) => [
        customer,
        JSON.parse(String(items)),
        JSON.parse(String(scores)),
        ...rest,
      ]),
    ).toEqual(rows);
  });

  test("are CSV with JSON in it, and JSON lines", async () => {
    expect(readFileSync(await written("t.csv"), "utf8")).toBe(
      'customer,items,scores,churn,known\n"a ""quoted"", id","[""p1"",""p\\""2,é""]","[0.1,-3]",0.25,true\nb,[],[],,false\n',
    );
    const lines = readFileSync(await written("t.jsonl"), "utf8")
      .trimEnd()
      .split("\n");
    expect(lines.map((line) => Object.values(JSON.parse(line)))).toEqual(rows);
  });

  test.each(["t.parquet", "t.csv", "t.jsonl"])(
    "%s is its owner's alone, and what was there stays where writing fails",
    async (name) => {
      const path = await written(name);
      expect(statSync(path).mode & 0o777).toBe(0o600);
      const before = readFileSync(path);
      const failing = writeTable(path, columns, async (add) => {
        await add(rows);
        throw new Error("stopped");
      });
      await expect(failing).rejects.toThrow("stopped");
      expect(readFileSync(path)).toEqual(before);
      expect(readdirSync(folder).filter((entry) => entry.endsWith(".half-written"))).toEqual([]);
    },
  );

  test("what a killed process left of the same table goes; of other tables, and of a process that still writes, it stays", async () => {
    const dead = spawnSync(process.execPath, ["-e", ""]).pid;
    const left = ["k.csv.0123456789ab.half-written", `k.csv.${dead}-0123456789ab.half-written`];
    const kept = [
      `k.csv.${process.ppid}-0123456789ab.half-written`,
      "k.csv.mine.half-written",
      "ok.csv.0123456789ab.half-written",
    ];
    for (const name of [...left, ...kept]) writeFileSync(join(folder, name), "customer\n");
    await written("k.csv");
    const there = readdirSync(folder).filter((entry) => entry.endsWith(".half-written"));
    expect(there.sort()).toEqual([...kept].sort());
    for (const name of kept) rmSync(join(folder, name));
  });

  test("a folder that isn't there is told by its code; endings decide", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(writeTable(join(folder, "file", "t.csv"), columns, async () => {})).rejects.toSatisfy(
      (error) => isTributaryError(error) && error.code === "TRB_EVENTS_FILE_UNWRITABLE",
    );
    expect(["a.PARQUET", "b.csv", "c.jsonl", "d.json"].map(tableEnding)).toEqual([".parquet", ".csv", ".jsonl", undefined]);
  });
});
