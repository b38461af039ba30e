/** How an attack trades false alarms for hits. */
import { clopperPearsonLower, clopperPearsonUpper } from "@tributary/dp";

interface RocPoint {
  readonly falsePositiveRate: number;
  readonly truePositiveRate: number;
}

export interface Roc {
  /** Half: no better than a coin. */
  readonly auc: number;
  /** From the strictest threshold to the laxest, with at most `mostPoints` of them. */
  readonly points: readonly RocPoint[];
  readonly at: readonly (RocPoint & {
    /** Clopper–Pearson, 95 %, of the hits at this threshold. Customers of several models count as independent. */
    readonly interval: readonly [low: number, high: number];
  })[];
}

const mostPoints = 200;
/** Where attacks are compared: whoever is found at a false-positive rate this low is found for sure. */
const lowRates = [0.001, 0.01, 0.1];

/** @param members `[cases]`, 1 for a member; `scores` higher for members */
export function rocOf(scores: Float64Array, members: Uint8Array): Roc {
  const order = [...scores.keys()].sort((a, b) => (scores[b] as number) - (scores[a] as number) || a - b);
  const positives = members.reduce((sum, member) => sum + member, 0);
  const negatives = members.length - positives;
  const points: (RocPoint & { readonly hits: number; readonly alarms: number })[] = [];
  let [hits, alarms, area] = [0, 0, 0];
  for (let first = 0; first < order.length; ) {
    // equal scores are one threshold
    let end = first;
    const [hitsBefore, alarmsBefore] = [hits, alarms];
    while (end < order.length && scores[order[end] as number] === scores[order[first] as number]) {
      if (members[order[end++] as number] === 1) hits += 1;
      else alarms += 1;
    }
    area += ((alarms - alarmsBefore) * (hits + hitsBefore)) / 2;
    points.push({ falsePositiveRate: alarms / negatives, truePositiveRate: hits / positives, hits, alarms });
    first = end;
  }
  const at = lowRates.map((rate) => {
    const point = points.findLast(({ falsePositiveRate }) => falsePositiveRate <= rate);
    const caught = point?.hits ?? 0;
    const interval = [clopperPearsonLower(caught, positives, 0.025), clopperPearsonUpper(caught, positives, 0.025)] as const;
    return { falsePositiveRate: rate, truePositiveRate: caught / positives, interval };
  });
  return { auc: area / (positives * negatives), points: thinned(points, negatives), at };
}

/** Evenly on a logarithmic axis, where low rates have room. */
function thinned(points: readonly RocPoint[], negatives: number): RocPoint[] {
  const kept = new Map<number, RocPoint>();
  const least = Math.log(0.5 / negatives);
  for (const { falsePositiveRate, truePositiveRate } of points) {
    const place = Math.round((mostPoints * (Math.log(Math.max(falsePositiveRate, 0.5 / negatives)) - least)) / -least);
    kept.set(place, { falsePositiveRate, truePositiveRate });
  }
  return [...kept.values()];
}
