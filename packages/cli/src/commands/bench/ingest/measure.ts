/** `bench ingest`: a made-up log, a home that has joined a federation, and measurements in turn, each in a process of its own. */
import { fork } from "node:child_process";
import { mkdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { joinFederation, logTo } from "@tributary/client";
import { coordinatorIdentity, createInvite, startCoordinator } from "@tributary/coordinator";
import { fail } from "@tributary/errors";
import { type Catalogue, catalogueBytes } from "@tributary/events";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { choosePlan, planDocument } from "@tributary/simulate";
import type { ProgressBar } from "../../../progress.ts";
import { customerCount, shopItems, writeMadeUpLog } from "./made-up-log.ts";
import type { MeasureAnswer, Measured, MeasureOrder } from "./words.ts";

export interface IngestBenchOptions {
  readonly events: number;
  readonly runs: number;
  readonly seed: number;
}

/** Of the median run by `seconds`; the memory is that of the run that took most. */
interface ThroughputFigures {
  readonly eventsPerSecond: number;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
}

export interface IngestFigures extends IngestBenchOptions {
  readonly logMb: number;
  readonly store: ThroughputFigures & { readonly kept: number; readonly dropped: number };
  readonly duckdb: ThroughputFigures;
  /** Of the import. */
  readonly peakMb: number;
  /** Seconds of the import over seconds of DuckDB alone, and of the processor likewise. */
  readonly ratio: number;
  readonly cpuRatio: number;
}

/** @param folder for the log and the homes; the caller removes it */
export async function measureIngest(
  options: IngestBenchOptions,
  folder: string,
  progress: ProgressBar,
): Promise<IngestFigures> {
  const { events, runs, seed } = options;
  const stages = 2 * runs + 2;
  progress.show("bench ingest: writing a log", 0, stages);
  const log = join(folder, "log.csv");
  writeMadeUpLog(log, events, seed);
  progress.show("bench ingest: joining", 1, stages);
  const home = join(folder, "shop");
  await joinedHome(folder, home, shopItems(), customerCount(events));
  const [duckdb, store]: [Measured[], Measured[]] = [[], []];
  for (let run = 0; run < runs; run++) {
    progress.show("bench ingest: DuckDB alone", 2 * run + 2, stages);
    duckdb.push(await inOwnProcess({ kind: "duckdb", log }));
    progress.show("bench ingest: import", 2 * run + 3, stages);
    store.push(await inOwnProcess({ kind: "store", log, home }));
  }
  for (const { rows, kept, dropped } of [...duckdb, ...store]) {
    if (rows !== events || kept + dropped !== rows)
      throw fail("TRB_UNEXPECTED", { reason: `of ${events} rows ${kept} were kept and ${dropped} dropped` });
  }
  const [{ kept, dropped }, ours, theirs] = [median(store), figures(store, events), figures(duckdb, events)];
  return {
    ...options,
    logMb: statSync(log).size / 1e6,
    store: { ...ours, kept, dropped },
    duckdb: theirs,
    peakMb: ours.peakMb,
    ratio: ours.seconds / theirs.seconds,
    cpuRatio: ours.cpuSeconds / theirs.cpuSeconds,
  };
}

function median(runs: readonly Measured[]): Measured {
  const middle = runs.toSorted((a, b) => a.seconds - b.seconds)[runs.length >> 1];
  if (middle === undefined) throw fail("TRB_UNEXPECTED", { reason: "nothing was measured" });
  return middle;
}

function figures(runs: readonly Measured[], events: number): ThroughputFigures {
  const { seconds, cpuSeconds } = median(runs);
  return { eventsPerSecond: events / seconds, seconds, cpuSeconds, peakMb: Math.max(...runs.map(({ peakMb }) => peakMb)) };
}

/** A merchant's home as `node join` makes it: the coordinator is there for just as long. */
async function joinedHome(folder: string, home: string, catalogue: Catalogue, customers: number): Promise<void> {
  const platform = join(folder, "platform");
  mkdirSync(platform, { recursive: true });
  const { key: coordinatorKey } = coordinatorIdentity(platform);
  const wishes = { catalogueItems: catalogue.items.length, customers, merchants: 3, epsilon: 8, delta: 1e-6, rounds: 1 };
  const { plan: numbers } = choosePlan(wishes);
  const facts = { federation: "bench", coordinatorKey, catalogue, catalogueProvenance: "public" } as const;
  const plan = planDocument(nodeCrypto(), numbers, facts);
  const log = logTo(() => {});
  const coordinator = await startCoordinator({ home: platform, port: 0, plan, catalogue: catalogueBytes(catalogue), log });
  try {
    const { invite } = await createInvite(platform, { node: "shop", url: coordinator.url, hours: 1 });
    await joinFederation({ invite, home });
  } finally {
    await coordinator.close();
  }
}

const entry = fileURLToPath(new URL("./measuring-process.ts", import.meta.url));

/** @throws TRB_UNEXPECTED when the process ends without an answer, or with a fault */
function inOwnProcess(order: MeasureOrder): Promise<Measured> {
  const child = fork(entry);
  return new Promise((resolve, reject) => {
    let answer: MeasureAnswer | undefined;
    child.once("message", (message: MeasureAnswer) => {
      answer = message;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (answer !== undefined && "measured" in answer) return resolve(answer.measured);
      reject(fail("TRB_UNEXPECTED", { reason: answer?.failed ?? `a measuring process ended with ${code}` }));
    });
    child.send(order);
  });
}
