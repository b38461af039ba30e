/** The table of what an ε allows, held to its formulas. The accountant's lines of that page are held to the accountant by test/e2e/readme.test.ts. */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const page = readFileSync(new URL("explanation/what-dp-promises.md", import.meta.url), "utf8");

/** Of a prior p the posterior is at most p·e^ε/(p·e^ε + 1 − p). */
const most = (prior: number, epsilon: number) => (prior * Math.exp(epsilon)) / (prior * Math.exp(epsilon) + 1 - prior);

test("odds and suspicions are what ε allows", () => {
  const rows = Array.from(
    page.matchAll(/^\| ([\d.]+) \| ([\d.]+)-fold \| ([\d.]+) in 100 \| ([\d.]+) in 100 \|$/gm),
    ([, ...cells]) => cells,
  );
  expect(rows.map(([epsilon]) => epsilon)).toEqual(["0.5", "1", "2", "4", "8"]);
  for (const [text, ...told] of rows) {
    const epsilon = Number(text);
    const places = epsilon < 4 ? 2 : epsilon < 8 ? 1 : 0;
    expect(told).toEqual([
      Math.exp(epsilon).toFixed(places),
      (100 * most(0.01, epsilon)).toFixed(1),
      (100 * most(0.5, epsilon)).toFixed(1),
    ]);
  }
});
