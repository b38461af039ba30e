/** A simulation at scale from settings to files: log, split, plan, rounds with checkpoints, and what came out. */
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events";
import { encodeFederationModel, initialFederationModel } from "@tributary/federation";
import { evaluate, itemCounts, popularityRanks, type ResultBlock, resultBlock } from "@tributary/model";
import type { Crypto, Plan } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { parquetWriteBuffer } from "hyparquet-writer";
import { parseAvailabilityTrace } from "../scale/availability-trace.ts";
import { type ConditionSettings, checkConditions, faultSteps, isAdversary } from "../scale/conditions.ts";
import { type HeldOutPopulation, heldOutSample } from "../scale/held-out.ts";
import { customersOf, eventsOf, type Population } from "../scale/population.ts";
import type { RobustGroups } from "../scale/robust-groups.ts";
import type { ScalePlanRequest } from "../scale/scale-plan.ts";
import { clearShares, publishSettings, type ShareStore, type ShareTable } from "../scale/shared-rounds.ts";
import { type AttemptRecord, type AttemptTimes, type ScaleResult, simulateScale } from "../scale/simulate-scale.ts";
import type { SplitSettings } from "../scale/split.ts";
import { decodeCheckpoint, encodeCheckpoint } from "./checkpoint.ts";
import { openRun, type RunFolder, type RunState, readResult } from "./run-folder.ts";
import { lockRun } from "./run-lock.ts";
import { type PreparedLog, prepareScale } from "./scale-preparation.ts";

/** All that decides about the result: its hash is the run's id. */
export interface ScaleRunSettings {
  readonly version: 1;
  readonly seed: number;
  readonly source:
    | { readonly kind: "synthetic"; readonly customers: number; readonly items: number; readonly categories: number }
    | { readonly kind: "log"; readonly sha256: string };
  readonly split: Omit<SplitSettings, "seed">;
  readonly plan: Omit<ScalePlanRequest, "nodes" | "cohort" | "customers" | "catalogueItems">;
  readonly conditions: Omit<ConditionSettings, "nodes" | "seed" | "trace"> & { readonly trace?: string | undefined };
  readonly aggregation: "secure" | "fast";
  readonly noise: "distributed" | "central";
  /** The cohort in groups, and what is made of their sums. */
  readonly robust?: RobustGroups;
  /** How many customers the model is judged by, each by the last item event, which nobody trained on. */
  readonly judged: number;
}

export interface ScaleRunOptions {
  readonly settings: ScaleRunSettings;
  /** Where runs are kept. */
  readonly home: string;
  readonly threads: number;
  /** Seconds between two checkpoints. */
  readonly checkpointSeconds: number;
  readonly crypto: Crypto;
  readonly executor: Executor;
  /** The log of the settings' hash; not asked for where the market is synthetic. */
  readonly log?: () => Promise<PreparedLog>;
  /** Workers that do the rounds' shares, on other machines as well. Default: threads of this process. */
  readonly elsewhere?: { readonly store: ShareStore; readonly shares: ShareTable } | undefined;
  readonly onProgress?: (what: "customers" | "attempts", done: number, of: number) => void;
}

/** What result.json holds: nothing that a clock or a machine decides. */
export interface ScaleRunResult {
  readonly run: string;
  readonly settings: ScaleRunSettings;
  readonly synthetic: boolean;
  readonly population: {
    readonly nodes: number;
    readonly customers: number;
    readonly events: number;
    readonly smallestNode: number;
    readonly largestNode: number;
    readonly adversaries: number;
  };
  readonly privacy: {
    readonly epsilon: number;
    readonly delta: number;
    readonly unit: string;
    readonly noiseMode: "distributed" | "central";
    readonly conditional?: string;
  };
  readonly parameters: number;
  readonly modelHash: string;
  readonly attempts: number;
  readonly releasedRounds: number;
  readonly abandonedRounds: number;
  readonly floor: ResultBlock;
  readonly popularity: ResultBlock;
  readonly federated: ResultBlock;
  readonly why: readonly string[];
}

export interface FinishedRun {
  readonly folder: RunFolder;
  readonly result: ScaleRunResult;
  readonly records: readonly AttemptRecord[];
  /** False when it was done before and only read. */
  readonly ran: boolean;
}

/**
 * Runs, goes on, or reads what is done.
 * @throws TRB_SIMULATE_…, and what planning, the state machines and training throw
 */
