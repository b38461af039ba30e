/** For tests: log files in a folder that goes away with the test file, and the code of an expected error. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError, type TributaryError } from "@tributary/errors";
import { afterAll } from "vitest";
import { actions, type Histories } from "./histories.ts";

/** Call at the top of a test file. The function it returns writes a file and gives its path. */
export function logFiles(): (name: string, content: string | Uint8Array) => string {
  const folder = mkdtempSync(join(tmpdir(), "tributary-events-"));
  afterAll(() => rmSync(folder, { recursive: true }));
  return (name, content) => {
    const path = join(folder, name);
    writeFileSync(path, content);
    return path;
  };
}

/** The coded error that `run` throws; anything else fails the test. */
export async function refusal(run: () => unknown): Promise<TributaryError> {
  try {
    await run();
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
  throw new Error("expected a refusal");
}

/** `customer: item action time, …` */
export const inWords = ({ customers, offsets, items, actions: numbers, times }: Histories) =>
  customers.map((customer, place) => {
    const events = Array.from(items.keys()).slice(offsets[place], offsets[place + 1]);
    return `${customer}: ${events.map((event) => `${items[event]} ${actions[numbers[event] ?? 0]} ${times[event]}`).join(", ")}`;
  });
