/** What docs/explanation/comparison.md says of others has a source with a date, in both languages the same. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const read = (page: string): string => readFileSync(fileURLToPath(new URL(page, import.meta.url)), "utf8");
const english = read("explanation/comparison.md");
const chinese = read("zh/explanation/comparison.md");

/** Marks of sources, as they are used before the list of them. */
const marks = (text: string): readonly string[] => [...text.matchAll(/\[([FNPDGS]\d)\]/g)].map(([, mark = ""]) => mark);

function partsOf(text: string, sources: string) {
  const [before = "", list = ""] = text.split(`\n## ${sources}\n`);
  return {
    before,
    list,
    defined: [...list.matchAll(/^- \[([FNPDGS]\d)\] (.+)$/gm)].map(([, mark = "", what = ""]) => ({ mark, what })),
  };
}

const pages = { en: partsOf(english, "Sources"), zh: partsOf(chinese, "资料来源") };

describe.each(Object.entries(pages))("in %s", (_, { before, list, defined }) => {
  test("every mark has a source, every source a mark, and each names a document", () => {
    const names = defined.map(({ mark }) => mark);
    expect(names.length).toBeGreaterThan(15);
    expect(new Set(names).size).toBe(names.length);
    expect([...new Set([...marks(before), ...marks(defined.map(({ what }) => what).join())])].sort()).toEqual(names.toSorted());
    for (const { what } of defined) expect(what).toMatch(/README|docs?\/|\.com|\.ai|\.org|\.io|arXiv|survey|调查/);
  });

  test("the list says when it was read", () => {
    expect(list.slice(0, list.indexOf("\n- ["))).toMatch(/30 November 2026|2026 年 11 月 30 日/);
  });

  test("whatever a table says of others has a mark, or says that nothing was found", () => {
    const rows = before
      .split("\n")
      .filter((line) => line.startsWith("| ") && !line.startsWith("| |") && !line.startsWith("| ---"));
    expect(rows.length).toBeGreaterThan(9);
    const cells = rows.flatMap((row) => row.split(" | ").slice(2));
    expect(cells.length).toBe(4 * rows.length);
    expect(cells.filter((cell) => marks(cell).length === 0 && !/^(not found|not applicable|未见|不适用)/.test(cell))).toEqual(
      [],
    );
  });

  test("of each system it says first what is better there, with a source", () => {
    const sections = before.split(/^### /m).slice(1);
    expect(sections.map((section) => section.slice(0, section.indexOf("\n")))).toEqual([
      ...["Flower", "NVIDIA FLARE", "pfl-research", "DISCO", "Gorse"],
    ]);
    for (const section of sections) {
      const [better, different] = [/\*\*(Better there|对方更好之处)/, /\*\*(Different here|这里不同之处)/].map((words) =>
        section.search(words),
      );
      expect(better, section).toBeGreaterThan(0);
      expect(different, section).toBeGreaterThan(better ?? 0);
      expect(marks(section.slice(better, different)).length, section).toBeGreaterThan(0);
    }
  });

  test("what is absent here is said before anything else", () => {
    const absent = before.split(/^## /m)[1] ?? "";
    for (const words of [
      /GPU/,
      /vertical|纵向/i,
      /private set intersection|隐私集合求交/i,
      /trees|树模型/i,
      /homomorphic|同态/i,
      /Python/,
    ]) {
      expect(absent).toMatch(words);
    }
  });
});

test("both languages use the same sources in the same order, in every section", () => {
  const bySection = (text: string) => text.split(/^#{2,3} /m).map(marks);
  expect(bySection(pages.zh.before)).toEqual(bySection(pages.en.before));
  expect(pages.zh.defined.map(({ mark }) => mark)).toEqual(pages.en.defined.map(({ mark }) => mark));
});