export async function runScale(options: ScaleRunOptions): Promise<FinishedRun> {
  const { settings, home } = options;
  const { trace: traceText, ...conditions } = settings.conditions;
  const trace = traceText === undefined ? undefined : parseAvailabilityTrace(traceText, settings.split.nodes);
  const world = { ...conditions, nodes: settings.split.nodes, seed: settings.seed, trace };
  checkConditions(world);
  if (settings.noise === "central" && settings.aggregation === "secure") throw fail("TRB_SIMULATE_CENTRAL_NEEDS_FAST");
  if (options.elsewhere) checkElsewhere(settings);
  const asFound = openRun(home, { ...settings });
  if (asFound.state?.status === "finished") return { ...readFinished(asFound), folder: asFound, ran: false };
  const lock = lockRun(asFound.path);
  try {
    const folder = openRun(home, { ...settings }); // as whoever held the lock before has left it
    if (folder.state?.status === "finished") return { ...readFinished(folder), folder, ran: false };
    return await runLocked(options, folder, world);
  } finally {
    lock.release();
  }
}

async function runLocked(options: ScaleRunOptions, folder: RunFolder, world: ConditionSettings): Promise<FinishedRun> {
  const { settings, crypto, executor, onProgress } = options;
  const started = performance.now();
  const { robust } = settings;
  const { log, held, plan, why, seed } = await prepareScale(settings, crypto, options.log, (done, of) =>
    onProgress?.("customers", done, of),
  );
  const before = folder.read("checkpoint");
  const saved = before && decodeCheckpoint(plan, before, folder.path);
  const records = [...(saved?.records ?? [])];
  const begun = folder.state?.begun ?? new Date().toISOString();
  const secondsBefore = folder.state?.seconds ?? 0;
  const save = (status: RunState["status"]) => {
    const seconds = secondsBefore + (performance.now() - started) / 1e3;
    const state: RunState = { id: folder.id, status, settings: { ...settings }, begun, seconds, attempts: records.length };
    folder.write("run.json", `${JSON.stringify(state, undefined, 2)}\n`);
  };
  save("running");
  if (options.elsewhere) await publishSettings(options.elsewhere, folder.id, settings);
  const planned = plan.releases.reduce((sum, release) => sum + release.rounds, 0);
  let savedAt = performance.now();
  const outcome = await simulateScale({
    ...{ plan, population: held.population, seed, conditions: world, crypto, executor, threads: options.threads },
    ...{
      aggregation: settings.aggregation,
      noise: settings.noise,
      robust,
      items: log.catalogue.items,
      from: saved?.checkpoint,
      elsewhere: options.elsewhere && { ...options.elsewhere, run: folder.id },
    },
    onAttempt(record, _times: AttemptTimes, checkpoint) {
      records.push(record);
      onProgress?.("attempts", records.filter(({ charged }) => charged).length, planned);
      if (performance.now() - savedAt < 1e3 * options.checkpointSeconds) return;
      folder.write("checkpoint", encodeCheckpoint(plan, { checkpoint: checkpoint(), records }));
      save("running");
      savedAt = performance.now();
    },
  });
  const result = await judged({
    ...{ folder, settings, held, plan, outcome, records, why, world },
    items: log.items,
    executor,
    crypto,
  });
  folder.write("model.safetensors", encodeFederationModel(plan, outcome.model));
  folder.write("plan.json", `${JSON.stringify(plan, undefined, 2)}\n`);
  if (outcome.ledger !== undefined) folder.write("ledger.jsonl", outcome.ledger);
  folder.write("attempts.parquet", attemptsFile(records));
  folder.write("attempts.json", `${JSON.stringify(records)}\n`);
  folder.write("result.json", `${JSON.stringify(result, undefined, 2)}\n`);
  save("finished");
  folder.remove("checkpoint");
  if (options.elsewhere) await clearShares(options.elsewhere, folder.id);
  return { folder, result, records, ran: true };
}

/** What workers elsewhere can do: they make the customers from the settings, and know neither logs nor state machines. */
function checkElsewhere({ source, aggregation, noise }: ScaleRunSettings): void {
  const refuse = (option: string, value: string, reason: string) =>
    fail("TRB_SIMULATE_SCALE_OPTION", { option, value, reason });
  if (source.kind === "log") throw refuse("events", "a log", "workers make the customers from the settings, and have no log");
  if (aggregation === "secure") throw refuse("aggregation", aggregation, "workers do rounds without masks and messages");
  if (noise === "central") throw refuse("noise", noise, "workers add every node's own share");
}

