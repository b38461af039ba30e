/** Cohorts in groups: who is in which, what of it is released, and what one node that sends the most that counts as admissible can do. */

import { noiseDeviation } from "@tributary/dp";
import { isTributaryError } from "@tributary/errors";
import { roundParameters } from "@tributary/federation";
import type { Plan } from "@tributary/protocol";
import { expect, test } from "vitest";
import { type ConditionSettings, isAdversary } from "./conditions.ts";
import { groupsOf, type RobustGroups } from "./robust-groups.ts";
import { type AttemptRecord, type ScaleOptions, simulateScale } from "./simulate-scale.ts";
import { hex, smallFederation } from "./small-federation.fixture.ts";

const median = { groups: 5, rule: "median" } as const;

/** 25 devices in a round; with groups, a plan for five. One round of one pass. */
function devices(
  robust: RobustGroups | undefined,
  conditions: Partial<ConditionSettings> = {},
  updateNorm?: number,
): ScaleOptions {
  const cohort = 25;
  const groups = robust?.groups ?? 1;
  const plan = { unit: "node", rounds: 1, cohort: cohort / groups, epsilon: 20 } as const;
  const bound = updateNorm === undefined ? {} : { updateNorm };
  const options = smallFederation({ seed: 5, nodes: 30, cohort, customers: 300, plan: { ...plan, ...bound }, conditions });
  return { ...options, robust };
}

async function recorded(options: ScaleOptions) {
  const records: AttemptRecord[] = [];
  const result = await simulateScale({ ...options, onAttempt: (record) => void records.push(record) });
  return { ...result, records };
}

test("everybody invited is in one group, groups are as large as each other, and another round has others", () => {
  const invited = Uint32Array.from({ length: 23 }, (_, i) => 3 * i);
  const groups = groupsOf(invited, 5, 1, 1);
  expect(groups.flatMap((group) => [...group]).sort((a, b) => a - b)).toEqual([...invited]);
  expect(groups.map(({ length }) => length)).toEqual([5, 5, 5, 4, 4]);
  for (const group of groups) expect([...group]).toEqual([...group].sort((a, b) => a - b));
  expect(groupsOf(invited, 5, 1, 1)).toEqual(groups);
  expect(groupsOf(invited, 5, 1, 2)).not.toEqual(groups);
});

test("each group alone has the plan's noise: the plan for groups of five costs what one round of five costs", async () => {
  const options = devices(median);
  const { plan } = options;
  const { records, epsilon } = await recorded(options);
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({ released: true, charged: true, cohort: 25, survivors: 25 });
  expect(epsilon).toBeLessThanOrEqual(Number(plan.epsilon));
  expect(plan.minCohort).toBeLessThanOrEqual(5);
  // z is of ε alone; what five nodes bring to a mean over five is five times what 25 bring to a mean over 25, and a bit for the corrupt
  const alone = devices(undefined);
  expect(plan.releases[0]?.noiseMultiplier).toBe(alone.plan.releases[0]?.noiseMultiplier);
  const noiseOfMean = (of: Plan, nodes: number) => {
    const { nodeVariance, scale } = roundParameters(of, 0);
    return noiseDeviation(nodeVariance, nodes) / (scale * of.minCustomers);
  };
  const ratio = noiseOfMean(plan, 5) / noiseOfMean(alone.plan, 25);
  expect(ratio).toBeGreaterThan(4);
  expect(ratio).toBeLessThan(6);
});

test("the model is the same again, and a group that loses too many nodes is left out of it", async () => {
  const one = await recorded(devices(median, { dropout: 0.12 }));
  const again = await recorded(devices(median, { dropout: 0.12 }));
  expect(hex(again.model.parameters)).toBe(hex(one.model.parameters));
  const [record] = one.records;
  expect(record?.released).toBe(true);
  expect(record?.survivors).toBeLessThan(record?.cohort ?? 0);
});

test("with half of the groups gone nothing is released, and it is charged", async () => {
  const { records } = await recorded({
    ...devices(median, { dropout: 0.6 }),
    conditions: { ...devices(median).conditions, dropout: 0.6 },
  });
  expect(records[0]).toMatchObject({ released: false, charged: true });
});

test("one node that sends garbage throws the mean away, moves a bounded one by its bound, and the median as noise does", async () => {
  const garbage = { adversaries: shareOfOne(), adversary: "noise" } as const;
  const moved = async (robust: RobustGroups | undefined, conditions: Partial<ConditionSettings>, updateNorm?: number) => {
    const { records } = await recorded(devices(robust, conditions, updateNorm));
    expect(records[0]?.adversaries).toBe(conditions.adversaries === undefined ? 0 : 1);
    return records[0]?.moved ?? 0;
  };
  const [mean, middle] = [await moved(undefined, {}), await moved(median, {})];
  // uniform words are n + 8z·√(n/h) clip norms over √3 in each coordinate: here some twenty times the noise
  expect(await moved(undefined, garbage)).toBeGreaterThan(8 * mean);
  const learningRate = Number(devices(undefined).plan.optimiser.learningRate);
  expect(await moved(undefined, garbage, 0.5)).toBeCloseTo(0.5 * learningRate, 5);
  expect(await moved(median, garbage)).toBeLessThan(1.5 * middle);
});

/** The least share of adversaries at which one of the nodes is one. */
function shareOfOne(): number {
  const { conditions } = devices(undefined);
  const nodes = Array.from({ length: conditions.nodes }, (_, node) => node);
  const count = (adversaries: number) => nodes.filter((node) => isAdversary({ ...conditions, adversaries }, node)).length;
  return Array.from({ length: 1000 }, (_, i) => i / 1000).find((share) => count(share) === 1) ?? 0;
}

test("what it isn't for is refused", async () => {
  const refused = async (change: Partial<ScaleOptions>) => {
    try {
      await simulateScale({ ...devices(median), ...change });
    } catch (error) {
      return isTributaryError(error) ? `${error.code} ${error.details["option"]}` : "uncoded";
    }
    return "none";
  };
  const { plan } = devices(median);
  const rates = { learningRate: plan.optimiser.learningRate };
  const noisy = { ...rates, name: "dpadam", beta1: rates.learningRate, beta2: rates.learningRate, floor: plan.delta } as const;
  expect(await refused({ robust: { ...median, groups: 1 } })).toBe("TRB_SIMULATE_SCALE_OPTION groups");
  expect(await refused({ robust: { ...median, groups: 9 } })).toBe("TRB_SIMULATE_SCALE_OPTION groups");
  expect(await refused({ robust: { groups: 4, rule: "trimmed-mean", trim: 2 } })).toBe("TRB_SIMULATE_SCALE_OPTION groups");
  expect(await refused({ aggregation: "secure" })).toBe("TRB_SIMULATE_SCALE_OPTION aggregation");
  expect(await refused({ noise: "central" })).toBe("TRB_SIMULATE_SCALE_OPTION noise");
  expect(await refused({ plan: { ...plan, unit: "customer" } })).toBe("TRB_SIMULATE_SCALE_OPTION unit");
  expect(await refused({ plan: { ...plan, optimiser: noisy } })).toBe("TRB_SIMULATE_SCALE_OPTION optimiser");
});
