/** One small model of each family, and customers for them: what tests of all families loop over. */
import type { RandomSource } from "@tributary/dp";
import type { Histories } from "@tributary/events/histories";
import { parameterShapes, sizeOf } from "../parameters.ts";
import { scrambled } from "../rows.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";

const common = {
  ...{ items: 40, length: 9, width: 8, heads: 2, feedForward: 2, actions: 4, timeGaps: 6 },
  weights: { nextItem: 1000, nextAction: 300, churn: 0, purchase: 0 },
} as const;
const sampled = { loss: "softmax", negatives: 6, calibration: 0 } as const;

/** Between them: both activations and kinds of positions, tied and separate tables, all items and negatives, with and without dropout. */
export const familyModels: readonly ModelSpec[] = [
  modelSpec({ ...common, family: "sasrec", activation: "gelu", nextItem: sampled, dropout: 200 }),
  modelSpec({ ...common, family: "bert4rec", blocks: 2, positions: "sinusoidal", masked: 300, nextItem: sampled }),
  modelSpec({ ...common, family: "seq2seq", activation: "gelu", steps: 3, dropout: 100 }),
  modelSpec({ ...common, family: "lstm", heads: 1, nextItem: sampled, output: "separate" }),
  modelSpec({ ...common, family: "gru", heads: 1, dropout: 250 }),
];

/** Numbers in [0, 1) that are the same in every run. */
export function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return scrambled(state) / 2 ** 32;
  };
}

export function source(seed: number): RandomSource {
  const next = sequence(seed);
  return {
    fill: (out) => {
      for (let i = 0; i < out.length; i++) out[i] = Math.floor(next() * 256);
    },
  };
}

export function parametersOf(model: ModelSpec, seed: number): Float32Array {
  const next = sequence(seed);
  return Float32Array.from(
    parameterShapes(model).flatMap(({ name, shape }) =>
      Array.from({ length: sizeOf(shape) }, () => (name.endsWith("gain") ? 1 : 0) + (next() - 0.5) * 0.6),
    ),
  );
}

/** Customers of all lengths, some without anything to learn from, some events without an item. */
export function market(model: ModelSpec, customers: number, seed: number): Histories {
  const next = sequence(seed);
  const lengths = Array.from({ length: customers }, () => Math.floor(next() ** 2 * (model.length + 6)));
  const offsets = Uint32Array.from([0, ...lengths]);
  for (let c = 1; c <= customers; c++) offsets[c] = (offsets[c] ?? 0) + (offsets[c - 1] ?? 0);
  const events = offsets.at(-1) ?? 0;
  return {
    customers: Array.from({ length: customers }, (_, c) => `customer-${String(c).padStart(4, "0")}`),
    offsets,
    items: Int32Array.from({ length: events }, () => (next() < 0.15 ? 0 : 1 + Math.floor(next() * (model.items + 10)))),
    actions: Uint8Array.from({ length: events }, () => Math.floor(next() * 6)),
    times: Float64Array.from({ length: events }, (_, event) => event * 5000 * next()),
  };
}
