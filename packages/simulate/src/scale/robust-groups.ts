/**
 * A cohort in groups, each a sum of its own, and one robust sum of theirs (`robustSum` of `@tributary/model`): device federations with nodes that send
 * what they like. Secure aggregation hides a node's vector, so nothing finer than a group's sum can be judged at all.
 *
 * Privacy: a device is in one group of a round, and who is in which is drawn without looking at data. Adding or removing it changes one group's sum, and
 * the sums of the others are independent of it; so the Rényi divergence of all sums together is that of the one, which is the plan's for a
 * cohort of a group's size: its noise alone meets the plan's worst case (minCohort − maxCorrupt honest nodes). Rounds compose as ever. What is
 * made of the sums costs nothing. `maxCorrupt` must hold in every group: a coordinator that also draws the groups can put all of its nodes into one.
 */
import { fail } from "@tributary/errors";
import { seededRandom } from "@tributary/events";
import { fewestGroups, type RobustRule, robustSum } from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import type { Aggregation, ApplySum, AttemptResult } from "./aggregation.ts";
import type { ConditionSettings } from "./conditions.ts";

export type RobustGroups = RobustRule & { readonly groups: number };

export interface GroupedRun {
  readonly plan: Pick<Plan, "unit" | "optimiser">;
  readonly conditions: Pick<ConditionSettings, "cohort" | "seed">;
  readonly aggregation: "secure" | "fast";
  readonly noise: "distributed" | "central";
}

/** @throws TRB_SIMULATE_SCALE_OPTION */
export function checkGroups(robust: RobustGroups, { plan, conditions, aggregation, noise }: GroupedRun): void {
  const refuse = (option: string, value: string | number, reason: string) =>
    fail("TRB_SIMULATE_SCALE_OPTION", { option, value, reason });
  const { groups } = robust;
  const least = Math.max(2, fewestGroups(robust));
  if (!(groups >= least && 3 * groups <= conditions.cohort)) {
    throw refuse("groups", groups, `it must be from ${least} to a third of the ${conditions.cohort} nodes of a round`);
  }
  if (plan.unit !== "node") throw refuse("unit", plan.unit, "groups are for federations of devices, each in one of them");
  if (aggregation !== "fast") throw refuse("aggregation", aggregation, "the state machines have one sum a round");
  if (noise !== "distributed") throw refuse("noise", noise, "each group needs noise of its own");
  const { name } = plan.optimiser;
  if (name === "dpadam" || name === "extension") {
    throw refuse("optimiser", name, "it asks for the noise's variance, which isn't known of a robust sum");
  }
}

/** The nodes of each group, ascending; sizes differ by one at most. */
export function groupsOf(invited: Uint32Array, groups: number, seed: number, round: number): readonly Uint32Array[] {
  const random = seededRandom(seed, "conditions", "groups", round);
  const order = Uint32Array.from(invited);
  for (let place = order.length - 1; place > 0; place--) {
    const other = random.below(place + 1);
    [order[place], order[other]] = [order[other] as number, order[place] as number];
  }
  return Array.from({ length: groups }, (_, group) => order.filter((_node, place) => place % groups === group).sort());
}

/** Nothing is made of one group's sum; only state machines ask for hashes, and they are refused. */
const noModel: Awaited<ReturnType<ApplySum>> = {
  modelHash() {
    throw fail("TRB_SIMULATE_CENTRAL_NEEDS_FAST");
  },
  optimiserHash: () => null,
};

/**
 * Each attempt is one round a group by `path`, all on the same model; released when more than half of the groups are, and as many as the rule needs.
 * @param path of a plan for a group
 */
export function openGroupedPath(
  path: Aggregation,
  robust: RobustGroups,
  { seed }: Pick<ConditionSettings, "seed">,
): Aggregation {
  return {
    async attempt(attempt, start, apply) {
      const sums: Uint32Array[] = [];
      const results: AttemptResult[] = [];
      for (const invited of groupsOf(attempt.invited, robust.groups, seed, start.round)) {
        const keep: ApplySum = async ({ sum }) => {
          sums.push(sum.slice()); // the path writes over it
          return noModel;
        };
        results.push(await path.attempt({ ...attempt, invited }, start, keep));
      }
      const total = (count: (result: AttemptResult) => number) => results.reduce((sum, result) => sum + count(result), 0);
      const released = sums.length >= Math.max(Math.floor(robust.groups / 2) + 1, fewestGroups(robust));
      const survivors = total((result) => result.survivors);
      if (released) {
        const sum = robustSum(sums, robust);
        await apply({ sum, survivors, noiseShares: survivors });
      }
      return {
        ...{ released, charged: results.some(({ charged }) => charged), cohort: total(({ cohort }) => cohort), survivors },
        work: results.findLast(({ work }) => work.length > 0)?.work ?? [], // counted since the threads began
      };
    },
    save: () => path.save(),
    finish: () => path.finish(),
  };
}
