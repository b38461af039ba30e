/**
 * What every run of a federation reports: `demo` and `simulate` fill the same document (DESIGN §7), so that figures can be compared.
 */
import type { DropCounts } from "@tributary/events";
import type { ReleasedFeatures, ReleasedMetrics, ReleasedQuery } from "@tributary/ledger";
import type { ResultBlock } from "@tributary/model";

/** One round, as it is seen from outside. */
export interface RoundReport {
  readonly round: number;
  /** ε spent after it, at the plan's δ. */
  readonly epsilon: number;
  readonly seconds: number;
  /** Of the model after it; absent where it was not evaluated. */
  readonly accuracy?: ResultBlock;
}

export interface MerchantReport {
  readonly node: string;
  readonly customers: number;
  readonly local: ResultBlock;
  readonly federated: ResultBlock;
  readonly joined?: ResultBlock;
}

export interface FederationReport {
  /** What was learnt from, in words; synthetic data says so. */
  readonly source: {
    readonly kind: "synthetic" | "log";
    readonly description: string;
    readonly seed?: number;
    /** Of a log: rows read, events kept, and what was left out for which reason. */
    readonly rows?: number;
    readonly kept?: number;
    readonly dropped?: DropCounts;
  };
  readonly privacy: {
    readonly epsilon: number;
    readonly limit: number;
    readonly delta: number;
    readonly unit: string;
    readonly tier: string;
    readonly noise: string;
    /** Present when the figure holds only under a condition. */
    readonly conditional?: string;
  };
  readonly rounds: number;
  readonly merchants: number;
  readonly customers: number;
  readonly items: number;
  readonly evaluated: number;
  readonly repeats: "keep" | "mask";
  /** ε = 0, what nobody's data has touched: public content where statistics are released, else the model before the first round. */
  readonly floor: ResultBlock;
  readonly popularity: ResultBlock;
  /** The average merchant alone, without privacy: every customer is scored by their own merchant's model. */
  readonly local: ResultBlock;
  readonly federated: ResultBlock;
  /** What was released and what each merchant adds in its own house, tuned on its own validation; where statistics are released. */
  readonly joined?: ResultBlock;
  readonly joining: string;
  /** What was released of metrics, paid for, with the noise's interval; unlike all figures above, anybody may know it. */
  readonly metrics?: readonly ReleasedMetrics[];
  /** What extensions' queries released. */
  readonly queries?: readonly ReleasedQuery[];
  /** What was released of customers' features, where the plan has such a release. */
  readonly features?: readonly ReleasedFeatures[];
  readonly byRound: readonly RoundReport[];
  readonly byMerchant: readonly MerchantReport[];
  readonly ledger: {
    readonly verified: boolean;
    readonly fullyVerified: boolean;
    readonly entries: number;
    readonly head: string;
    readonly key: string;
  };
  readonly bytesPerRoundPerNode: number;
  /** Merchants whose machine was too slow for at least one round, and added noise alone to it. */
  readonly slowMerchants: number;
  readonly secondsPerRound: number;
  readonly seconds: number;
  /** Who computed the accuracies, and how. */
  readonly evaluation: string;
  /** Why the plan is as it is. */
  readonly why: readonly string[];
}

/** Less than this of NDCG@10 is no difference: one and a half standard errors of what the demo's twelve merchants gain. */
const leastGain = 0.01;

/** One sentence on whether joining paid. @param joined where merchants add what they know themselves, and else what was released */
export function joiningSentence(local: ResultBlock, federated: ResultBlock, joined?: ResultBlock): string {
  const what = joined === undefined ? "the federated model" : "what merchants make of it";
  const gain = (joined ?? federated).ndcg10 / local.ndcg10 - 1;
  if (!Number.isFinite(gain)) return "Nothing can be said about joining: the merchants alone score zero.";
  const percent = `${Math.abs(100 * gain).toFixed(0)} %`;
  if (Math.abs(gain) < leastGain) return `Joining made no difference: ${what} is as good as the average merchant's own.`;
  const ndcg = joined === undefined ? "the federated model's NDCG@10" : "the NDCG@10 of what merchants make of it";
  return gain > 0
    ? `Joining paid: ${ndcg} is ${percent} above the average merchant's own.`
    : `Joining did not pay: ${ndcg} is ${percent} below the average merchant's own, which needs no privacy.`;
}
