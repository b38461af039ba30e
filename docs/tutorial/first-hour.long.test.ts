/** The tutorial's first part: the demo as it is, which takes minutes. */
import { mkdirSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { killAll, temporaryFolder, tributary } from "../../test/e2e/processes.ts";
import { tutorialBlocks, unlike } from "./run-tutorial.ts";

const folder = temporaryFolder("first-hour-demo");
afterAll(() => {
  killAll();
  folder.remove();
});

test("the demo prints what the tutorial shows of it", { timeout: 1_800_000 }, async () => {
  mkdirSync(folder.path, { recursive: true });
  const { exitCode, stdout } = await tributary(["demo"], { cwd: folder.path });
  expect(exitCode).toBe(0);
  const [block] = tutorialBlocks("docs/tutorial/first-hour.long.test.ts");
  expect(unlike({ commands: ["demo"], printed: stdout, shown: block?.shown })).toEqual([]);
});
