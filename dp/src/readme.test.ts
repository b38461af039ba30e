import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { epsilonOf } from "./accounting/epsilon.ts";

const folder = fileURLToPath(new URL("..", import.meta.url));
const examples = new Map(
  Array.from(readFileSync(`${folder}README.md`, "utf8").matchAll(/## ([^\n]+)\n[^#]*?```ts\n([\s\S]*?)```/g), (match) => [
    match[1],
    match[2] ?? "",
  ]),
);

/** Runs the block under a heading of README.md as a file of its own would run, and returns what it printed. */
function run(heading: string): string {
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "--eval"];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [...flags, examples.get(heading) ?? "throw new Error('no such example')"],
    {
      cwd: folder,
      encoding: "utf8",
    },
  );
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

it("README's accounting example keeps ε = 4, and a second release costs more", () => {
  const printed = run("What a plan costs");
  const numbers = Array.from(printed.matchAll(/^(?:epsilon|with counts) ([\d.]+)$/gm), (match) => Number(match[1]));
  expect(numbers[0]).toBeLessThanOrEqual(4);
  expect(numbers[0]).toBeGreaterThan(3.999);
  expect(numbers[1]).toBeGreaterThan(numbers[0] ?? 0);
});

it("README's accounts: real orders below integer ones, PLD below both and above its own lower bound; two merchants cost more", () => {
  const printed = run("One account, several accountants");
  const number = (after: string) => Number(new RegExp(`${after} ([\\d.]+)`).exec(printed)?.[1]);
  expect(number("pld")).toBeLessThan(number("rdp"));
  expect(number("rdp")).toBeLessThan(number("rdp-integer"));
  expect(number("training alone")).toBeCloseTo(1.8282, 3);
  expect(number("not below")).toBeLessThan(number("training alone"));
  expect(number("at two merchants")).toBeGreaterThan(number("rdp-integer"));
  expect(printed).toMatch(/at the end 0\.251 1\.0e-9\nmu 0\.6\d\n$/);
});

it("README's budgets: targets are met, the filter stops, the odometer counts", () => {
  expect(run("Staying below a budget")).toMatch(
    /^noise 1\.04\d\nrounds at twice the noise true\nsampling rate 0\.051\nreleases 18\nspent so far 0\.8\d\n$/,
  );
});

it("README's sum query runs, with noise of z·√(3/2) clip norms", () => {
  // z·C·√(n/h) = 1.5·√1.5, the rounding's share being far below the digits printed
  expect(run("One sum query, from customers to a noisy mean")).toMatch(
    /^coordinates 4\nnoise per coordinate 1\.837\nrounding costs 0\.0000\d\d % more noise\n$/,
  );
});

it("README's recipes: PLD below Rényi for a count, three merchants' ε below one's at the same multiplier, the published 7.7171", () => {
  const printed = run("A daily count, a person at several merchants, and other recipes");
  const number = (after: string) => Number(new RegExp(`${after} ([\\d.]+)`).exec(printed)?.[1]);
  expect(number("pld")).toBeLessThan(number("rdp-integer"));
  expect(number("up to three")).toBeLessThan(number("at one merchant"));
  expect(printed).toMatch(/rotated, gaussian 7\.7171\nrotated, skellam 7\.7171\n$/);
});

it("README's table: no key of one customer is named, and what was asked costs what it says", () => {
  const printed = run("A table's vocabulary, median and mean");
  expect(printed).toMatch(/^vocabulary bags hats shoes\nmedian (50|60|70)\nmean 60\n/);
  const [first = 0, second = 0] = Array.from(printed.matchAll(/epsilon of [a-z ]+ ([\d.]+)/g), (match) => Number(match[1]));
  expect(first).toBeGreaterThan(1);
  expect(first).toBeLessThanOrEqual(1.5);
  expect(second).toBeCloseTo(0.52, 1);
});

it("README's running sums are near the truth, and banded noise costs less than the tree", () => {
  const printed = run("Running sums without sampling");
  expect(printed).toMatch(/^sums are near 6 6\n/);
  const [tree = 0, banded = 0] = Array.from(printed.matchAll(/epsilon of [a-z]+ ([\d.]+)/g), (match) => Number(match[1]));
  expect(banded).toBeLessThan(tree);
});

it("README's harness catches half the noise and lets the right one pass", () => {
  expect(run("Trying to break a mechanism")).toBe("right noise refuted false\nhalf the noise refuted true\n");
});

it("README's guarantee is one that holds, and its tier comes first", () => {
  const printed = run("A guarantee in words");
  expect(printed).toMatch(/^tier strong\nOnce, a count of customers is released/);
  expect(printed).toContain("ε = 0.9 at δ = 1e-6: strong protection");
  expect(epsilonOf({ samplingRate: 1, noiseMultiplier: 5, steps: 1, delta: 1e-6 })).toBeLessThanOrEqual(0.9);
});

it("every example of README is run here", () => {
  expect(examples.size).toBe(9);
});
