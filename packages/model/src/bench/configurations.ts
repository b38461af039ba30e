/** What the benchmarks run: models of the literature's sizes on synthetic customers, with the lengths of long and of short logs. */
import type { RandomSource } from "@tributary/dp";
import type { Histories } from "@tributary/events/histories";
import { parameterShapes, sizeOf } from "../parameters.ts";
import { scrambled } from "../rows.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import type { SumRequest } from "../training/trainer.ts";

export interface BenchConfiguration {
  readonly items: number;
  readonly length: number;
  readonly width: number;
  readonly blocks: number;
  readonly customers: number;
  /** 0: softmax over all items. */
  readonly negatives: number;
  /** `long`: spread over the upper half of what the model reads. `beauty`: as in Amazon Beauty, mean 5.7. */
  readonly histories: "long" | "beauty";
}

const sizes = { length: 50, width: 64, blocks: 2 } as const;

/** MovieLens-1M's and Amazon Beauty's table sizes, which the literature uses. */
export const benchConfigurations: readonly BenchConfiguration[] = [
  { ...sizes, items: 3416, customers: 128, negatives: 0, histories: "long" },
  { ...sizes, items: 3416, customers: 128, negatives: 256, histories: "long" },
  { ...sizes, items: 12101, customers: 256, negatives: 512, histories: "long" },
];

/** A round that is large enough to be shared out: a thousand customers. */
export const manyCustomers: BenchConfiguration = { ...sizes, items: 3416, customers: 1024, negatives: 256, histories: "long" };

/** The same models on short histories. */
export const shortConfigurations: readonly BenchConfiguration[] = benchConfigurations.map((configuration) => ({
  ...configuration,
  histories: "beauty",
}));

export function benchSpec({ items, length, width, blocks, negatives }: BenchConfiguration): ModelSpec {
  return modelSpec({ items, length, width, blocks, nextItem: { loss: "softmax", negatives, calibration: 0 } });
}

/** Numbers in [0, 1) that are the same in every run. */
function benchNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return scrambled(state) / 2 ** 32;
  };
}

/** Bytes that are the same in every run. */
export function benchSource(seed: number): RandomSource {
  const next = benchNumbers(seed);
  return {
    fill: (out) => {
      for (let i = 0; i < out.length; i++) out[i] = Math.floor(next() * 256);
    },
  };
}

export function benchParameters(spec: ModelSpec): Float32Array {
  const next = benchNumbers(3);
  const values = parameterShapes(spec).flatMap(({ name, shape }) => {
    const centre = name.endsWith("gain") ? 1 : 0;
    return Array.from({ length: sizeOf(shape) }, () => centre + (next() - 0.5) * 0.2);
  });
  return Float32Array.from(values);
}

/** Quantiles of Beauty's input lengths, clipped at 50: p0, p10, p25, p50, p75, p90, p99, p100. */
const beautyLengths = [
  [0, 2],
  [0.1, 2],
  [0.25, 2],
  [0.5, 3],
  [0.75, 6],
  [0.9, 11],
  [0.99, 40],
  [1, 50],
] as const;

/** The length at a quantile in [0, 1), straight between the known ones. */
function beautyLength(quantile: number): number {
  const above = Math.max(
    1,
    beautyLengths.findIndex(([share]) => share > quantile),
  );
  const [from, low] = beautyLengths[above - 1] ?? [0, 2];
  const [to, high] = beautyLengths[above] ?? [1, 50];
  return Math.floor(low + ((high - low) * (quantile - from)) / (to - from));
}

export function benchHistories(spec: ModelSpec, customers: number, lengths: BenchConfiguration["histories"]): Histories {
  const next = benchNumbers(7);
  const offsets = new Uint32Array(customers + 1);
  for (let customer = 0; customer < customers; customer++) {
    const long = Math.max(1, Math.round(spec.length * (1 - 0.5 * next())));
    // quantiles in an even spread, so that few customers have the distribution's mean as well
    const inputs = lengths === "long" ? long : Math.min(spec.length, beautyLength((customer + 0.5) / customers));
    offsets[customer + 1] = (offsets[customer] ?? 0) + inputs + 1;
  }
  const events = offsets.at(-1) ?? 0;
  return {
    customers: Array.from({ length: customers }, (_, customer) => `customer ${String(customer).padStart(6, "0")}`),
    offsets,
    items: Int32Array.from({ length: events }, () => 1 + Math.floor(next() ** 2 * spec.items)),
    actions: new Uint8Array(events),
    times: Float64Array.from({ length: events }, (_, event) => event),
  };
}

/** A round over all customers of a configuration. */
export function benchRequest(configuration: BenchConfiguration, round: number): SumRequest {
  const spec = benchSpec(configuration);
  const { customers, histories } = configuration;
  return {
    parameters: benchParameters(spec),
    histories: benchHistories(spec, customers, histories),
    sampled: Uint32Array.from({ length: customers }, (_, customer) => customer),
    clipNorm: 1,
    scale: 2 ** 20,
    fractionBits: 8,
    customerQuota: customers,
    negatives: benchSource(round),
  };
}
