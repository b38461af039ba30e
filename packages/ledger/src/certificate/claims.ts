/** What a certificate says that follows from its plan and entries: made by whoever signs, made again by whoever checks. */
import { type Decimal, formatDecimal, isSpentBefore, type Plan, planCost } from "@tributary/protocol";
import type { EntryOf } from "../entries.ts";
import { type Estimate, metricsOf } from "../metrics.ts";
import { spentAfter } from "../spending.ts";
import type { CertifiedMetrics, ModelCertificate } from "./certificate.ts";

export type Claims = Pick<
  ModelCertificate,
  "federation" | "coordinatorKey" | "modelHash" | "round" | "privacy" | "metrics" | "evaluation"
>;

/**
 * @param released the entry that released the model
 * @param judged the entry of the metrics that are of it
 * @throws the codes of `planCost` for a plan without a finite cost
 */
export function claimsOf(
  plan: Plan,
  released: EntryOf<"genesis"> | EntryOf<"round">,
  judged: EntryOf<"round"> | undefined,
): Claims {
  const initial = released.kind === "genesis";
  return {
    federation: plan.federation,
    coordinatorKey: plan.coordinatorKey,
    modelHash: initial ? plan.initialModelHash : released.nextModelHash,
    round: initial ? 0 : released.round,
    privacy: {
      unit: plan.unit,
      maxMerchantsPerCustomer: plan.maxMerchantsPerCustomer,
      adjacency: "add-or-remove-one",
      epsilon: initial ? unspent(plan) : released.spent.epsilon,
      delta: plan.delta,
      limit: plan.epsilon,
      accountant: plan.accountant,
      conditional: plan.catalogueProvenance === "log" ? "catalogue treated as public" : null,
    },
    metrics: judged === undefined ? null : metricsIn(plan, judged),
    evaluation: judged === undefined || plan.metrics === undefined ? null : evaluationOf(plan.metrics),
  };
}

/** Nothing, or what choosing recipe and items had cost. */
function unspent(plan: Plan): Decimal {
  if (!isSpentBefore(plan)) return "0" as Decimal;
  const none = plan.releases.map(() => 0);
  return spentAfter(plan, none).epsilon;
}

function metricsIn(plan: Plan, judged: EntryOf<"round">): CertifiedMetrics | null {
  const metrics = metricsOf(plan, judged);
  if (metrics === undefined) return null;
  const { customers, hr10, ndcg10, mrr, newItems } = metrics;
  // one round, without what was paid before the first
  const { selection: _, catalogueParts: __, ...rounds } = plan;
  const alone = plan.releases.map((___, place) => (place === judged.release ? 1 : 0));
  return {
    round: judged.round,
    confidence: "0.95",
    customers: inDecimals(customers),
    hr10: inDecimals(hr10),
    ndcg10: inDecimals(ndcg10),
    mrr: inDecimals(mrr),
    newItems: { hr10: inDecimals(newItems.hr10), ndcg10: inDecimals(newItems.ndcg10) },
    epsilon: formatDecimal(planCost(rounds, alone).epsilon, "up"),
    epsilonAfter: judged.spent.epsilon,
  };
}

const inDecimals = ({ estimate, interval }: Estimate): CertifiedMetrics["hr10"] => ({
  estimate: estimate === null ? null : formatDecimal(estimate),
  interval: interval === null ? null : [formatDecimal(interval[0]), formatDecimal(interval[1])],
});

const evaluationOf = ({ heldOut }: NonNullable<Plan["metrics"]>): string =>
  `A share of ${heldOut} of each member's customers, whom a hash of their ids keyed by the federation's name picks, is held out of training. Each one's last item is ranked among the whole catalogue by the events before it. The counts are sums over all members with noise; ratios of them have their interval by Fieller's method, for the noise alone.`;
