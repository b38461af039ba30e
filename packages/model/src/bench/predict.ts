/** How long one customer waits for its best items: history to ids, the model, and the choice of the best. */
import type { Executor } from "@tributary/tensor";
import { openRecommender } from "../serving/recommender.ts";
import { modelSpec } from "../spec.ts";
import { benchHistories, benchParameters } from "./configurations.ts";

export interface BenchPredictOptions {
  readonly executor: Executor;
  readonly items: number;
  /** Timed predictions, after 500 that are not. */
  readonly repetitions: number;
  readonly clock?: () => number;
  /** Processor time of the process, milliseconds: what a prediction costs whatever else the machine does. */
  readonly processorClock: () => number;
}

export interface PredictTimes {
  readonly items: number;
  /** Milliseconds: what was waited, and what the processor worked. */
  readonly medianMs: number;
  readonly p99Ms: number;
  readonly processorMedianMs: number;
  readonly processorP99Ms: number;
  /** When each prediction that took as long as the 99th percentile or longer began, and how long it took. */
  readonly slowest: readonly { readonly start: number; readonly took: number }[];
}

const warmUp = 500;

/** Top 20 of customers whose histories are as long as the model reads, or up to half as long; width 64, two blocks, length 50. */
export async function benchPredict(options: BenchPredictOptions): Promise<PredictTimes> {
  const { executor, items, repetitions, clock = () => performance.now(), processorClock } = options;
  const spec = modelSpec({ items, length: 50, width: 64, blocks: 2 });
  const { offsets, customers, ...columns } = benchHistories(spec, 200, "long");
  const histories = customers.map((_, customer) => {
    const part = <Column extends Int32Array | Uint8Array | Float64Array>(column: Column) =>
      column.slice(offsets[customer], offsets[customer + 1]) as Column;
    return { items: part(columns.items), actions: part(columns.actions), times: part(columns.times) };
  });
  const recommender = await openRecommender(spec, benchParameters(spec), executor);
  const waited: number[] = [];
  const worked: number[] = [];
  const starts: number[] = [];
  for (let turn = -warmUp; turn < repetitions; turn++) {
    const events = histories[(turn + warmUp) % histories.length];
    if (events === undefined) continue;
    const [busy, start] = [processorClock(), clock()];
    await recommender.top(events, 20);
    const took = clock() - start;
    if (turn < 0) continue;
    waited.push(took);
    worked.push(processorClock() - busy);
    starts.push(start);
  }
  await recommender.close();
  const p99Ms = quantile(waited, 0.99);
  return {
    items,
    medianMs: quantile(waited, 0.5),
    p99Ms,
    processorMedianMs: quantile(worked, 0.5),
    processorP99Ms: quantile(worked, 0.99),
    slowest: waited.flatMap((took, turn) => (took >= p99Ms ? [{ start: starts[turn] ?? 0, took }] : [])),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
