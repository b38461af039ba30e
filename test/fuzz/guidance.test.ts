/** That coverage guides: a fault behind four right octets is found by it, and in as many blind tries is not. */
import { createHash } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { cacheFolder } from "./engine/jazzer.ts";
import { targets } from "./engine/planted.ts";
import { parsePlanted } from "./engine/planted-parser.ts";
import { runTarget } from "./engine/run-target.ts";

const tries = 100_000;

test("libFuzzer finds what was planted, by coverage and comparisons of our own sources", { timeout: 240_000 }, async () => {
  const [planted] = targets;
  if (planted === undefined) throw new Error("nothing is planted");
  // what an earlier run left in the corpus would be the answer
  for (const kind of ["corpus", "seeds"]) rmSync(join(cacheFolder, kind, planted.name), { recursive: true, force: true });
  const { found, executions, edges } = await runTarget(planted, 120, ["-seed=7", `-runs=${tries}`]);
  expect(executions).toBeGreaterThanOrEqual(tries);
  expect(edges).toBeGreaterThan(5);
  expect(found.map(({ signature }) => signature)).toEqual([expect.stringContaining("RangeError")]);
  expect([...(found[0]?.fed.subarray(0, 4) ?? [])]).toEqual([0x54, 0x52, 0x42, 0x17]);
});

test("as many blind tries do not come to the fourth", () => {
  let furthest = 0;
  for (let k = 0; k < tries / 4; k++) {
    const octets = createHash("sha512").update(`blind ${k}`).digest(); // the same in every run
    for (let at = 0; at < 64; at += 16) furthest = Math.max(furthest, parsePlanted(octets.subarray(at, at + 16)));
  }
  expect(furthest).toBeGreaterThan(0);
  expect(furthest).toBeLessThan(4);
});
