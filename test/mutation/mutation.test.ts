import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { entryOf, matchAccepted } from "./accepted.ts";
import { type Judged, judgeMutants } from "./judge.ts";
import { type Mutant, mutatedSources } from "./mutants.ts";
import { stratifiedSample, wilsonInterval } from "./sample.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const fixture = { name: "fixture", sources: ["test/mutation/fixture/thermostat.ts"], tests: [] };

const said = ({ original, replacement }: Mutant) => `${original} → ${replacement}`;

it("kills the fixture's mutants that its tests see, by their tests, by endlessness or by a load of its own, and no others", async () => {
  const sources = await mutatedSources(root, fixture);
  const tests = [join(root, "test/mutation/fixture/thermostat.cases.ts")];
  const wanted = new Map([
    // both sides are looked at, the target itself is not
    ["degrees < Math.min(target, warmest) → degrees >= Math.min(target, warmest)", "killed"],
    ["degrees < Math.min(target, warmest) → degrees <= Math.min(target, warmest)", "survived"],
    ["Math.min(target, warmest) → Math.max(target, warmest)", "killed"],
    ["now < target → now <= target", "killed"],
    ["now < target → false", "killed"],
    ["now += 1 → now -= 1", "timeout"],
    // 20 − 5: seen by nobody whose code was loaded without it
    ["20 + 5 → 20 - 5", "killed"],
    ["degrees < 0 → degrees >= 0", "no coverage"],
    ['"minus" → ""', "no coverage"],
  ]);
  const mutants = sources.mutants.filter((mutant) => wanted.has(said(mutant)));
  const settled: Judged[] = [];
  const { judged, notJudged } = await judgeMutants({
    ...{ root, sources, mutants, tests, processes: 1 },
    settled: (one) => settled.push(one),
  });
  expect(new Map(judged.map(({ mutant, verdict }) => [said(mutant), verdict]))).toEqual(wanted);
  expect(notJudged).toEqual([]);
  expect(settled).toHaveLength(judged.length);
  expect(settled).toEqual(expect.arrayContaining([...judged]));
}, 120_000);

it("tells the mutants of processes that never come as far, and goes on", async () => {
  const sources = await mutatedSources(root, fixture);
  const mutants = sources.mutants.slice(0, 2);
  const nowhere = [join(root, "test/mutation/fixture/nowhere.cases.ts")];
  const { judged, notJudged, output } = await judgeMutants({ root, sources, mutants, tests: nowhere, processes: 1 });
  expect({ judged, notJudged }).toEqual({ judged: [], notJudged: mutants });
  expect(output).toContain("nowhere.cases.ts");
}, 120_000);

it("takes the same sample for the same seed, of each file as much as is its share", () => {
  const mutants = Array.from({ length: 300 }, (_, id): Mutant => {
    const file = id < 200 ? "a.ts" : "b.ts";
    return { id, file, line: id, mutator: "BooleanLiteral", lineText: "x = true", original: "true", replacement: "false" };
  });
  const sample = stratifiedSample(mutants, 31, "7");
  expect(stratifiedSample(mutants, 31, "7")).toEqual(sample);
  expect(stratifiedSample(mutants, 31, "8")).not.toEqual(sample);
  expect(sample.filter(({ file }) => file === "a.ts")).toHaveLength(21);
  expect(new Set(sample.map(({ id }) => id)).size).toBe(31);
  // another file's mutants leave it alone
  const fewer = mutants.filter(({ id }) => id < 200);
  expect(stratifiedSample(fewer, 21, "7")).toEqual(sample.filter(({ file }) => file === "a.ts"));
});

it("gives Wilson's interval", () => {
  // Newcombe (1998), Statistics in Medicine 17, table I, method 3
  expect(wilsonInterval(81, 263).map((bound) => bound.toFixed(4))).toEqual(["0.2553", "0.3662"]);
  expect(wilsonInterval(15, 148).map((bound) => bound.toFixed(4))).toEqual(["0.0624", "0.1605"]);
  expect(wilsonInterval(0, 20).map((bound) => bound.toFixed(4))).toEqual(["0.0000", "0.1611"]);
});

it("knows an accepted mutant by its text, wherever its line stands, and tells an entry that nothing answers to", async () => {
  const { mutants } = await mutatedSources(root, fixture);
  const [one] = mutants;
  if (one === undefined) throw new Error("the fixture has mutants");
  const entry = { ...entryOf(one), reason: "for this test" };
  const moved = mutants.map((mutant) => ({ ...mutant, line: mutant.line + 3 }));
  expect(matchAccepted(moved, [entry])).toEqual({ ids: new Set([one.id]), stale: [] });
  const gone = { ...entry, line: "return;" };
  expect(matchAccepted(mutants, [gone])).toEqual({ ids: new Set(), stale: [gone] });
});

it("leaves prose and the texts of errors out, and keeps words that programs read", async () => {
  const { mutants } = await mutatedSources(root, fixture);
  expect(mutants.filter(({ mutator }) => mutator === "StringLiteral").map(({ original }) => original)).toEqual([
    '"minus"',
    '"plus"',
  ]);
  const dp = await mutatedSources(root, { name: "one file", sources: ["dp/src/clipping/clip-l2.ts"], tests: [] });
  const texts = dp.mutants.filter(({ mutator }) => mutator === "StringLiteral").map(({ original }) => original);
  expect(texts).toContain('"TRB_DP_PARAMETER_INVALID"');
  expect(texts).not.toContain('"clipNorm"');
});
