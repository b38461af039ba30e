import { expect, test } from "vitest";
import { partedWork } from "./turns.ts";

const busy = (milliseconds: number) => {
  for (const end = performance.now() + milliseconds; performance.now() < end; );
};

/** How often others had a turn while so many parts were done. */
async function turnsDuring(parts: number, part: () => void, pause: () => Promise<void>): Promise<number> {
  let turns = 0;
  let over = false;
  const other = () => {
    turns += 1;
    if (!over) setImmediate(other);
  };
  setImmediate(other);
  for (let i = 0; i < parts; i++) {
    part();
    await pause();
  }
  over = true;
  return turns;
}

test("others have a turn between parts that keep the event loop, and none between short ones", async () => {
  expect(await turnsDuring(5, () => busy(3), partedWork(2))).toBeGreaterThanOrEqual(4);
  expect(await turnsDuring(1_000, () => {}, partedWork(60_000))).toBe(0);
});
