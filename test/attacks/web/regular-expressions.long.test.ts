/**
 * Every regular expression of what is shipped, found by a parser, and held to `recheck`, which finds those that some text keeps busy for longer than its length
 * allows (ReDoS). What it calls vulnerable is either bounded by what stands below, or is mended. Expressions that are put together at run time are listed too.
 */
import { globSync, readFileSync } from "node:fs";
import { check } from "recheck";
import { parseSync } from "vite";
import { expect, test } from "vitest";
import { root } from "../../e2e/processes.ts";
import { finding } from "../finding.ts";

/** Quadratic at most, and why no text is long enough to matter: by file and pattern. */
const bounded: Readonly<Record<string, string>> = {
  "packages/protocol/src/invite.ts =+$": "of this program's own base64, which ends in two signs at most",
  "packages/protocol/src/canonical/decimals.ts 0+$": "of the digits of one number, at most 40 where it came from outside",
  "packages/model/src/extension-files/index.ts ^\\s*(?:import\\s*[\"'*{\\w]|export\\s[^;=]*\\sfrom\\s*[\"'])|\\bimport\\s*\\(|\\brequire\\s*\\(":
    "of a file of code that the merchant has read and accepted, by hash",
  "packages/events/src/topics/words.ts (?<=[\\p{Script=Latin}\\p{Script=Greek}\\p{Script=Cyrillic}]\\p{M}*)\\p{M}":
    "of a text that is cut to `longestText` characters before",
  "packages/events/src/ingest/postgres/address.ts :[^@]*@|password\\s*=": "of an address that the merchant typed",
  'packages/events/src/ingest/pages/pages-relation.ts <([^>]*)>((?:\\s*;\\s*[^,;"]+(?:"[^"]*")?)*)':
    "of a header, of which the HTTP client reads 16 KiB",
  "packages/cli/src/usage.ts \\((Did you mean .*\\?)\\)": "of what was typed on the command line",
  "packages/cli/src/usage.ts ( but got \\d+): .*$": "of what was typed on the command line",
  "packages/cli/src/commands/node/import-sources.ts ^[a-z+]+:\\/\\/([^/@]*:[^/@]+@|.*[?&]password=)":
    "of an address that the merchant typed",
  "coordinator/src/observe/doctor-remote.ts \\/+$": "of an address that an operator typed",
};

/** Where expressions are made at run time, and of what. */
const made: Readonly<Record<string, string>> = {
  "packages/protocol/src/identifiers.ts": "a number of bytes, from the source",
  "packages/dashboard/src/coordinator/alerts/findings.ts": "another constant of the file",
  "packages/dashboard/src/build/build-page.ts": "names of the page's own sources, when it is built",
  "packages/cli/src/table-layout.ts": "other constants of the file",
  "coordinator/src/access/secrets.ts": "another constant of the file",
};

interface Found {
  readonly file: string;
  readonly pattern: string;
  readonly flags: string;
}

interface Sources {
  readonly literals: readonly Found[];
  /** Files that make one at run time. */
  readonly makers: ReadonlySet<string>;
}

function collect(): Sources {
  const files = globSync("{dp,client,coordinator,packages/*}/{src,web}/**/*.{ts,tsx}", { cwd: root })
    .filter((file) => !/\.(test|test-d|test-support|fixture)\.tsx?$/.test(file))
    .sort();
  const literals: Found[] = [];
  const makers = new Set<string>();
  for (const file of files) {
    const { program, errors } = parseSync(file, readFileSync(`${root}/${file}`, "utf8"));
    if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
    visit(program, (node) => {
      const { regex, callee } = node;
      if (node["type"] === "Literal" && regex !== undefined) literals.push({ file, ...(regex as Omit<Found, "file">) });
      if ((callee as { name?: unknown } | undefined)?.name === "RegExp") makers.add(file);
    });
  }
  return { literals, makers };
}

function visit(node: unknown, see: (node: Readonly<Record<string, unknown>>) => void): void {
  if (typeof node !== "object" || node === null) return;
  if (Array.isArray(node)) {
    for (const one of node) visit(one, see);
    return;
  }
  see(node as Readonly<Record<string, unknown>>);
  for (const one of Object.values(node)) visit(one, see);
}

test("no text keeps a regular expression busy", { timeout: 300_000 }, async (context) => {
  const { literals, makers } = collect();
  expect(literals.length).toBeGreaterThan(200);
  const distinct = new Map(literals.map((found) => [`${found.pattern} /${found.flags}`, found]));
  const where = (pattern: string) => literals.filter((one) => one.pattern === pattern).map(({ file }) => `${file} ${pattern}`);
  const suspects: string[] = [];
  for (const { pattern, flags } of distinct.values()) {
    const found = await check(pattern, flags, { timeout: 20_000, randomSeed: 7 });
    if (found.status === "safe") continue;
    // what takes exponentially long, or nobody knows how long, no bound excuses
    const excused = found.status === "vulnerable" && found.complexity.type === "polynomial" && found.complexity.degree === 2;
    suspects.push(...where(pattern).map((place) => (excused ? place : `${place} (${found.status})`)));
  }
  const unexcused = suspects.filter((place) => bounded[place] === undefined);
  finding(context, {
    what: "regular expressions that some text keeps busy (recheck)",
    result: `${distinct.size} expressions: ${unexcused.length === 0 ? `safe, but ${suspects.length} that are quadratic over short texts` : unexcused.join(" | ")}`,
    held: unexcused.length === 0,
  });
  expect(
    Object.keys(bounded).filter((place) => !suspects.includes(place)),
    "excused, and safe by now",
  ).toEqual([]);

  const unknown = [...makers].filter((file) => made[file] === undefined);
  finding(context, {
    what: "regular expressions that are made of something from outside",
    result: unknown.length === 0 ? `none: ${makers.size} files make some, of constants of their own` : unknown.join(", "),
    held: unknown.length === 0,
  });
  expect(Object.keys(made).filter((file) => !makers.has(file))).toEqual([]);
});

test("one that is exponential is found, as it would be here", async (context) => {
  const { status } = await check("^(a+)+$", "", { timeout: 20_000 });
  finding(context, { what: "an exponential expression, for comparison", result: status, held: status === "vulnerable" });
});
