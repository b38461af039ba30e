import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { benchHistories, benchParameters } from "../bench/configurations.ts";
import { openScorer } from "../evaluation/scorer.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { bestOf } from "./best.ts";
import { type CustomerEvents, openRecommender } from "./recommender.ts";

describe("the best of many scores", () => {
  test("are those of a full sort that keeps equal scores in order, without the excluded", () => {
    const scores = fc.array(fc.oneof(fc.integer({ min: -3, max: 3 }), fc.constant(Number.NEGATIVE_INFINITY)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(scores, fc.nat({ max: 70 }), fc.array(fc.nat({ max: 59 })), (list, count, out) => {
        const excluded = new Uint8Array(list.length);
        for (const place of out) if (place < list.length) excluded[place] = 1;
        const expected = [...list.keys()]
          .filter((place) => excluded[place] === 0)
          .sort((a, b) => Number((list[b] ?? 0) > (list[a] ?? 0)) - Number((list[b] ?? 0) < (list[a] ?? 0)) || a - b)
          .slice(0, count);
        expect([...bestOf(Float32Array.from(list), count, excluded)]).toEqual(expected);
      }),
    );
  });

  test("never hold a score that is not a number", () => {
    const scores = Float32Array.of(Number.NaN, 1, Number.NaN, 3);
    expect([...bestOf(scores, 4, new Uint8Array(4))]).toEqual([3, 1]);
    expect([...bestOf(scores, 0, new Uint8Array(4))]).toEqual([]);
  });
});

const specs: readonly ModelSpec[] = [
  modelSpec({ items: 30, length: 12, width: 16, blocks: 2, heads: 2, actions: 3, timeGaps: 8 }),
  modelSpec({ family: "gru", items: 30, length: 12, width: 16 }),
];

const eventsOf = (spec: ModelSpec, customer: number): CustomerEvents => {
  const { offsets, items, actions, times } = benchHistories(spec, 8, "long");
  const [begin, end] = [offsets[customer], offsets[customer + 1]];
  return { items: items.slice(begin, end), actions: actions.slice(begin, end), times: times.slice(begin, end) };
};

describe.each(specs)("$family", (spec) => {
  test("weights inside the graph or fed to the interpreter: the same order as all scores sorted", async () => {
    const parameters = benchParameters(spec);
    const [native, twin] = [
      await openRecommender(spec, parameters, onnxruntimeExecutor()),
      await openRecommender(spec, parameters, float64Interpreter()),
    ];
    const scorer = await openScorer(spec, parameters, float64Interpreter());
    for (let customer = 0; customer < 8; customer++) {
      const events = eventsOf(spec, customer);
      const end = events.items.length;
      const histories = { customers: ["c"], offsets: Uint32Array.of(0, end), ...events };
      const { rows } = await scorer.score(histories, [{ begin: 0, end }]);
      const sorted = [...rows.keys()].sort((a, b) => (rows[b] ?? 0) - (rows[a] ?? 0)).map((place) => place + 1);
      const best = await twin.top(events, 5);
      expect([...best.rows]).toEqual(sorted.slice(0, 5));
      expect([...best.scores]).toEqual(sorted.slice(0, 5).map((row) => rows[row - 1]));
      expect([...(await native.top(events, 5)).rows]).toEqual(sorted.slice(0, 5));
      const exclude = [sorted[0] ?? 0, sorted[2] ?? 0, 0, 99];
      expect([...(await native.top(events, 3, { exclude })).rows]).toEqual([sorted[1], sorted[3], sorted[4]]);
      expect([...(await native.top(events, 3)).rows]).toEqual(sorted.slice(0, 3)); // nothing stays excluded
      expect((await native.top(events, 99)).rows).toHaveLength(spec.items);
    }
    for (const open of [native, twin, scorer]) await open.close();
  });

  test("a customer without events is refused", async () => {
    const recommender = await openRecommender(spec, benchParameters(spec), onnxruntimeExecutor());
    const nothing = { items: new Int32Array(), actions: new Uint8Array(), times: new Float64Array() };
    await expect(recommender.top(nothing, 3)).rejects.toMatchObject({ code: "TRB_MODEL_HISTORY_EMPTY" });
    await recommender.close();
  });
});