/** @throws TRB_SIMULATE_RUN_UNREADABLE where it did not come to its end */
function readFinished(folder: RunFolder): {
  readonly result: ScaleRunResult;
  readonly records: readonly AttemptRecord[];
} {
  return {
    result: JSON.parse(readResult(folder, "result.json")) as ScaleRunResult, // both written by `runScale`
    records: JSON.parse(readResult(folder, "attempts.json")) as readonly AttemptRecord[],
  };
}

async function judged({
  folder,
  settings,
  held,
  plan,
  outcome,
  records,
  why,
  world,
  items,
  executor,
  crypto,
}: {
  readonly folder: RunFolder;
  readonly settings: ScaleRunSettings;
  readonly held: HeldOutPopulation;
  readonly plan: Plan;
  readonly outcome: ScaleResult;
  readonly records: readonly AttemptRecord[];
  readonly why: readonly string[];
  readonly world: ConditionSettings;
  readonly items: number;
  readonly executor: Executor;
  readonly crypto: Crypto;
}): Promise<ScaleRunResult> {
  const sample = heldOutSample(held, settings.judged);
  const { population } = held;
  const everybody: Histories = { ...population, customers: [] };
  const judge = async (parameters: Float32Array) =>
    resultBlock(await evaluate(plan.model, Float32Array.from(parameters), executor, sample, { items, repeats: "keep" }));
  const sizes = Array.from({ length: population.nodes }, (_, node) => customersAt(population, node));
  const adversaries = sizes.reduce((count, _size, node) => count + (isAdversary(world, node) ? 1 : 0), 0);
  return {
    ...{ run: folder.id, settings, synthetic: settings.source.kind === "synthetic" },
    population: {
      ...{ nodes: population.nodes, customers: customersOf(population), adversaries },
      events: eventsOf(population).reduce((sum, events) => sum + events, 0),
      smallestNode: sizes.reduce((least, size) => Math.min(least, size)),
      largestNode: sizes.reduce((most, size) => Math.max(most, size)),
    },
    privacy: {
      ...{ epsilon: outcome.epsilon, delta: Number(plan.delta), unit: plan.unit, noiseMode: settings.noise },
      ...(plan.catalogueProvenance === "log" ? { conditional: "catalogue treated as public" } : {}),
    },
    ...{ parameters: plan.releases[0]?.dimension ?? 0, modelHash: outcome.modelHash, attempts: outcome.attempts },
    releasedRounds: outcome.releasedRounds,
    abandonedRounds: records.filter(({ round, released }) => round > 0 && !released).length,
    floor: await judge(initialFederationModel(crypto, plan).parameters),
    popularity: resultBlock(popularityRanks(sample, itemCounts([everybody], items), "keep")),
    federated: await judge(outcome.model.parameters),
    why,
  };
}

function customersAt({ nodeOffsets }: Population, node: number): number {
  return (nodeOffsets[node + 1] as number) - (nodeOffsets[node] as number);
}

/** One row an attempt. */
function attemptsFile(records: readonly AttemptRecord[]): Uint8Array {
  const numbers = ["attempt", "round", "invited", "cohort", "survivors", "adversaries"] as const;
  const column = (name: string, data: (string | number | boolean)[], type: "INT32" | "DOUBLE" | "STRING" | "BOOLEAN") => ({
    name,
    data,
    type,
  });
  const columnData = [
    ...numbers.map((name) =>
      column(
        name,
        records.map((record) => record[name]),
        "INT32",
      ),
    ),
    ...faultSteps.map((step) =>
      column(
        `silent_${step}`,
        records.map(({ silent }) => silent[step]),
        "INT32",
      ),
    ),
    ...(["epsilon", "moved"] as const).map((name) =>
      column(
        name,
        records.map((record) => record[name]),
        "DOUBLE",
      ),
    ),
    ...(["released", "charged"] as const).map((name) =>
      column(
        name,
        records.map((record) => record[name]),
        "BOOLEAN",
      ),
    ),
    column(
      "kind",
      records.map(({ kind }) => kind),
      "STRING",
    ),
  ];
  return new Uint8Array(parquetWriteBuffer({ columnData }));
}
