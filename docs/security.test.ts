/** Every row of docs/security.md names tests that there are. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const page = fileURLToPath(new URL("security.md", import.meta.url));
const text = readFileSync(page, "utf8");

interface Named {
  /** As the link leads, from the page. */
  readonly file: string;
  readonly said: string;
  readonly title: string;
}

/** ``[`path`](link) “title”`` */
const namedIn = (part: string): readonly Named[] =>
  [...part.matchAll(/\[`([^`]+)`\]\(([^)]+\.test\.ts)\) “([^”]+)”/g)].map(([, said = "", file = "", title = ""]) => ({
    ...{ file, said, title },
  }));

/** Rows of tables whose last column says "shown by". */
function rowsOf(document: string): readonly string[] {
  const parts = document.split(/^\|.*\| shown by \|\n\|[ |-]+\|\n/m).slice(1);
  return parts.flatMap((part) => part.slice(0, part.search(/\n(?!\|)/)).split("\n"));
}

/** What is wrong with a reference; undefined where nothing is. */
function wrong({ file, said, title }: Named): string | undefined {
  const path = join(dirname(page), file);
  if (!file.endsWith(said)) return `${said} is linked to ${file}`;
  if (!existsSync(path)) return `${said} is not there`;
  const source = readFileSync(path, "utf8");
  // as a title begins: in quotes behind a bracket or a comma, on the same line or the next
  const quoted = ['"', "`"].some((quote) => new RegExp(`[(\\[]\\s*${quote}${escaped(title)}`).test(source));
  return quoted ? undefined : `${said} has no test “${title}”`;
}

const escaped = (words: string): string => words.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

test("every row names at least one test", () => {
  const rows = rowsOf(text);
  expect(rows.length).toBeGreaterThan(40);
  expect(rows.filter((row) => namedIn(row).length === 0)).toEqual([]);
});

test("every test that is named is there, in its file", () => {
  const named = namedIn(text);
  expect(named.length).toBeGreaterThan(70);
  expect(named.length).toBe(text.split(".test.ts) ").length - 1); // none is written in another way
  expect(named.map(wrong).filter((one) => one !== undefined)).toEqual([]);
});

test("a title that nobody has, and a file that isn't there, would be seen", () => {
  const [one] = namedIn(text);
  if (one === undefined) throw new Error("the page names no test");
  expect(wrong({ ...one, title: `${one.title} and more` })).toMatch(/has no test/);
  expect(wrong({ ...one, file: one.file.replace(".test.ts", ".gone.test.ts"), said: "gone.test.ts" })).toMatch(/is not there/);
  expect(wrong({ ...one, said: "another.test.ts" })).toMatch(/is linked to/);
});
