/**
 * Whether joining a federation pays a merchant, by its own held-out customers: the same customers are ranked by what the merchant makes alone (tuned, without
 * privacy, since nothing leaves it) and by what it makes joined, and the paired interval of the difference in NDCG@10 decides.
 *
 *   doesNotPay   the whole interval is below `leastGain` of what the merchant has alone: joining costs ε and can't bring what is worth it
 *   pays         else, where the whole interval is above 0
 *   cannotTell   else, and wherever the customers are too few for an interval to mean anything
 *
 * The intervals are percentile bootstraps over customers (`bootstrap.ts`): at 95 % a merchant whom joining gains nothing hears `pays` in about 1 of 40 cases,
 * and so does `doesNotPay` err. A model that has seen the customers that it is judged by flatters joining; then a gain is no evidence, and a loss still is.
 */
import { fail } from "@tributary/errors";
import { type BootstrapOptions, bootstrapDifference, type PairedDifference } from "./bootstrap.ts";
import type { Ranks } from "./result-block.ts";

/** Below this percentile intervals of a mean that few customers make are too narrow to be relied on. */
export const fewestJudged = 30;

/** Of the NDCG@10 that a merchant has alone. Less isn't worth any ε. */
const usualLeastGain = 0.01;

export interface JoiningRanks {
  /** Of the merchant's tuned own model. */
  readonly alone: Ranks;
  /** Of the same customers in the same order, by what the merchant makes of what was released. */
  readonly joined: Ranks;
}

export interface JoiningOptions extends BootstrapOptions {
  /** Share of the NDCG@10 alone; default 1 %. */
  readonly leastGain?: number;
  /** True: what was released has learnt from the very events that are held out, if through noise. Default false. */
  readonly seenByFederation?: boolean;
}

export interface JoiningVerdict {
  readonly verdict: "pays" | "doesNotPay" | "cannotTell";
  /** `interval`: what the figures say. `seen`: the figures gain, on customers whom the federation has learnt from. `few`: too few customers. */
  readonly by: "interval" | "seen" | "few";
  readonly customers: number;
  /** NDCG@10, joined minus alone. */
  readonly gain: PairedDifference;
  readonly confidence: number;
  /** In plain words, without the ε. */
  readonly sentence: string;
  readonly advice: string;
}

/** @throws TRB_MODEL_EVALUATION_INVALID when the two are not of equally many customers */
export function joiningVerdict({ alone, joined }: JoiningRanks, options: JoiningOptions): JoiningVerdict {
  const { confidence = 0.95, leastGain = usualLeastGain, seenByFederation = false } = options;
  if (!(leastGain >= 0 && leastGain < 1)) {
    throw fail("TRB_MODEL_EVALUATION_INVALID", { what: "leastGain", value: leastGain, expected: "from 0 to below 1" });
  }
  const gain = bootstrapDifference(joined, alone, { ...options, confidence });
  const customers = alone.ranks.length;
  // of the absolute interval: the relative one has no meaning where a merchant alone scores zero
  const worth = leastGain * ndcgOf(alone);
  const [low, high] = gain.interval;
  const found = high < worth || high === 0 ? "doesNotPay" : low > 0 ? "pays" : "cannotTell";
  const by = customers < fewestJudged ? "few" : found === "pays" && seenByFederation ? "seen" : "interval";
  const verdict = by === "interval" ? found : "cannotTell";
  return { verdict, by, customers, gain, confidence, ...inWords(verdict, by, { gain, confidence, customers, leastGain }) };
}

/** NDCG@10 of one relevant item a customer. */
function ndcgOf({ ranks }: Ranks): number {
  const sum = ranks.reduce((total, rank) => total + (rank <= 10 ? 1 / Math.log2(1 + rank) : 0), 0);
  return sum / Math.max(1, ranks.length);
}

function inWords(
  verdict: JoiningVerdict["verdict"],
  by: JoiningVerdict["by"],
  { gain, confidence, customers, leastGain }: Pick<JoiningVerdict, "gain" | "confidence" | "customers"> & { leastGain: number },
): Pick<JoiningVerdict, "sentence" | "advice"> {
  const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(4)}`;
  const sure = `${Number((100 * confidence).toPrecision(4))} %`;
  const figures = `NDCG@10 ${signed(gain.difference)} (${sure} interval ${signed(gain.interval[0])} to ${signed(gain.interval[1])}, ${customers} customers)`;
  if (by === "few") {
    return {
      sentence: `Whether joining pays can't be told: ${customers} held-out customers are too few.`,
      advice: `Ask again with ${fewestJudged} or more: hold more customers out, or import more of the log.`,
    };
  }
  if (by === "seen") {
    return {
      sentence: `Whether joining pays can't be told: joined is better than alone, ${figures}, but what was released has learnt from these very events.`,
      advice: "Hold customers out of the rounds, and ask again after the next ones.",
    };
  }
  if (verdict === "pays") {
    return {
      sentence: `Joining pays: what this merchant makes joined beats what it makes alone, ${figures}.`,
      advice: "Stay.",
    };
  }
  if (verdict === "doesNotPay") {
    const least = `${Number((100 * leastGain).toPrecision(2))} %`;
    const loses = gain.interval[1] < 0;
    return {
      sentence: loses
        ? `Joining doesn't pay: this merchant is better off alone, ${figures}.`
        : `Joining doesn't pay: it gains this merchant less than ${least} of what it has alone, ${figures}.`,
      advice: `Don't join, or leave: ε is spent for nothing${loses ? ", and what serves is worse for it" : ""}. Serve what you make alone.`,
    };
  }
  return {
    sentence: `Whether joining pays can't be told from these customers: ${figures}.`,
    advice: "Hold more customers out, or wait for more rounds; until then there is no evidence that the ε is worth it.",
  };
}
