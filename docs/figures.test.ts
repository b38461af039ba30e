/** Figures of docs/performance.md and docs/quality.md, and tables of docs/utility.md and docs/security.md, come from docs/measurements, and from nowhere else. */
import { readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { program } from "tributary";
import { describe, expect, onTestFinished, test } from "vitest";
import { benches, chosen } from "./figures/benches.ts";
import { filled, shown, unmade } from "./figures/marked.ts";
import { decimals, fraction, listed, significant, table } from "./figures/numbers.ts";
import { at, type MeasurementRecord, type Measurements, readMeasurements } from "./figures/record.ts";
import { securityDerived, securityRuns, securityTables } from "./figures/security.ts";
import { derived, figurePage, figurePages, tables } from "./figures.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const measurements = readMeasurements(join(root, "docs", "measurements"));
const pages = figurePages.map((page) => ({ page, text: readFileSync(join(root, page), "utf8") }));

/** A number with a unit of what is measured, or with so many digits as only what is measured has. */
const measured =
  /(?<![\w.])[\d.,–]*\d(?: million| thousand| to \d+)?\s?(?:ms|s|MB|GB|KB|KiB|%|times|minutes|milliseconds|seconds|ns)(?!\w)|(?<!\w)0?\.\d{3,}/g;

/** Settings, sizes that follow from them, and aims: what no bench prints. */
const settings = new Set([
  ...["48 KB", "64 KiB", "4 MB", "64 MB"], // arrays, slices, a model, a cache, a heap
  ...["0.025 s", "0.25 s", "1.4 times", "5 s", "80 minutes", "800 MB"], // aims
  ...["1.7 %", "0.002", "1,000 times", "95 %"], // faulty rows, learning rate, bootstrap
]);

test.each(pages)("$page is what the records say", ({ page, text }) => {
  expect(figurePage(root, page)).toBe(text);
});

/** Of docs/utility.md two tables are made, of docs/security.md what was run; the rest of both is written. */
const whole = pages.filter(({ page }) => page !== "docs/utility.md" && page !== "docs/security.md");

test.each(whole)("nobody wrote a measured figure into $page by hand", ({ text }) => {
  const prose = unmade(text)
    .replace(/^```[\s\S]*?^```$/gm, "")
    .replace(/`[^`]*`/g, "")
    .replace(/\]\([^)]*\)/g, "]");
  const found = [...prose.matchAll(measured)].map(([figure]) => figure.replace(/\s/g, " "));
  expect(found.length).toBeGreaterThan(0);
  expect(found.filter((figure) => !settings.has(figure))).toEqual([]);
});

test("a figure written by hand would be seen", () => {
  expect("a round takes 0.61 s, 3.5 times more, NDCG .4225".match(measured)).toEqual(["0.61 s", "3.5 times", ".4225"]);
});

/** Commands that try to break the project may not have been run yet: the page says so. */
const mayBeMissing: ReadonlySet<string> = new Set(securityRuns);

test("every record is shown by a page, and every page's record is there", () => {
  const named = new Set(pages.flatMap(({ text }) => [...shown(text, tables)]));
  named.delete("derived");
  const missing = [...named].filter((name) => !measurements.has(name));
  expect(missing.filter((name) => !mayBeMissing.has(name))).toEqual([]);
  expect([...measurements.keys()].filter((name) => !named.has(name))).toEqual([]);
});

describe("records", () => {
  test.each(Object.entries(benches))("of the bench %s hold its command", (name, { command, environment }) => {
    const record = measurements.get(name);
    expect(record?.command).toBe(["tributary", ...command, "--json"].join(" "));
    expect(record?.environment).toEqual(environment);
    expect(["run", "page"]).toContain(record?.origin);
  });

  test("that no bench repeats say that they are as measured then, and where: each with its own commit", () => {
    const others = [...measurements].filter(([name]) => !Object.hasOwn(benches, name) && !mayBeMissing.has(name));
    expect(others.length).toBeGreaterThan(10);
    for (const [name, { origin, date }] of others)
      expect({ name, origin, early: date <= "2026-11-30" }).toMatchObject({ origin: "then", early: true });
    const then = pages.flatMap(({ text }) =>
      text.split("\n").filter((line) => line.startsWith("*From ") && line.includes("as measured then")),
    );
    expect(then.length).toBeGreaterThan(5);
  });

  test("that are malformed are refused by name", async () => {
    const folder = await mkdtemp(join(tmpdir(), "tributary-records-"));
    onTestFinished(() => rm(folder, { recursive: true, force: true }));
    const good = JSON.parse(readFileSync(join(root, "docs/measurements/packing.json"), "utf8")) as MeasurementRecord;
    const refused = (change: object, says: RegExp) => {
      writeFileSync(join(folder, "one.json"), JSON.stringify({ ...good, ...change }));
      expect(() => readMeasurements(folder)).toThrow(says);
    };
    refused({ date: "yesterday" }, /one\.json: date/);
    refused({ commit: "main" }, /one\.json: commit/);
    refused({ origin: "guessed" }, /one\.json: origin/);
    refused({ output: null }, /one\.json: output/);
    refused({ command: null }, /one\.json: what no command repeats/);
    refused({ machine: { ...good.machine, cores: "two" } }, /one\.json: machine\.cores/);
  });
});

test.each(Object.entries(benches))("the bench %s is a command with such options", (_, { command: words }) => {
  let command: Command = program();
  let place = 0;
  for (; place < words.length; place++) {
    const child = command.commands.find((one) => one.name() === words[place]);
    if (child === undefined) break;
    command = child;
  }
  expect(command.commands).toEqual([]);
  const flags = [...words.slice(place), "--json"].filter((word) => word.startsWith("--"));
  expect(flags.filter((flag) => !command.options.some(({ long }) => long === flag))).toEqual([]);
});

test("benches are chosen by name or set, and without a name the default set is", () => {
  expect(chosen([])).toEqual(expect.arrayContaining(["sampler", "dp"]));
  expect(chosen(["coordinator"])).toEqual(["coordinator", "coordinator-arenas", "coordinator-replicas"]);
  expect(chosen(["packing", "default"]).filter((name) => name === "packing")).toEqual(["packing"]);
  expect(() => chosen(["nothing"])).toThrow(/there is no bench nothing/);
});

const made: Measurements = new Map([
  [
    "one",
    {
      ...{ what: "a made-up record", command: null, date: "2026-01-02", commit: "abcdef0", origin: "then" },
      machine: { processor: "none", cores: 1, memoryGiB: 1, node: "24", load: 0.5 },
      output: { rows: [{ name: "a b", ms: 12345.678 }, { name: "c", ms: 2 }, { name: "d" }], range: [0.5, 0.25] },
    },
  ],
]);

test("a place of a page is made from a path and ways to write", () => {
  const said = (told: string) => filled(`x <!--=${told}-->stale<!--/--> y`, made, {}, { twice: () => 2 });
  const after = (told: string) => said(told).slice("x ".length + `<!--=${told}-->`.length, -"<!--/--> y".length);
  expect(after("one.rows.name=a b.ms .1")).toBe("12,345.7");
  expect(after("one.rows.*.ms /1000 .2")).toBe("12.35 and 0.00");
  expect(after("one.range range")).toBe("0.25–0.5");
  expect(after("one.range.1 *100")).toBe("25");
  expect(after("one.rows.0.ms s2")).toBe("12,000");
  expect(after("derived.twice")).toBe("2");
  expect(() => filled("x\n<!--=one.range range-->stale<!--/-->", made, {}, {})).toThrow(
    /a line begins with the figure one\.range/,
  );
  for (const wrong of ["one.rows.name=e.ms", "two.rows", "one.rows.0.name.x", "derived.thrice", "one.rows"]) {
    expect(() => after(wrong), wrong).toThrow(/one|two|derived/);
  }
});

test("a table of a page is made by its name, with its sources below it, and what stood there goes", () => {
  const page = "<!-- table t -->\n| old |\n<!-- end -->\nafter";
  const text = filled(page, made, { t: { from: ["one"], make: () => "| new |" } }, {});
  expect(text).toBe(
    "<!-- table t -->\n| new |\n\n*From [one.json](measurements/one.json) (2 January 2026, abcdef0, load 0.5, as measured then).*\n<!-- end -->\nafter",
  );
  expect(filled(text, made, { t: { from: ["one"], make: () => "| new |" } }, {})).toBe(text);
  expect(() => filled(page, made, {}, {})).toThrow(/no table t/);
});

test("another number in a record is another page", () => {
  const [{ text } = { text: "" }] = pages;
  const record = measurements.get("packing") as MeasurementRecord;
  const rows = at(measurements, "packing.rows") as readonly object[];
  const output = { ...(record.output as object), rows: rows.map((row) => ({ ...row, bytesPerNode: 5_550_000 })) };
  const changed = filled(text, new Map([...measurements, ["packing", { ...record, output }]]), tables, derived);
  expect(changed.split("| 5.55 |").length - 1).toBe(rows.length);
});

test("figures are written with commas, true minus signs and ranges", () => {
  expect([decimals(1234567), decimals(-0.5, 2), decimals(-0.001, 1), decimals([1, 2], 1), decimals([3, 3])]).toEqual([
    ...["1,234,567", "−0.50", "0.0", "1.0–2.0", "3"],
  ]);
  expect([significant(0.0456, 2), significant(99.6, 2), significant(8.55, 2), significant(0, 2)]).toEqual([
    "0.046",
    "100",
    "8.6",
    "0",
  ]);
  expect([fraction(0.416), fraction(0), fraction(-0.0234)]).toEqual([".416", "0", "−.023"]);
  expect([listed([]), listed(["a"]), listed(["a", "b", "c"])]).toEqual(["", "a", "a, b and c"]);
  expect(table(["", "b"], [["x", ""]])).toBe("| | b |\n| --- | --- |\n| x | |");
});

describe("what was run to break the project", () => {
  const page = "<!-- table security-fuzz -->\n<!-- end -->";
  const record = (tried: readonly object[]): Measurements =>
    new Map([
      [
        "security-fuzz",
        {
          ...{
            what: "Every parser, fuzzed.",
            command: "pnpm fuzz --minutes 5 --record",
            date: "2026-12-01",
            commit: "abcdef0123",
          },
          ...{ origin: "run", machine: { processor: "none", cores: 2, memoryGiB: 8, node: "24.1.0", load: 0.5 } },
          output: { seconds: 1300, tried },
        },
      ],
    ]);
  const said = (measurements: Measurements) => filled(page, measurements, securityTables, securityDerived);
  const good = { what: "CSV | JSONL", result: "9,000 inputs, <no> crash", held: true };

  test("is said with its command, machine, seconds, date, commit and every result, those that failed too", () => {
    const text = said(record([good, { what: "wire messages", result: "a crash", held: false }]));
    for (const part of [
      ...["1 of 2 held.", "`pnpm fuzz --minutes 5 --record`: 1,300 s on none, 2 cores, 8 GiB, Node 24.1.0."],
      ...["| CSV \\| JSONL | 9,000 inputs, &lt;no> crash | held |", "| wire messages | a crash | **failed** |"],
      "(1 December 2026, abcdef0, load 0.5)",
    ])
      expect(text).toContain(part);
  });

  test("is said not to have been run where there is no record, and counted so", () => {
    expect(said(new Map())).toBe("<!-- table security-fuzz -->\n`pnpm fuzz --minutes 5 --record`: not run yet.\n<!-- end -->");
    expect(securityDerived["security-held"]?.(new Map())).toContain("0 of 7 commands");
    expect(securityDerived["security-held"]?.(record([good]))).toContain(
      "1 of 7 commands have been run; of 1 things that they tried, 1 held",
    );
  });

  test("is refused where a result is neither held nor failed", () => {
    expect(() => said(record([{ what: "x", result: "y" }]))).toThrow(/tried\.0\.held/);
  });
});
