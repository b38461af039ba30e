import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";

const folder = fileURLToPath(new URL("..", import.meta.url));
const examples = Array.from(
  readFileSync(`${folder}README.md`, "utf8").matchAll(/```ts\n([\s\S]*?)```/g),
  (match) => match[1] ?? "",
);

/** Runs one block of README.md as a file of its own would run, and returns what it printed. */
function run(example: number): string {
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module-typescript", "--eval"];
  const { stdout, stderr, status } = spawnSync(process.execPath, [...flags, examples[example] ?? ""], {
    cwd: folder,
    encoding: "utf8",
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
  return stdout;
}

it("README's accounting example keeps ε = 4, and a second release costs more", () => {
  const printed = run(0);
  const numbers = Array.from(printed.matchAll(/^(?:epsilon|with counts) ([\d.]+)$/gm), (match) => Number(match[1]));
  expect(numbers[0]).toBeLessThanOrEqual(4);
  expect(numbers[0]).toBeGreaterThan(3.999);
  expect(numbers[1]).toBeGreaterThan(numbers[0] ?? 0);
});

it("README's sum query runs, with noise of z·√(3/2) clip norms", () => {
  expect(examples.length).toBe(2);
  // z·C·√(n/h) = 1.5·√1.5, the rounding's share being far below the digits printed
  expect(run(1)).toMatch(/^coordinates 4\nnoise per coordinate 1\.837\nrounding costs 0\.0000\d\d % more noise\n$/);
});
