/** Every command block of every document: of which class it is, and whether the program would take what it says. What runs is run by test/e2e/readme.test.ts. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { blocksOf, classes, commandBlocks, documentsOf, tributaryWords, wordsOf } from "./commands/blocks.ts";
import { faultOf, withOptions } from "./commands/parse.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const blocks = commandBlocks(root);
const counts = classes.map((name) => `${blocks.filter((block) => block.class === name).length} ${name}`).join(", ");

test(`each of the ${blocks.length} command blocks is of a class: ${counts}`, () => {
  const without = blocks.filter((block) => block.class === undefined);
  expect(without.map(({ document, line }) => `${document}:${line}`)).toEqual([]);
});

test("no command hides in a block of another kind, where nobody would read it", () => {
  const hidden = documentsOf(root).flatMap((document) =>
    Array.from(
      readFileSync(join(root, document), "utf8").matchAll(
        /^```(?!sh\n)\w*\n(?:(?!```).*\n)*?((?:npx .*|pnpm .*)?tributary (?:[a-z]).*)$/gm,
      ),
      ([, command]) => `${document}: ${command}`,
    ),
  );
  expect(hidden).toEqual([]);
});

test("what is run elsewhere is run by something that is there, and what is only read says why", () => {
  for (const { class: name, detail, document, line } of blocks) {
    const where = `${document}:${line}`;
    if (name === "elsewhere") expect(existsSync(join(root, /^[^\s,;]*/.exec(detail)?.[0] ?? "")), where).toBe(true);
    if (name === "parsed") expect(detail.length, where).toBeGreaterThan(10);
  }
});

test("the program takes every documented command as it stands there", async () => {
  const faults: string[] = [];
  let read = 0;
  for (const { document, line, commands, class: name, detail } of blocks) {
    for (const command of commands) {
      const words = tributaryWords(command);
      if (words === undefined) continue;
      read++;
      const fault = await faultOf(name === "long" ? withOptions(words, detail) : words);
      if (fault !== undefined) faults.push(`${document}:${line}: ${fault}: ${command}`);
    }
  }
  expect(faults).toEqual([]);
  expect(read).toBeGreaterThan(100);
});

test("an option, a command, a value or an argument too many that the program does not have is found", async () => {
  for (const wrong of [
    "node import shop.csv --hoem shop",
    "node imprt shop.csv --home shop",
    "plan new --customers many --merchants 3",
    "plan explain plan.json another.json",
    "ledger",
  ]) {
    expect(await faultOf(wordsOf(wrong)), wrong).toBeDefined();
  }
  expect(await faultOf(wordsOf("plan explain plan.json"))).toBeUndefined();
});

test("a block is read with its class, its commands over several lines as one, and words as a shell makes them", () => {
  const text =
    '# A\n\n<!-- runs: TRB_A TRB_B -->\n```sh\n# first\ntributary plan \\\n  explain "my plan.json" # why\n```\n\nand\n\n<!-- shows -->\n```text\nseen\n```\n\n```sh\nls\n```\n';
  const [first, second] = blocksOf("a.md", text);
  expect(first).toEqual({
    document: "a.md",
    line: 5,
    class: "runs",
    detail: "TRB_A TRB_B",
    commands: ['tributary plan    explain "my plan.json" # why'],
    shown: "seen",
  });
  expect([second?.class, second?.shown]).toEqual([undefined, undefined]);
  expect(tributaryWords(first?.commands[0] ?? "")).toEqual(["plan", "explain", "my plan.json"]);
  expect(tributaryWords("pnpm -s tributary demo")).toEqual(["demo"]);
  expect(tributaryWords("TRIBUTARY_CA=cert.pem pnpm -s tributary node start")).toEqual(["node", "start"]);
  expect(tributaryWords("tributary node start &")).toEqual(["node", "start"]);
  expect(tributaryWords("ls tributary demo")).toBeUndefined();
  expect(withOptions(["plan", "explain", "a"], "--language zh --rounds 2")).toEqual([
    "plan",
    "explain",
    "a",
    "--language",
    "zh",
  ]);
});

test.each([
  ["README.md", "README.zh.md"],
  ["docs/tutorial/first-hour.md", "docs/zh/tutorial/first-hour.md"],
])("%s and %s have the same commands, so that what runs the one runs the other", (english, chinese) => {
  const [own, other] = [english, chinese].map((path) =>
    blocksOf("", readFileSync(join(root, path), "utf8")).map((block) => ({ ...block, line: 0 })),
  );
  expect(other).toEqual(own);
  expect(own?.length).toBeGreaterThan(4);
});
