/**
 * A merchant's choice of weights on its own validation: the last item of its own training histories, never released. The search is coarse and
 * deterministic: a few weights of attention and popularity around a mixture that is tuned already, and each part by itself, so that what is chosen is on
 * that validation never worse than the best single part; or, where there is something to lose (`unless`), than that on customers who did not choose.
 */
import type { HeldOut, Histories } from "@tributary/events/histories";
import type { ItemScorer } from "../evaluation/item-scorer.ts";
import { evaluatedCustomers, ownPlaces, type Repeats } from "../evaluation/result-block.ts";
import { partsOf, type Sources } from "../in-house/mixture.ts";
import type { MixtureWeights } from "../in-house/mixture-cases.ts";
import { rankMetrics, rankOf } from "../metrics/ranking.ts";
import { blend, type HybridWeights, mixtureOf, popularityOf } from "./hybrid.ts";

export const partNames = ["content", "released", "own", "history", "popularity", "attention"] as const;
export type PartName = (typeof partNames)[number];

export interface TunedWeights {
  readonly weights: HybridWeights;
  /** NDCG@10 on the merchant's own validation: of what was chosen, of the mixture as it came, and of each part by itself. */
  readonly validation: number;
  readonly mixtureAlone: number;
  readonly parts: Readonly<Record<PartName, number>>;
  readonly customers: number;
}

const attentionWeights = [0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.6];
/** A popularity weight of 1 gives an average item as much as one expected pair. */
const popularityWeights = [0, 0.01, 0.1];

const noMixture: MixtureWeights = { content: 0, released: 0, own: 0, history: 0 };

/** Weights under which a part serves by itself. */
function alone(part: PartName): HybridWeights {
  if (part === "attention") return { mixture: noMixture, popularity: 0, attention: 1 };
  if (part === "popularity") return { mixture: noMixture, popularity: 1, attention: 0 };
  return { mixture: { ...noMixture, [part]: 1 }, popularity: 0, attention: 0 };
}

export interface TuneOptions {
  /** What the parts read; counts are of `inner.train`, not of what is held out. */
  readonly sources: Sources;
  /** The student's scores; it has not seen what is held out either. */
  readonly attention: ItemScorer;
  /** Where the search starts. */
  readonly mixture: MixtureWeights;
  readonly repeats: Repeats;
  readonly mostCustomers: number;
  /** Whether a customer's last item may tell, by its place: none that the student has learnt from. Default: everybody's. */
  readonly isAsked?: ((place: number) => boolean) | undefined;
  /** Attention's weight at most; default: whatever serves best. */
  readonly mostAttention?: number | undefined;
  /**
   * What serves unless something better is found: half of the customers look for it, and the others have to be better off with it, since what a few hundred
   * find may be chance. Default: what is best on all of them is taken.
   */
  readonly unless?: HybridWeights | undefined;
}

/** @param inner the merchant's training histories with their last item held out */
export async function tuneHybrid(inner: HeldOut, options: TuneOptions): Promise<TunedWeights> {
  const { sources, attention, mixture, repeats, mostCustomers, isAsked = () => true, mostAttention = 1, unless } = options;
  const { items } = sources.similarity;
  const single = partNames.map(alone);
  const isAllowed = (n: number) => (candidates[n]?.attention ?? 0) <= mostAttention;
  const blends = attentionWeights
    .filter((weight) => weight <= mostAttention)
    .flatMap((weight) => popularityWeights.map((popularity): HybridWeights => ({ mixture, popularity, attention: weight })));
  const candidates = [...blends, ...single, ...(unless === undefined ? [] : [unless])];
  const count = candidates.length;
  /** [halves, candidates] */
  const gains = new Float64Array(2 * count);
  const popularity = popularityOf(sources);
  const { train, targets } = inner;
  const chosen = spread(evaluatedCustomers(inner).filter(isAsked), mostCustomers);
  const out = new Float64Array(items);
  for (let first = 0; first < chosen.length; first += 32) {
    const group = chosen.slice(first, first + 32);
    const stretches = group.map((customer) => stretchOf(train, customer));
    const scores = await attention(train, stretches);
    const columns = scores.length / group.length;
    for (const [row, customer] of group.entries()) {
      const z = scores.subarray(row * columns, row * columns + items);
      const { begin, end } = stretchOf(train, customer);
      const parts = partsOf(sources, train.items.subarray(begin, end), train.topics?.subarray(begin, end));
      const masked = repeats === "mask" ? ownPlaces(train, customer) : undefined;
      for (const [n, weights] of candidates.entries()) {
        mixtureOf(parts, popularity, weights, out);
        blend(out, z, weights.attention);
        const rank = rankOf(out, (targets[customer] as number) - 1, masked);
        const cell = ((first + row) % 2) * count + n;
        gains[cell] = (gains[cell] as number) + rankMetrics([rank]).ndcg;
      }
    }
  }
  const gained = (half: number, n: number) => gains[half * count + n] as number;
  const both = (n: number) => gained(0, n) + gained(1, n);
  const mean = (n: number) => both(n) / Math.max(1, chosen.length);
  const bestBy = (gain: (n: number) => number) =>
    candidates.reduce((leader, _, n) => (isAllowed(n) && gain(n) > gain(leader) ? n : leader), 0);
  const found = bestBy(unless === undefined ? both : (n) => gained(0, n));
  const best = unless === undefined || gained(1, found) > gained(1, count - 1) ? found : count - 1;
  const parts = Object.fromEntries(partNames.map((part, n) => [part, mean(blends.length + n)] as const));
  return {
    weights: candidates[best] as HybridWeights,
    validation: mean(best),
    mixtureAlone: mean(0),
    parts: { ...zeroParts, ...parts },
    customers: chosen.length,
  };
}

const zeroParts: Readonly<Record<PartName, number>> = {
  ...{ content: 0, released: 0, own: 0, history: 0 },
  ...{ popularity: 0, attention: 0 },
};

/** At most so many, evenly spread. */
function spread(customers: readonly number[], most: number): readonly number[] {
  if (customers.length <= most) return customers;
  return Array.from({ length: most }, (_, n) => customers[Math.floor((n * customers.length) / most)] as number);
}

const stretchOf = ({ offsets }: Histories, customer: number) => ({
  begin: offsets[customer] as number,
  end: offsets[customer + 1] as number,
});
