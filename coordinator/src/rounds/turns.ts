/** Long work that can be parted, so that heart-beats, requests and timers of the same process go on meanwhile. */
import { setImmediate as nextTurn } from "node:timers/promises";

/** The event loop is kept no longer than this by parts that are short themselves, in milliseconds. */
const longestTurn = 10;

/** @returns to be awaited between two parts: lets everybody else have a turn once this has kept the loop for long enough */
export function partedWork(longest = longestTurn): () => Promise<void> {
  let began = performance.now();
  return async () => {
    if (performance.now() - began < longest) return;
    await nextTurn();
    began = performance.now();
  };
}
