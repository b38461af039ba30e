/**
 * A plan from a file, audited: its mechanism (clipping, arithmetic, noise shares, sampling, rounds, the server's step) on the made-up market, which has as many items as the plan's
 * model. What the plan has from elsewhere, a catalogue or a model to begin with, decides nothing about ε and is made up; what would leave part of the plan out is refused.
 */

import { fail } from "@tributary/errors";
import { actions } from "@tributary/events";
import { graphHashOf } from "@tributary/federation";
import { trainedCount } from "@tributary/model";
import { type Crypto, type Plan, requireSoundPlan } from "@tributary/protocol";
import { onlyTraining } from "./audited-federation.ts";

/**
 * @param merchants nodes that the market is dealt out to, all of whom are in every round
 * @throws TRB_AUDIT_PLAN_UNFIT, TRB_PLAN_GRAPH_MISMATCH, and the codes of the linter for a plan that doesn't keep what it promises
 */
export function requireAuditable(plan: Plan, merchants: number, crypto: Crypto): void {
  const { model, trained, noiseMode, minCohort, graphHash, graphVersion } = plan;
  const refuse = (reason: string) => fail("TRB_AUDIT_PLAN_UNFIT", { reason });
  if (model.family === "extension") throw refuse("its model is an extension's");
  onlyTraining(plan);
  if (noiseMode !== "distributed") throw refuse(`its noise is ${noiseMode}, and what is audited is a sum of shares`);
  const { attributes, features } = model.item;
  const reads = [attributes.length > 0, features > 0, model.dwells > 0, model.prices > 0, model.topics !== undefined];
  if (reads.includes(true)) throw refuse("its model reads of items and events what the made-up market doesn't have");
  if (model.actions !== 0 && model.actions !== actions.length)
    throw refuse(`it knows ${model.actions} of the ${actions.length} actions`);
  if (merchants < minCohort) throw refuse(`its rounds take ${minCohort} merchants, and there are ${merchants}`);
  requireSoundPlan(plan, { demo: true, nodes: merchants, parameterCount: trainedCount(model, trained) });
  if (graphHashOf(crypto, model, trained) !== graphHash) throw fail("TRB_PLAN_GRAPH_MISMATCH", { graphVersion });
}
