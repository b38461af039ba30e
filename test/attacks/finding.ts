/**
 * How a test of this folder says what it tried: `finding(context, {what, result, held})`. `pnpm test:attacks` (`main.ts`) prints all of them. A finding that
 * didn't hold fails its test as well, so that `pnpm test` stops on it. A test without any counts as one finding: its title, and whether it passed.
 */
import { expect, type TestContext } from "vitest";
import type { Tried } from "../security-run.ts";

declare module "vitest" {
  interface TaskMeta {
    /** Of this test, in order. */
    tried?: Tried[];
  }
}

/** Says that something was tried, and what came of it. @throws if it has not held */
export function finding({ task }: Pick<TestContext, "task">, tried: Tried): void {
  task.meta.tried = [...(task.meta.tried ?? []), tried];
  expect(tried.held, `${tried.what}: ${tried.result}`).toBe(true);
}
