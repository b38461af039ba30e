/**
 * What a customer will do next, and whether it is about to leave: by the merchant's own log, and by the federation's heads as far as own customers bear them out; by
 * those alone where the own log may not serve.
 */
import { fail } from "@tributary/errors";
import { actions } from "@tributary/events";
import { blendedNextAction, churnOf, nextActionOf, purchaseProbability, softened } from "@tributary/model";
import type { z } from "zod";
import type { Asked } from "./asked.ts";
import type { ServedModel } from "./served-model.ts";
import type { churnAnswer, nextActionAnswer } from "./words.ts";

/** @throws TRB_SERVE_NOTHING_TO_ANSWER_BY, TRB_SERVE_MODEL_LOADING */
export async function nextAction(
  { prepared, ranker }: ServedModel,
  { events }: Asked,
): Promise<z.infer<typeof nextActionAnswer>> {
  const { heads, chain, nextAction: blend, origin } = prepared;
  const said = heads.nextAction || heads.purchase ? await ranker.heads(events) : undefined;
  const basis = events.items.length > 0 ? ("history" as const) : ("everybody" as const);
  const rest = {
    basis,
    purchase: purchaseOf(prepared, events, said?.purchase),
    model: { ...origin, parts: [...origin.parts] },
  };
  const logits = heads.nextAction ? said?.actions : undefined;
  if (chain !== undefined) {
    const chained = nextActionOf(chain, events);
    const validation = blend?.validation ?? null;
    if (blend === undefined || blend.weight === 0 || logits === undefined)
      return { actions: inOrder(chained), by: "ownChain", validation, ...rest };
    const by = blend.weight === 1 ? ("federatedHead" as const) : ("ownChainWithFederatedHead" as const);
    return { actions: inOrder(blendedNextAction(blend, logits, chained)), by, validation, ...rest };
  }
  if (logits !== undefined) return { actions: inOrder(softened(logits)), by: "federatedHead", validation: null, ...rest };
  if (origin.fallback) throw fail("TRB_SERVE_MODEL_LOADING", { what: "The next action" });
  const reason = "no head was trained, and own counts may not serve or are not there";
  throw fail("TRB_SERVE_NOTHING_TO_ANSWER_BY", { what: "The next action", reason });
}

/** Whether it will buy before this visit ends; the merchant's own model is calibrated, the federation's head is not. */
function purchaseOf(
  { purchase: own, heads }: ServedModel["prepared"],
  events: Asked["events"],
  head: number | undefined,
): z.infer<typeof nextActionAnswer>["purchase"] {
  if (events.items.length === 0) return null;
  if (own !== undefined) {
    const { cases, auc, baselineAuc, calibrationError } = own;
    return {
      ...{ probability: purchaseProbability(own, events).probability, by: "ownModel", calibrated: true },
      validation: {
        ...{ cases, calibrationError },
        ...(auc === undefined ? {} : { auc }),
        ...(baselineAuc === undefined ? {} : { recencyFrequencyAuc: baselineAuc }),
      },
    };
  }
  if (!heads.purchase || head === undefined) return null;
  return { probability: 1 / (1 + Math.exp(-head)), by: "federatedHead", calibrated: false, validation: null };
}

const inOrder = (probabilities: ArrayLike<number>) =>
  actions
    .map((action, number) => ({ action, probability: probabilities[number] ?? 0 }))
    .sort((a, b) => b.probability - a.probability);

/** @throws TRB_SERVE_CUSTOMER_UNKNOWN, TRB_SERVE_NOTHING_TO_ANSWER_BY, TRB_SERVE_MODEL_LOADING */
export async function churn(
  { prepared, ranker }: ServedModel,
  { events, known }: Asked,
  now: number,
): Promise<z.infer<typeof churnAnswer>> {
  if (!known) throw fail("TRB_SERVE_CUSTOMER_UNKNOWN");
  const { churn: own, heads, origin } = prepared;
  const head = heads.churnDays > 0 ? (await ranker.heads(events))?.churn : undefined;
  const last = events.times.at(-1) ?? 0;
  // what comes after the moment that is asked about would be no prediction
  const asOf = Math.max(now, last);
  const model = { ...origin, parts: [...origin.parts] };
  if (own !== undefined) {
    const { probability, drivers } = churnOf(own, events, asOf, head);
    const { customers, rate, auc, baselineAuc, calibrationError } = own.validation;
    return {
      ...{ probability, horizonDays: own.horizonDays, asOf, calibrated: true, model },
      by: own.usesHead ? "ownModelWithFederatedHead" : "ownModel",
      drivers: [...drivers],
      validation: {
        ...{ customers, rate, calibrationError },
        ...(auc === undefined ? {} : { auc }),
        ...(baselineAuc === undefined ? {} : { recencyFrequencyAuc: baselineAuc }),
      },
    };
  }
  if (head === undefined) {
    if (origin.fallback) throw fail("TRB_SERVE_MODEL_LOADING", { what: "Churn" });
    const reason = "no head was trained, and the own log is too short to learn, calibrate and judge by, or may not serve";
    throw fail("TRB_SERVE_NOTHING_TO_ANSWER_BY", { what: "Churn", reason });
  }
  return {
    ...{ probability: 1 / (1 + Math.exp(-head)), horizonDays: heads.churnDays, asOf, by: "federatedHead", calibrated: false },
    ...{ drivers: [], validation: null, model },
  };
}
