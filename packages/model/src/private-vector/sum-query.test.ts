/** Metrics and any other query: one customer at a time, clipped in integers, and nobody else's business. */
import { chooseScale, fromModular, poissonSample, type SparseVector, sumQueryParameters, toNumber } from "@tributary/dp";
import { type Histories, seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { rankOf } from "../metrics/ranking.ts";
import { bytesOf } from "../training/seeded-bytes.ts";
import { splitHeldOut } from "./held-out.ts";
import { metricsQuery, metricsVectorNames } from "./metrics-query.ts";
import { querySum, queryVector, type SumQuery } from "./sum-query.ts";

const items = 30;
const [clipNorm, dimension] = ["2.8285", metricsVectorNames.length];

function parametersOf(touched: number = dimension, norm = clipNorm) {
  const common = { arithmetic: "exact", clipNorm: norm, noiseMultiplier: "3", dimension, touched } as const;
  const { scale } = chooseScale({ ...common, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
  return sumQueryParameters({
    ...{ ...common, scale, fractionBits: 8, samplingRate: "1", minCohort: 3, maxCorrupt: 1, customerQuota: 64 },
  });
}

function market(customers: number, seed: number): Histories {
  const random = seededRandom(seed);
  const lists = Array.from({ length: customers }, () => Array.from({ length: random.below(7) }, () => random.below(items + 1)));
  const offsets = Uint32Array.of(0, ...lists.map((_, c) => lists.slice(0, c + 1).flat().length));
  const events = lists.flat();
  return {
    customers: lists.map((_, c) => `customer ${c}`),
    offsets,
    items: Int32Array.from(events),
    actions: new Uint8Array(events.length),
    times: Float64Array.from(events.keys()),
  };
}

/** A score for every item that depends on the history, with ties. */
const scoresAfter = (history: ArrayLike<number>) =>
  Float64Array.from({ length: items }, (_, i) => ((i + 1) * (1 + (history[history.length - 1] ?? 0))) % 11);
const scorer = (histories: Histories, stretches: readonly { begin: number; end: number }[]) =>
  scoresAfter(histories.items.subarray(stretches[0]?.begin, stretches[0]?.end));
const query = metricsQuery({ score: scorer, items, lossBound: 4, scores: "logits" });
const random = { sampling: bytesOf(seededRandom(1)), rounding: bytesOf(seededRandom(2)), noise: bytesOf(seededRandom(3)) };
const request = { ...parametersOf(), maxEvents: 50, random };

/** Of one customer, in other words: by `rankOf`, and with the loss as it is written in books. */
function expectedOf(history: readonly number[]): number[] {
  const last = history.findLastIndex((item) => item > 0);
  const before = history.slice(0, Math.max(0, last));
  const target = history[last] ?? 0;
  if (!before.some((item) => item > 0)) return new Array(dimension).fill(0);
  const scores = scoresAfter(before);
  const rank = rankOf(scores, target - 1);
  const probability = Math.exp(scores[target - 1] ?? 0) / scores.reduce((sum, score) => sum + Math.exp(score), 0);
  const loss = Math.min(4, -Math.log(probability)) / 4;
  const [hit, isNew] = [Number(rank <= 10), Number(!before.includes(target))];
  const gain = hit / Math.log2(1 + rank);
  return [1, hit, gain, 1 / rank, loss, isNew, hit * isNew, gain * isNew];
}

const historyAt = ({ items, offsets }: Histories, c: number) => [...items.subarray(offsets[c], offsets[c + 1])];

describe("a metrics vector", () => {
  test("is what each customer's last item event says, summed exactly (seed 4)", async () => {
    const histories = market(60, 4);
    const { total, counts, failure } = await querySum({ ...request, histories, query });
    const twin = new Float64Array(dimension);
    for (const c of histories.customers.keys()) {
      expectedOf(historyAt(histories, c)).forEach((value, i) => {
        twin[i] = (twin[i] ?? 0) + Math.trunc(value * request.grid.unitsPerOne);
      });
    }
    expect(failure).toBeUndefined();
    // e^x has no promised last bit: a unit a customer in the loss
    for (const [i, units] of total.entries()) expect(Math.abs(units - (twin[i] ?? 0))).toBeLessThanOrEqual(i === 4 ? 60 : 0);
    expect(counts.customers + counts.zeroed).toBe(60);
    expect(total[0]).toBeGreaterThan(20 * request.grid.unitsPerOne);
  });

  test("is of the sample alone where the plan samples, and the sample is the stream's (seed 4)", async () => {
    const histories = market(60, 4);
    const samplingRate = { numerator: 1n, denominator: 2n };
    const chosen = poissonSample(60, samplingRate, bytesOf(seededRandom(1)));
    const sampling = { sampling: bytesOf(seededRandom(1)) };
    const { total, counts } = await querySum({ ...request, samplingRate, histories, query, random: sampling });
    expect(chosen.length).toBeGreaterThan(10);
    expect(chosen.length).toBeLessThan(50);
    const sampled = new Set(Array.from(chosen, (c) => `customer ${c}`));
    const { heldOut } = splitHeldOut(histories, (id) => sampled.has(id));
    expect([...total]).toEqual([...(await querySum({ ...request, histories: heldOut, query })).total]);
    expect(counts.customers + counts.zeroed).toBe(chosen.length);
  });

  test("one customer less moves the sum by that customer's vector, by C at most, and nobody else's (seeds 0 … 9)", async () => {
    for (let seed = 0; seed < 10; seed++) {
      const histories = market(12, seed);
      const gone = seed % 12;
      const { learnt } = splitHeldOut(histories, (id) => id === `customer ${gone}`);
      const [whole, rest] = await Promise.all([histories, learnt].map((h) => querySum({ ...request, histories: h, query })));
      const moved = whole?.total.map((units, i) => units - (rest?.total[i] ?? 0)) ?? [];
      const alone = await querySum({
        ...request,
        histories: splitHeldOut(histories, (id) => id === `customer ${gone}`).heldOut,
        query,
      });
      expect([...moved]).toEqual([...alone.total]);
      const norm = Math.hypot(...moved);
      expect(norm).toBeLessThanOrEqual(Number(clipNorm) * request.grid.unitsPerOne);
    }
  });

  test("through noise and dither the same customer moves y by at most Δ (seed 5)", async () => {
    const histories = market(12, 5);
    const judged = histories.customers.find((_, c) => expectedOf(historyAt(histories, c))[0] === 1);
    const { learnt } = splitHeldOut(histories, (id) => id === judged);
    const vectorOf = async (h: Histories) =>
      fromModular((await queryVector({ ...request, histories: h, query, random: { ...random, ...fresh() } })).vector);
    const [all, less] = [await vectorOf(histories), await vectorOf(learnt)];
    const distance = Math.hypot(...all.map((y, i) => y - (less[i] ?? 0)));
    expect(distance).toBeGreaterThan(0);
    expect(distance).toBeLessThanOrEqual(toNumber(request.sensitivity, "up"));
  });
});
const fresh = () => ({
  sampling: bytesOf(seededRandom(7)),
  rounding: bytesOf(seededRandom(8)),
  noise: bytesOf(seededRandom(9)),
});

describe("whatever a query answers", () => {
  const histories = market(5, 2);
  const answers: readonly [string, () => SparseVector][] = [
    ["numbers that are not finite", () => ({ coordinates: Uint32Array.of(0, 1), values: Float64Array.of(1, Number.NaN) })],
    [
      "a failure",
      () => {
        throw new RangeError("no");
      },
    ],
    ["coordinates out of order", () => ({ coordinates: Uint32Array.of(1, 0), values: Float64Array.of(1, 1) })],
    ["a coordinate outside", () => ({ coordinates: Uint32Array.of(dimension), values: Float64Array.of(1) })],
    [
      "more coordinates than the plan says",
      () => ({ coordinates: Uint32Array.of(0, 1, 2, 3), values: Float64Array.of(1, 1, 1, 1) }),
    ],
    ["more values than coordinates", () => ({ coordinates: Uint32Array.of(0), values: Float64Array.of(1, 1) })],
  ];
  test.each(answers)("%s count as zero, and only of that customer", async (_, wild) => {
    let asked = 0;
    const mixed: SumQuery = {
      answer: () => (asked++ === 2 ? wild() : { coordinates: Uint32Array.of(0), values: Float64Array.of(0.5) }),
    };
    const { total, counts } = await querySum({ ...request, ...parametersOf(3), histories, query: mixed });
    expect(total[0]).toBe(4 * Math.trunc(0.5 * parametersOf(3).grid.unitsPerOne));
    expect(total.slice(1).every((units) => units === 0)).toBe(true);
    expect(counts).toEqual({ customers: 4, zeroed: 1, skipped: 0 });
  });

  test("a huge vector is clipped to C, and plain arrays are no way around it", async () => {
    const huge = { answer: () => ({ coordinates: [0, 0.5], values: [1e300, 1e300] }) as unknown as SparseVector };
    const { total } = await querySum({ ...request, histories, query: huge });
    expect([...total]).toEqual(new Array(dimension).fill(0)); // 0.5 becomes 0, which doesn't ascend
    const long = { answer: () => ({ coordinates: Uint32Array.of(0, 1), values: Float64Array.of(1e300, -1e300) }) };
    const clipped = await querySum({ ...request, histories: market(1, 2), query: long });
    expect(Math.hypot(...clipped.total)).toBeLessThanOrEqual(Number(clipNorm) * request.grid.unitsPerOne);
    expect(Math.hypot(...clipped.total)).toBeGreaterThan(Number(clipNorm) * request.grid.unitsPerOne - 2);
  });

  test("a query that writes into its events changes nobody's history, and sees the latest only", async () => {
    const seen: number[] = [];
    const vandal: SumQuery = {
      answer: ({ items }) => {
        seen.push(items.length);
        items.fill(1);
        return { coordinates: new Uint32Array(0), values: new Float64Array(0) };
      },
    };
    const before = histories.items.slice();
    await querySum({ ...request, maxEvents: 2, histories, query: vandal });
    expect(histories.items).toEqual(before);
    expect(Math.max(...seen)).toBe(2);
  });

  test("when time is up it is nobody's, and an empty sample still makes noise", async () => {
    let clock = 0;
    const late = await querySum({ ...request, histories, query, deadline: () => clock++ > 2 });
    expect([...late.total]).toEqual(new Array(dimension).fill(0));
    expect(late.counts.skipped).toBe(5);
    const nobody = splitHeldOut(histories, undefined).heldOut;
    const { vector } = await queryVector({ ...request, histories: nobody, query });
    expect(vector.some((word) => word !== 0)).toBe(true);
  });
});

test("customers held out and learnt from are all customers, each with their own events", () => {
  const histories = market(40, 9);
  const isHeldOut = (id: string) => id.endsWith("3") || id.endsWith("7");
  const { learnt, heldOut } = splitHeldOut(histories, isHeldOut);
  expect([...learnt.customers, ...heldOut.customers].sort()).toEqual([...histories.customers].sort());
  for (const part of [learnt, heldOut]) {
    for (const [c, id] of part.customers.entries()) {
      expect(isHeldOut(id)).toBe(part === heldOut);
      expect(historyAt(part, c)).toEqual(historyAt(histories, histories.customers.indexOf(id)));
    }
  }
});
