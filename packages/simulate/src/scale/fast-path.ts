/**
 * Rounds without the messages: masks cancel in the sum, and who survives is counted (`outcome.ts`). The noise is every node's own share, from
 * the streams that the state machines would use, so the model is the same to the last byte; or it is drawn once for the whole sum (`central`),
 * as other simulators do, which costs less and is another model. Nothing here is signed, so there is no ledger.
 */

import { roundParameters } from "@tributary/federation";
import { type Plan, wireFormOf } from "@tributary/protocol";
import type { Aggregation } from "./aggregation.ts";
import { outcomeOf } from "./outcome.ts";
import { shared } from "./population.ts";
import type { ScaleTeam } from "./team.ts";

export function openFastPath(plan: Plan, team: ScaleTeam, noise: "distributed" | "central"): Aggregation {
  const next = shared(Int32Array, 1);
  const room = new Map<number, { readonly sums: readonly Uint32Array[]; readonly totals: readonly Float64Array[] }>();
  /** Every thread's sum of each size, made once: fresh pages cost more than the sums. */
  const roomFor = (dimension: number) => {
    const threads = Array.from({ length: team.threads });
    const known = room.get(dimension) ?? {
      sums: (noise === "central" ? [0] : threads).map(() => shared(Uint32Array, dimension)),
      totals: noise === "central" ? threads.map(() => shared(Float64Array, dimension)) : [],
    };
    room.set(dimension, known);
    return known;
  };
  return {
    async attempt(attempt, { round, release, model }, apply) {
      const outcome = outcomeOf(attempt, plan);
      if (!outcome.released) return { released: false, charged: outcome.charged, cohort: 0, survivors: 0, work: [] };
      const { survivors, cohort } = outcome;
      const { sums, totals } = roomFor(wireFormOf(plan, release).coordinates);
      const nodes = shared(Uint32Array, survivors.length);
      nodes.set(survivors);
      next[0] = 0;
      const common = { round, release, queue: { nodes, next }, adversaries: [...attempt.adversaries] };
      await team.all(() => ({ type: "model", model }));
      const [sum] = sums as readonly [Uint32Array];
      if (noise === "central") {
        await team.all((thread) => ({ ...common, type: "addPlain", sum: totals[thread] ?? new Float64Array() }));
        next[0] = 0;
        const work = await team.all(() => ({ type: "finishCentrally", round, release, parts: totals, sum, next }));
        await apply({ sum, survivors: survivors.length, noiseShares: roundParameters(plan, release).honestNodes });
        return { released: true, charged: true, cohort, survivors: survivors.length, work };
      }
      for (const part of sums) part.fill(0);
      const work = await team.all((thread) => ({ ...common, type: "addNoisy", sum: sums[thread] ?? new Uint32Array() }));
      for (const part of sums.slice(1)) for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (part[i] as number);
      await apply({ sum, survivors: survivors.length, noiseShares: survivors.length });
      return { released: true, charged: true, cohort, survivors: survivors.length, work };
    },
    save: () => null,
    finish: async () => undefined,
  };
}
