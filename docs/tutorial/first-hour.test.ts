/** The tutorial, from its second part on: its commands run in their order, and what it says that one sees is what came out, but for the numbers. */
import { afterAll, expect, test } from "vitest";
import { killAll, temporaryFolder } from "../../test/e2e/processes.ts";
import { runTutorial, unlike } from "./run-tutorial.ts";

const folder = temporaryFolder("first-hour");
afterAll(() => {
  killAll();
  folder.remove();
});

test("whoever follows the tutorial sees what it says", { timeout: 480_000 }, async () => {
  const steps = await runTutorial(folder.path, "docs/tutorial/first-hour.test.ts");
  expect(steps.flatMap(unlike)).toEqual([]);
  expect(steps.filter(({ shown }) => shown !== undefined).length).toBeGreaterThan(10);
});

test("a line that is not there, or not in its place, is found; other numbers are not", () => {
  const step = {
    commands: ["x"],
    printed: "ε spent   7.9\nkey 0123456789abcdef\nend",
    shown: "ε spent 8.000\n…\nkey fedcba9876543210",
  };
  expect(unlike(step)).toEqual([]);
  expect(unlike({ ...step, shown: "end\nε spent 8" })).toEqual(["x: not seen, or not there: ε spent #"]);
  expect(unlike({ ...step, shown: "ε left 8" })).toEqual(["x: not seen, or not there: ε left #"]);
});
