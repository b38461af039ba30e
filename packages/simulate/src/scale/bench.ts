/** What a round costs, with and without what makes it private, by the size of everything. */
import { fail } from "@tributary/errors";
import { graphVersion } from "@tributary/model";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { planDocument } from "../plan-document.ts";
import { calmConditions } from "./conditions.ts";
import { marketLog } from "./market-log.ts";
import { modelOfSize, scalePlan } from "./scale-plan.ts";
import { coordinatorKeyOf } from "./secure-path.ts";
import { type AttemptTimes, type ScaleOptions, simulateScale } from "./simulate-scale.ts";
import { splitLog } from "./split.ts";

export interface ScaleBenchmark {
  readonly nodes: number;
  readonly cohort: number;
  readonly parameters: number;
  readonly customers: number;
  readonly aggregation: ScaleOptions["aggregation"];
  readonly noise: ScaleOptions["noise"];
  /** False: nodes clip and add a vector that they are given. True: devices train on all of their customers, `epochs` times. */
  readonly training: boolean;
  readonly epochs: number;
  readonly rounds: number;
  readonly threads: number;
}

export interface ScaleTimes {
  /** Of the rounds after the first, which loads and warms what the others find ready. */
  readonly secondsPerRound: number;
  readonly fastest: number;
  readonly slowest: number;
  /** Processor seconds of all threads. */
  readonly cpuSecondsPerRound: number;
  /** What a round takes beside the training graphs, over what they take; one thread only, and with training only. */
  readonly overhead: number | undefined;
  readonly setupSeconds: number;
  readonly parameters: number;
}

/** @throws what `simulateScale` throws */
export async function benchScale(benchmark: ScaleBenchmark): Promise<ScaleTimes> {
  const started = performance.now();
  const { nodes, cohort, customers, rounds, training } = benchmark;
  const model = modelOfSize(benchmark.parameters);
  const log = marketLog({ customers, items: Math.max(model.items, 12), seed: 1 });
  const population = splitLog(log, { nodes, seed: 1, sizeZipf: 0, disjointCatalogues: false });
  const seed = new Uint8Array(32).fill(1);
  const crypto = nodeCrypto();
  const { plan, why } = scalePlan({
    ...{
      nodes,
      cohort,
      customers,
      model,
      epsilon: 8,
      delta: 1e-9,
      rounds: rounds + 1,
      catalogueItems: log.items,
      unit: "node",
    },
    local: { epochs: benchmark.epochs, batchSize: 32, learningRate: 0.05 },
  });
  if (plan.releases[0]?.rounds !== rounds + 1) throw fail("TRB_UNEXPECTED", { reason: why.join(" ") });
  const times: (AttemptTimes & { readonly cpu: number })[] = [];
  let cpu = processorSeconds();
  let setupSeconds = 0;
  await simulateScale({
    plan: planDocument(
      crypto,
      { ...plan, graphVersion },
      {
        ...{
          federation: "benchmark",
          coordinatorKey: coordinatorKeyOf(crypto, seed),
          catalogue: log.catalogue,
          catalogueProvenance: "public",
        },
      },
    ),
    ...{ population, seed, crypto, executor: onnxruntimeExecutor(), work: training ? "histories" : "given" },
    ...{ aggregation: benchmark.aggregation, noise: benchmark.noise, threads: benchmark.threads },
    conditions: { ...calmConditions, nodes, cohort, seed: 1 },
    onAttempt(_record, attempt) {
      const now = processorSeconds();
      if (times.length === 0) setupSeconds = (performance.now() - started) / 1e3 - attempt.seconds;
      times.push({ ...attempt, cpu: now - cpu });
      cpu = now;
    },
  });
  const warm = times.slice(1);
  const sum = (of: (one: (typeof warm)[number]) => number) => warm.reduce((total, one) => total + of(one), 0);
  const sorted = warm.map(({ seconds }) => seconds).sort((a, b) => a - b);
  const measured = training && benchmark.threads === 1;
  return {
    secondsPerRound: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    fastest: sorted[0] ?? Number.NaN,
    slowest: sorted.at(-1) ?? Number.NaN,
    cpuSecondsPerRound: sum((one) => one.cpu) / warm.length,
    overhead: measured ? sum(({ seconds }) => seconds) / sum(({ kernelSeconds }) => kernelSeconds) - 1 : undefined,
    setupSeconds,
    parameters: plan.releases[0].dimension,
  };
}

function processorSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
