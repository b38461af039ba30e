/** What a customer will do next, and whether it is about to leave: by the federation's heads where a round trained them, by the merchant's own log else. */
import { fail } from "@tributary/errors";
import { actions } from "@tributary/events";
import { churnOf, nextActionOf, purchaseProbability } from "@tributary/model";
import type { z } from "zod";
import type { Asked } from "./asked.ts";
import type { ServedModel } from "./served-model.ts";
import type { churnAnswer, nextActionAnswer } from "./words.ts";

/** @throws TRB_SERVE_NOTHING_TO_ANSWER_BY */
export async function nextAction(
  { prepared, ranker }: ServedModel,
  { events }: Asked,
): Promise<z.infer<typeof nextActionAnswer>> {
  const { heads, chain, origin } = prepared;
  const said = heads.nextAction || heads.purchase ? await ranker.heads(events) : undefined;
  const basis = events.items.length > 0 ? ("history" as const) : ("everybody" as const);
  const rest = {
    basis,
    purchase: purchaseOf(prepared, events, said?.purchase),
    model: { ...origin, parts: [...origin.parts] },
  };
  if (heads.nextAction && said?.actions !== undefined)
    return { actions: inOrder(softmax(said.actions)), by: "federatedHead", ...rest };
  if (chain !== undefined) return { actions: inOrder(nextActionOf(chain, events)), by: "ownChain", ...rest };
  const reason = origin.fallback
    ? "the model is not there yet"
    : "no head was trained, and own counts may not serve or are not there";
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

function softmax(logits: ArrayLike<number>): readonly number[] {
  const list = Array.from(logits);
  const most = Math.max(...list);
  const exponentials = list.map((logit) => Math.exp(logit - most));
  const sum = exponentials.reduce((total, one) => total + one, 0);
  return exponentials.map((one) => one / sum);
}

/** @throws TRB_SERVE_CUSTOMER_UNKNOWN, TRB_SERVE_NOTHING_TO_ANSWER_BY */
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
    const reason = origin.fallback
      ? "the model is not there yet"
      : "no head was trained, and the own log is too short to learn, calibrate and judge by, or may not serve";
    throw fail("TRB_SERVE_NOTHING_TO_ANSWER_BY", { what: "Churn", reason });
  }
  return {
    ...{ probability: 1 / (1 + Math.exp(-head)), horizonDays: heads.churnDays, asOf, by: "federatedHead", calibrated: false },
    ...{ drivers: [], validation: null, model },
  };
}
