/** docs/layout.md names files that are there, in the rooms that it says. */
import { globSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const layout = readFileSync(join(root, "docs/layout.md"), "utf8");

/** Everything of the checkout that layout.md may name, from the root. */
const files = globSync(
  ["*", "{packages/*,dp,client,coordinator,test,docs,examples,supply-chain,release}/**", "docs/.vitepress/*"],
  {
    cwd: root,
    exclude: (path) => /(^|\/)(node_modules|dist|tributary-\w+)$/.test(path),
  },
).map((path) => path.replaceAll("\\", "/"));
const known = new Set(files);
const rooms = new Set([
  ...files.filter((file) => file.endsWith("/package.json")).map((file) => dirname(file)),
  ...["test", "docs", "examples", "supply-chain", "release"],
]);

/** The room of a path, or of a room's own name: `packages/model` of `packages/model/src/graphs` and of `model`. */
function roomOf(name: string): string | undefined {
  const [first = "", second = ""] = name.split("/");
  return [`${first}/${second}`, `packages/${first}`, first].find((room) => rooms.has(room));
}

/** What is meant by a name that is no path from the root: something in a room that the same section names. */
function found(name: string, named: ReadonlySet<string>): boolean {
  const wanted = name.replace(/\/$/, "");
  if (known.has(wanted) || known.has(`packages/${wanted}`)) return true;
  return files.some((file) => `/${file}`.endsWith(`/${wanted}`) && named.has(roomOf(file) ?? ""));
}

interface Section {
  readonly heading: string;
  /** Paths, or ends of paths. */
  readonly named: readonly string[];
  readonly rooms: ReadonlySet<string>;
}

/** Names in backticks that are paths: with a slash, or with the ending of a file of ours; options, packages and words are none. */
function sectionsOf(text: string): readonly Section[] {
  return text.split(/^(?=## )/m).map((part) => {
    const words = [...part.matchAll(/`([^`\n]+)`/g)].map(([, word = ""]) => word.replace(/^\//, ""));
    const paths = words.filter((word) => /^[\w.-]+(\/[\w.-]+)*\/?$/.test(word) && !word.startsWith("@"));
    return {
      heading: /^#+ (.*)$/m.exec(part)?.[1] ?? "",
      named: paths.filter((path) => path.includes("/") || /\.(ts|tsx|json|jsonl|py|svg)$/.test(path)),
      rooms: new Set(paths.map(roomOf).filter((room) => room !== undefined)),
    };
  });
}

/** Files that homes hold and no checkout does, and an example of a name. */
const elsewhere = new Set([
  "x.ts",
  "x.test.ts",
  "policy.json",
  "node.sqlite",
  "coordinator.sqlite",
  "ledger.jsonl",
  "result.json",
  "truth.csv",
]);

function missing(text: string): readonly string[] {
  return sectionsOf(text).flatMap((section) =>
    section.named
      .filter((name) => !elsewhere.has(name) && !found(name, section.rooms))
      .map((name) => `${section.heading}: ${name}`),
  );
}

test("every path that layout.md names is there, in a room that its section names", () => {
  expect(sectionsOf(layout).flatMap(({ named }) => named).length).toBeGreaterThan(300);
  expect(missing(layout)).toEqual([]);
});

test("a path that is not there would be seen, and so would a file in another room than its section's", () => {
  expect(missing("## Here\n\n`dp/src/nowhere.ts` and `dp/src/sampling` with `acceptance.ts`, `lint.ts`.")).toEqual([
    "Here: dp/src/nowhere.ts",
    "Here: lint.ts",
  ]);
});

test("every room of the repository has its row", () => {
  const packages = [...rooms].filter((room) => !/^(docs|examples|supply-chain|release|test)\b/.test(room));
  expect(packages.length).toBeGreaterThan(12);
  expect(packages.filter((room) => !layout.includes(`[\`${room}\`](../${room})`))).toEqual([]);
});
