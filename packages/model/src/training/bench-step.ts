/**
 * What privacy costs in time: a training step with per-customer norms and clipping beside the same step without them, in one
 * run, alternating. Synthetic histories whose lengths are spread over the upper half of what the model reads.
 */
import type { RandomSource } from "@tributary/dp";
import type { Histories } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import { parameterShapes, sizeOf } from "../parameters.ts";
import { scrambled } from "../rows.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { createTrainer, type SumRequest } from "./trainer.ts";

export interface BenchStepOptions {
  readonly executor: Executor;
  /** Timed steps of each kind, after two that are not; the medians are reported. */
  readonly repetitions?: number;
  readonly configurations?: readonly BenchConfiguration[];
  /** Milliseconds, from any start. */
  readonly clock?: () => number;
}

export interface BenchConfiguration {
  readonly items: number;
  readonly length: number;
  readonly width: number;
  readonly blocks: number;
  readonly customers: number;
  /** 0: softmax over all items. */
  readonly negatives: number;
}

export interface BenchStepResult extends BenchConfiguration {
  /** Medians, milliseconds a step. */
  readonly plain: number;
  readonly private: number;
  /** private / plain */
  readonly ratio: number;
  /** Smallest and largest of the timed steps. */
  readonly plainRange: readonly [number, number];
  readonly privateRange: readonly [number, number];
}

/** MovieLens-1M's and Amazon Beauty's table sizes, which the literature uses. */
export const benchConfigurations: readonly BenchConfiguration[] = [
  { items: 3416, length: 50, width: 64, blocks: 2, customers: 128, negatives: 0 },
  { items: 3416, length: 50, width: 64, blocks: 2, customers: 128, negatives: 256 },
  { items: 12101, length: 50, width: 64, blocks: 2, customers: 256, negatives: 512 },
];

export async function benchStep(options: BenchStepOptions): Promise<readonly BenchStepResult[]> {
  const { executor, repetitions = 11, configurations = benchConfigurations, clock = () => performance.now() } = options;
  const results: BenchStepResult[] = [];
  for (const configuration of configurations) {
    const spec = specOf(configuration);
    const trainers = [await createTrainer(spec, executor, { clipped: false }), await createTrainer(spec, executor)] as const;
    const request = requestOf(spec, configuration);
    const times: [number[], number[]] = [[], []];
    for (let step = -2; step < repetitions; step++) {
      for (const [kind, trainer] of trainers.entries()) {
        const start = clock();
        await trainer.sum({ ...request, negatives: counting(step + 3) });
        if (step >= 0) times[kind]?.push(clock() - start);
      }
    }
    for (const trainer of trainers) await trainer.close();
    const [plain, clipped] = [summary(times[0]), summary(times[1])];
    results.push({
      ...configuration,
      plain: plain.median,
      private: clipped.median,
      ratio: clipped.median / plain.median,
      plainRange: plain.range,
      privateRange: clipped.range,
    });
  }
  return results;
}

function specOf({ items, length, width, blocks, negatives }: BenchConfiguration): ModelSpec {
  const layers = { blocks, heads: 1, feedForward: 1, activation: "relu", positions: "learned" } as const;
  return modelSpec({
    items,
    length,
    width,
    ...layers,
    actions: 0,
    timeGaps: 0,
    nextItem: { loss: "softmax", negatives, calibration: 0 },
    weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
  });
}

/** Numbers in [0, 1) that are the same in every run. */
function sequence(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    return scrambled(state) / 2 ** 32;
  };
}

function counting(seed: number): RandomSource {
  const next = sequence(seed);
  return {
    fill: (out) => {
      for (let i = 0; i < out.length; i++) out[i] = Math.floor(next() * 256);
    },
  };
}

function requestOf(spec: ModelSpec, { customers }: BenchConfiguration): SumRequest {
  const next = sequence(7);
  const offsets = new Uint32Array(customers + 1);
  for (let customer = 0; customer < customers; customer++) {
    const inputs = Math.max(1, Math.round(spec.length * (1 - 0.5 * next())));
    offsets[customer + 1] = (offsets[customer] ?? 0) + inputs + 1;
  }
  const events = offsets.at(-1) ?? 0;
  const histories: Histories = {
    customers: Array.from({ length: customers }, (_, customer) => `customer ${String(customer).padStart(6, "0")}`),
    offsets,
    items: Int32Array.from({ length: events }, () => 1 + Math.floor(next() ** 2 * spec.items)),
    actions: new Uint8Array(events),
    times: Float64Array.from({ length: events }, (_, event) => event),
  };
  const parameters = parameterShapes(spec).flatMap(({ name, shape }) => {
    const centre = name.endsWith("gain") ? 1 : 0;
    return Array.from({ length: sizeOf(shape) }, () => centre + (next() - 0.5) * 0.2);
  });
  return {
    parameters: Float32Array.from(parameters),
    histories,
    sampled: Uint32Array.from({ length: customers }, (_, customer) => customer),
    clipNorm: 1,
    scale: 2 ** 20,
    fractionBits: 8,
    customerQuota: customers,
    negatives: counting(1),
  };
}

function summary(times: readonly number[]): { readonly median: number; readonly range: readonly [number, number] } {
  const sorted = [...times].sort((a, b) => a - b);
  const at = (place: number) => sorted[place] ?? Number.NaN;
  return { median: at(sorted.length >> 1), range: [at(0), at(sorted.length - 1)] };
}
