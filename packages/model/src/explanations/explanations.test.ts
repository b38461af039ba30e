/** Explanations: their numbers are slopes of what serves, they find the event that is known to decide, and the deletion test bears them out. */
import { isTributaryError } from "@tributary/errors";
import { type FeedTensor, float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { feedsOf, openScorer } from "../evaluation/scorer.ts";
import { weightFeeds } from "../graphs/weights.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import { parameterCount } from "../parameters.ts";
import { scrambled } from "../rows.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { deletionCurve, deletionTest, rankedBy } from "./deletion.ts";
import { type Explanation, openExplainer } from "./explainer.ts";
import { explanationGraph } from "./explanation-graph.ts";
import { keyedHistories, keySpec, trainedOnKeys } from "./key-event.fixture.ts";
import { crossRollout, meanOverHeads, selfRollout } from "./rollout.ts";

const executor = onnxruntimeExecutor();

/** Numbers in [−0.45, 0.55) that are the same in every run. */
function someParameters(spec: ModelSpec): Float32Array {
  return Float32Array.from({ length: parameterCount(spec) }, (_, i) => scrambled(i + 1) / 2 ** 32 - 0.45);
}

const { histories, keyed } = keyedHistories(40, 3);
const [first] = keyed;
if (first === undefined) throw new Error("the fixture has customers");

const content: ItemContent = {
  attributes: new Map([["category", Int32Array.from({ length: 23 }, (_, id) => (id === 0 ? 0 : 1 + (id % 4)))]]),
  features: Float32Array.from({ length: 22 * 3 }, (_, i) => Math.sin(i)),
};

const buildable: readonly (readonly [string, Partial<ModelSpec>])[] = [
  ["sasrec of two heads and blocks", { blocks: 2, heads: 2, actions: 3, timeGaps: 5 }],
  ["bert4rec", { family: "bert4rec", masked: 200 }],
  ["seq2seq", { family: "seq2seq", steps: 2, blocks: 2 }],
  ["lstm", { family: "lstm" }],
  ["gru", { family: "gru", output: "separate" }],
  [
    "sasrec of attributes and features alone",
    { item: { ids: "none", attributes: [{ name: "category", values: 4 }], features: 3 } },
  ],
];

describe.each(buildable)("%s", (_, given) => {
  const spec = keySpec({ width: 8, ...given });
  const parameters = someParameters(spec);

  test("slopes are those of the asked sum of scores, event by event (finite differences, float64)", async () => {
    const session = await float64Interpreter().load(explanationGraph(spec).graph);
    const events = feedsOf(spec, histories, [first]);
    const length = events["positions"]?.data.length ?? 0;
    const asked: FeedTensor = {
      shape: [1, spec.items],
      data: Float64Array.from({ length: spec.items }, (_x, i) => Math.cos(i)),
    };
    const run = async (extents: Float64Array) => {
      const fed = {
        ...weightFeeds(spec, parameters, content),
        ...events,
        asked,
        extents: { shape: [length, 1], data: extents },
      };
      return session.run(fed);
    };
    const extents = Float64Array.from({ length }, (_x, i) => 0.6 + 0.1 * Math.sin(i));
    const { slopes } = await run(extents);
    let largest = 0;
    for (let event = 0; event < first.end - first.begin; event++) {
      const moved = async (by: number) => {
        const { score } = await run(extents.map((extent, place) => (place === event ? extent + by : extent)));
        return score?.data[0] ?? Number.NaN;
      };
      const slope = ((await moved(1e-5)) - (await moved(-1e-5))) / 2e-5;
      expect(slopes?.data[event]).toBeCloseTo(slope, 7);
      largest = Math.max(largest, Math.abs(slope));
    }
    expect(largest).toBeGreaterThan(0.003);
  });

  test("what is explained is what serves, and the contributions add up to it", async () => {
    const explainer = await openExplainer(spec, parameters, executor, content);
    const best = await explainer.explain(histories, first);
    const asked = await explainer.explain(histories, first, 5);
    expect(best.rank).toBe(1);
    expect(asked).toMatchObject({ item: 5 });
    const scorer = await openScorer(spec, parameters, executor, content);
    const scores = [...(await scorer.score(histories, [first])).rows];
    for (const { item, score, margin, events, residual } of [best, asked]) {
      expect(score).toBeCloseTo(scores[item - 1] ?? Number.NaN, 5);
      expect(margin).toBeCloseTo(score - scores.reduce((sum, one) => sum + one, 0) / scores.length, 4);
      expect(events.map(({ event }) => event)).toEqual(
        Array.from({ length: first.end - first.begin }, (_x, i) => first.begin + i),
      );
      expect(events.reduce((sum, { share }) => sum + Math.abs(share), 0)).toBeCloseTo(1, 6);
      expect(Math.abs(residual)).toBeLessThan(0.02 * events.reduce((sum, { contribution }) => sum + Math.abs(contribution), 0));
      const rollouts = events.flatMap(({ rollout }) => (rollout === undefined ? [] : [rollout]));
      if (spec.family === "lstm" || spec.family === "gru") expect(rollouts).toEqual([]);
      else expect(rollouts.reduce((sum, one) => sum + one, 0)).toBeCloseTo(1, 6);
      expect(rollouts.every((one) => one >= 0)).toBe(true);
    }
    await scorer.close();
    await explainer.close();
  });
});

// Training and orders are seeded and sums are added in one order: the figures are the same in every run, so there is no false alarm.
describe.each<readonly [string, Partial<ModelSpec>]>([
  ["sasrec", { blocks: 2, heads: 2 }],
  ["bert4rec", { family: "bert4rec", masked: 300 }],
  ["seq2seq", { family: "seq2seq", steps: 1 }],
  ["gru", { family: "gru" }],
])("a %s that learnt that one event decides", (family, given) => {
  test("names that event, and taking out what it names lowers the margin far more than other events do", async () => {
    const spec = keySpec(given);
    const explainer = await openExplainer(spec, await trainedOnKeys(spec, executor), executor);
    const explanations: Explanation[] = [];
    for (const customer of keyed) explanations.push(await explainer.explain(histories, customer));
    const kinds = family === "gru" ? (["contribution"] as const) : (["contribution", "rollout"] as const);
    for (const by of kinds) {
      const found = explanations.filter(({ events }, place) => rankedBy(events, by)[0] === keyed[place]?.key).length;
      expect(found, by).toBeGreaterThan(0.6 * keyed.length); // 1 in 5 by chance
      const drops = { highest: 0, lowest: 0, random: 0 };
      for (const [seed, explanation] of explanations.entries()) {
        const tested = await deletionTest(explainer, histories, explanation, { by, orders: 2, seed });
        drops.highest += tested.highestFirst.drop;
        drops.lowest += tested.lowestFirst.drop;
        drops.random += tested.randomDrop;
      }
      expect(drops.highest, by).toBeGreaterThan(1.4 * drops.random);
      expect(drops.random, by).toBeGreaterThan(1.4 * drops.lowest);
    }
    await explainer.close();
  });
});

test("plain gradient × input is no guide in a Transformer with norms: taking out what it names does less than chance", async () => {
  const spec = keySpec({});
  const explainer = await openExplainer(spec, await trainedOnKeys(spec, executor), executor);
  const sums = { gradient: 0, random: 0, contribution: 0 };
  for (const [seed, customer] of keyed.entries()) {
    const explanation = await explainer.explain(histories, customer);
    const plain = await deletionTest(explainer, histories, explanation, { by: "gradient", orders: 2, seed });
    const averaged = await deletionTest(explainer, histories, explanation, { by: "contribution", orders: 0, seed });
    sums.gradient += plain.highestFirst.drop;
    sums.random += plain.randomDrop;
    sums.contribution += averaged.highestFirst.drop;
  }
  expect(sums.gradient).toBeLessThan(sums.random);
  expect(sums.contribution).toBeGreaterThan(1.4 * sums.random);
  await explainer.close();
});

describe("rollout", () => {
  test("is the row of ½A + ½I multiplied through the blocks (by hand)", () => {
    const lower = meanOverHeads([1, 0, 0.5, 0.5], 2, 2);
    const upper = meanOverHeads([1, 0, 0.2, 0.8, 1, 0, 0.6, 0.4], 2, 2); // two heads: the mean of their rows is [0.4, 0.6]
    // last row of the upper one, ½[0.4, 0.6] + ½[0, 1] = [0.2, 0.8]; the lower one's rows are [1, 0] and [0.25, 0.75]
    expect([...selfRollout([lower, upper], 1)].map((x) => Number(x.toFixed(12)))).toEqual([0.4, 0.6]);
    expect([...selfRollout([lower, upper], 0)]).toEqual([1, 0]);
  });

  test("through a decoder weighs what each cross-attention read, the later ones more", () => {
    const encoder = [meanOverHeads([1, 0, 0, 1], 2, 2)];
    const decoder = [meanOverHeads([1, 0], 1, 2), meanOverHeads([0, 1], 1, 2)];
    expect([...crossRollout(encoder, decoder)].map((x) => Number(x.toFixed(12)))).toEqual([0.333333333333, 0.666666666667]);
  });
});

describe("the deletion curve", () => {
  const spec = modelSpec({ items: 22, length: 5, width: 8 });

  test("begins with the whole history, leaves the last event, and means what it says", async () => {
    const explainer = await openExplainer(spec, someParameters(spec), executor);
    const stretch = { begin: first.begin, end: first.begin + 3 };
    const [a, b, c] = [stretch.begin, stretch.begin + 1, stretch.begin + 2];
    const curve = await deletionCurve(explainer, histories, stretch, { item: 4, order: [b, a, c] });
    const direct = await explainer.margins(histories, [stretch, { begin: c, end: c + 1 }], 4);
    expect(curve.removed).toEqual([b, a]);
    expect(curve.margins).toHaveLength(3);
    expect(curve.margins[0]).toBeCloseTo(direct[0] ?? Number.NaN, 5);
    expect(curve.margins[2]).toBeCloseTo(direct[1] ?? Number.NaN, 5);
    const [whole = 0, one = 0, two = 0] = curve.margins;
    expect(curve.drop).toBeCloseTo(whole - (one + two) / 2, 6);
    await explainer.close();
  });

  test("histories beyond the model's reach are explained by their latest events", async () => {
    const explainer = await openExplainer(spec, someParameters(spec), executor);
    const { events } = await explainer.explain(histories, { begin: 0, end: 12 }, 1);
    expect(events.map(({ event }) => event)).toEqual([7, 8, 9, 10, 11]);
    await explainer.close();
  });

  test("refuses what can't be meant", async () => {
    const explainer = await openExplainer(spec, someParameters(spec), executor);
    const recurrent = keySpec({ family: "gru" });
    const other = await openExplainer(recurrent, someParameters(recurrent), executor);
    const explanation = await other.explain(histories, first);
    const attempts = [
      () => explainer.explain(histories, { begin: 3, end: 3 }),
      () => explainer.explain(histories, first, 0),
      () => explainer.explain(histories, first, 1.5),
      () => deletionCurve(explainer, histories, first, { item: 1, order: [first.begin, first.begin] }),
      () => deletionCurve(explainer, histories, first, { item: 1, order: [first.end] }),
      () => deletionTest(other, histories, explanation, { by: "rollout", orders: 1, seed: 1 }),
    ];
    for (const attempt of attempts) {
      const code = await attempt().then(
        () => "none",
        (error: unknown) => (isTributaryError(error) ? error.code : String(error)),
      );
      expect(code).toBe("TRB_MODEL_EXPLANATION_INVALID");
    }
    await explainer.close();
    await other.close();
  });
});
