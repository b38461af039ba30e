/** In processes of their own: what V8 decides about its heap counts for a whole process. */
import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

const heap = new URL("./heap.ts", import.meta.url).href;

/** Makes a hundred thousand objects outlive a few collections, again and again. @returns the young generation's size in MiB, at its largest */
function youngAfter(before: string): number {
  const script = `
    import { keepHeapSmall, youngOctets } from "${heap}";
    ${before}
    const kept = [];
    let most = 0;
    for (let turn = 0; turn < 150; turn += 1) {
      for (let i = 0; i < 20_000; i += 1) kept[(turn * 20_000 + i) % 100_000] = { a: [turn, i], b: "x" + i };
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, youngOctets());
    }
    console.log(most / 2 ** 20);`;
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", script];
  return Number(execFileSync(process.execPath, flags, { encoding: "utf8" }));
}

test("the young generation grows to 32 MiB and hardly beyond, and without the limit it does", { timeout: 60_000 }, () => {
  expect(youngAfter("keepHeapSmall();")).toBeLessThan(40);
  expect(youngAfter("")).toBeGreaterThan(40);
  expect(youngAfter("keepHeapSmall().release();")).toBeGreaterThan(40);
});
