import { createHash } from "node:crypto";
import type { Histories } from "@tributary/events/histories";
import { float64Interpreter, GraphBuilder } from "@tributary/tensor";
import { expect, test } from "vitest";
import { eventFeeds } from "../event-feeds.ts";
import { itemContent } from "../item-content/item-content.ts";
import { parameterCount } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { declareEvents, eventVectors } from "./event-vectors.ts";
import { graphDigestInput } from "./training.ts";
import { declareParameters, weightFeeds } from "./weights.ts";

const width = 4;
const spec = modelSpec({
  ...{ items: 3, length: 4, width, actions: 6, timeGaps: 14, dwells: 13, prices: 20 },
  item: { ids: "own", attributes: [{ name: "brand", values: 2 }], features: 3 },
});
const catalogue = [{ brand: "a", features: [1, 2, 3] }, { features: [4, 5, 6] }, { brand: "b" }];

/** A view of item 2 (5 s, 7.5), a search without item 70 s later (no dwell time), a purchase of item 3 at once (0.2 s, no price). */
const histories: Histories = {
  customers: ["a"],
  offsets: Uint32Array.of(0, 3),
  items: Int32Array.of(2, 0, 3),
  actions: Uint8Array.of(0, 4, 3),
  times: Float64Array.of(1000, 1070, 1070.5),
  dwells: Float32Array.of(5, Number.NaN, 0.2),
  prices: Float32Array.of(7.5, 1e9, Number.NaN),
};

test("an event's vector is √width times its item's, which has all its parts, and one row for each other input that the event has", async () => {
  const g = new GraphBuilder("events");
  const parameter = declareParameters(g, spec);
  g.declareTokens(g.input("positions", ["B", "L"], "int32"));
  g.output("vectors", eventVectors(g, spec, parameter, declareEvents(g, spec)));
  const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => Math.sin(1 + 7.13 * i));
  const weights = weightFeeds(spec, parameters, itemContent(spec, catalogue));
  const events = eventFeeds(spec, histories, [{ begin: 0, end: 3 }], { rows: 1, length: 4, next: false });
  const session = await float64Interpreter().load(g.graph());
  const outputs = await session.run({ ...weights, ...events });

  /** Row of a table, counted from 1, times a factor. */
  const row = (name: string, id: number, factor = 1) =>
    Array.from(weights[`${name}.weight`]?.data.subarray((id - 1) * width, id * width) ?? [], (value) => value * factor);
  const [own, feature] = [2, 2]; // √width
  const expected = [
    [
      row("item", 2, own),
      ...[4, 5, 6].map((value, f) => row("feature", f + 1, feature * value)),
      row("action", 1),
      row("gap", 1), // no event before: bucket 0
      row("dwell", 1 + 3), // 4 to 8 s
      row("price", 1 + 3),
    ],
    [row("action", 5), row("gap", 1 + 4), row("price", 20)], // 64 to 256 s; the most expensive bucket
    [row("item", 3, own), row("attribute.brand", 2, own), row("action", 4), row("gap", 1), row("dwell", 1)],
    [], // padding
  ];
  expected.forEach((parts, position) => {
    for (let j = 0; j < width; j++) {
      const value = outputs["vectors"]?.data[position * width + j];
      expect(value, `position ${position}`).toBeCloseTo(
        parts.reduce((sum, part) => sum + (part[j] ?? Number.NaN), 0),
        6,
      );
    }
  });
});

test("an event without an item reads what it is about, by the vectors that items have for it; without topics the graph knows nothing of them", async () => {
  const about: ModelSpec = { ...spec, topics: 2 }; // brand a, brand b
  const searched: Histories = { ...histories, topics: Int32Array.of(0, 2, 0) };
  const graphOf = (of: ModelSpec) => {
    const g = new GraphBuilder("events");
    const parameter = declareParameters(g, of);
    g.declareTokens(g.input("positions", ["B", "L"], "int32"));
    g.output("vectors", eventVectors(g, of, parameter, declareEvents(g, of)));
    return g.graph();
  };
  const parameters = Float32Array.from({ length: parameterCount(about) }, (_, i) => Math.sin(1 + 7.13 * i));
  const vectorsOf = async (of: ModelSpec, log: Histories) => {
    const weights = weightFeeds(of, parameters, itemContent(of, catalogue));
    const events = eventFeeds(of, log, [{ begin: 0, end: 3 }], { rows: 1, length: 4, next: false });
    const { vectors } = await (await float64Interpreter().load(graphOf(of))).run({ ...weights, ...events });
    return { vectors: vectors?.data ?? [], weights };
  };
  const [plain, with2, none] = [
    await vectorsOf(spec, searched),
    await vectorsOf(about, searched),
    await vectorsOf(about, { ...histories, topics: Int32Array.of(0, 3, 0) }), // of another catalogue
  ];
  const brand = with2.weights["attribute.brand.weight"]?.data.subarray(width, 2 * width) ?? [];
  for (let cell = 0; cell < 4 * width; cell++) {
    const expected = (plain.vectors[cell] ?? Number.NaN) + (cell >> 2 === 1 ? 2 * (brand[cell % width] ?? Number.NaN) : 0);
    expect(with2.vectors[cell]).toBeCloseTo(expected, 6);
  }
  expect([...none.vectors]).toEqual([...plain.vectors]);
  expect(
    graphOf(spec)
      .inputs.map(({ name }) => name)
      .some((name) => name.startsWith("topic")),
  ).toBe(false);
});

test("graphs of models without topics are byte for byte what they were before there were any", () => {
  const base = { items: 9, length: 5, width: 8, heads: 2, actions: 6, timeGaps: 14, dwells: 13, prices: 20 };
  const attributes = [
    { name: "category", values: 3 },
    { name: "brand", values: 4 },
  ];
  const item = { ids: "own", attributes, features: 5 } as const;
  // of the commit before the first with topics
  const known: readonly [Parameters<typeof modelSpec>[0], string][] = [
    [base, "4666e0e1b8c61813"],
    [{ ...base, item }, "169d6458a231c151"],
    [{ ...base, item, family: "gru", heads: 1 }, "d194bf0bde782575"],
    [{ ...base, item, family: "bert4rec" }, "944b19d613f88c28"],
    [{ ...base, item, family: "seq2seq", steps: 2 }, "3eabcb543708b227"],
  ];
  for (const [given, hash] of known) {
    const bytes = graphDigestInput(modelSpec(given));
    expect(createHash("sha256").update(bytes).digest("hex").slice(0, 16)).toBe(hash);
    expect(graphDigestInput({ ...modelSpec(given), item, topics: 7 })).not.toEqual(bytes);
  }
});

test("a model that reads nothing of an event is refused", () => {
  const bare = modelSpec({
    items: 3,
    length: 4,
    width,
    item: { ids: "none", attributes: [], features: 0 },
    output: "separate",
  });
  const g = new GraphBuilder("events");
  const parameter = declareParameters(g, bare);
  g.declareTokens(g.input("positions", ["B", "L"], "int32"));
  const ids = declareEvents(g, bare);
  expect(() => eventVectors(g, bare, parameter, ids)).toThrowError(
    expect.objectContaining({ code: "TRB_TRAINING_SPEC_INVALID" }),
  );
});
