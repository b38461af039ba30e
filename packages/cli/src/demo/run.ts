/** `tributary demo`: the main job on one machine, from a log to a report. */

import { certificateOf } from "@tributary/coordinator";
import { fail } from "@tributary/errors";
import { decodeFederationModel, type FederationModel, initialFederationModel } from "@tributary/federation";
import { type ItemContent, itemContent, type Repeats, readsContent } from "@tributary/model";
import { type Plan, parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { FederationReport, MerchantPart } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { type AttentionOptions, attentionOf } from "../attention-option.ts";
import { readInput, readJson, writeOutput } from "../files.ts";
import { cardMetrics, cardOf, filesOf, ledgerModels } from "../model-cards.ts";
import { featuredCatalogue, type ModelOptions } from "../model-options.ts";
import { repeatsOf } from "../options.ts";
import type { ProgressBar } from "../progress.ts";
import { reportPage } from "../report/page.ts";
import { requireSampler, type SamplerOptions } from "../sampler-option.ts";
import { type StatisticsOptions, statisticsWishes } from "../statistics-options.ts";
import { runFederation } from "./federation.ts";
import { claimFolder, type DemoFolder, requireFolder } from "./folder.ts";
import { divide, type Log, type LogOptions, readLog, writeParts } from "./market.ts";
import { openProcesses } from "./processes.ts";
import { releasedRounds, reportOf } from "./report.ts";

export interface DemoOptions extends LogOptions, ModelOptions, SamplerOptions, StatisticsOptions, AttentionOptions {
  readonly merchants: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds?: number;
  readonly repeats?: Repeats;
  readonly out: string;
}

/**
 * Runs the demo. The folder is gone when it does not come to its end.
 * @throws TRB_DEMO_FOLDER_IN_USE, TRB_DEMO_INTERRUPTED, TRB_DEMO_PROCESS_FAILED, TRB_PLAN_DELTA_TOO_LARGE, what `readLog` throws, …
 */
export async function runDemo(
  options: DemoOptions,
  progress: ProgressBar,
): Promise<{ report: FederationReport; folder: string }> {
  const started = performance.now();
  const interruption = interrupted();
  try {
    requireFolder(options.out); // before a long log is read
    await requireSampler(options);
    const read = await unlessInterrupted(readLog(options), interruption);
    const log = { ...read, catalogue: await featuredCatalogue(read.catalogue, options) };
    requireDelta(options.delta, log);
    const parts = divide(log, options.merchants);
    return { report: await federate({ ...options, log, parts, started, progress, interruption }), folder: options.out };
  } finally {
    interruption.forget();
    progress.end();
  }
}

interface Federated extends DemoOptions {
  readonly log: Log;
  readonly parts: readonly MerchantPart[];
  readonly started: number;
  readonly progress: ProgressBar;
  readonly interruption: Interruption;
}

/** From the merchants' parts to the report in the folder. */
async function federate(options: Federated): Promise<FederationReport> {
  const { log, parts, progress, interruption, started } = options;
  const folder = claimFolder(options.out);
  const processes = openProcesses();
  try {
    await writeParts(parts, log.catalogue, folder.work("logs"));
    const ran = await unlessInterrupted(
      runFederation(
        {
          ...options,
          folder,
          parts,
          catalogueProvenance: log.catalogueProvenance,
          wishes: statisticsWishes(options, { retries: 0 }),
          onProgress: ({ stage, done, of }) => progress.show(stage === "preparing" ? "preparing" : "rounds", done, of),
        },
        processes,
      ),
      interruption,
    );
    const plan = parsePlan(readJson(folder.file("plan.json")));
    const content = readsContent(plan.model) ? itemContent(plan.model, log.catalogue.items) : undefined;
    const blob = (hash: string) => decodeFederationModel(plan, readInput(`${ran.coordinatorHome}/blobs/${hash}`));
    const ledger = readInput(`${ran.coordinatorHome}/ledger.jsonl`);
    const released = releasedRounds(ledger);
    const final = blob(released.at(-1)?.nextModelHash ?? plan.initialModelHash);
    const modelHashes = new Map(released.map((entry) => [entry.round, entry.nextModelHash]));
    const report = await unlessInterrupted(
      reportOf(
        {
          plan,
          ledger,
          key: ran.fingerprint,
          initial: initialFederationModel(nodeCrypto(), plan),
          final,
          rounds: ran.history.map(({ round, epsilon, seconds }) => ({ round, epsilon, seconds })),
          modelAfter: (round) => {
            const hash = modelHashes.get(round);
            return hash === undefined ? undefined : blob(hash);
          },
          bytesPerRoundPerNode: ran.bytesPerRoundPerNode,
          slowNodes: ran.slowNodes,
          why: ran.why,
        },
        {
          ...{ log, parts, started, attention: attentionOf(options) },
          judging: {
            model: plan.model,
            items: log.catalogue.items.length,
            executor: onnxruntimeExecutor(),
            repeats: repeatsOf(options),
            content,
            now: log.watchedUntil,
          },
          secondsPerMerchant: secondsPerMerchant(plan),
          onProgress: (what, done, of) => progress.show(what, done, of),
        },
      ),
      interruption,
    );
    leave(folder, ledger, ran.coordinatorHome, { ...final, ...(content ? { content } : {}) }, report);
    return report;
  } catch (error) {
    await processes.stopAll();
    folder.discard();
    throw error;
  }
}

/** Tuning alone may take as long as joining does, within reason. */
function secondsPerMerchant(plan: Plan): number {
  const [release] = plan.releases;
  return Math.min(30, 3 + ((release?.rounds ?? 1) * plan.deadlines.uploadOffset) / 1e3 / 10);
}

function leave(
  folder: DemoFolder,
  ledger: Uint8Array,
  coordinatorHome: string,
  final: FederationModel & { readonly content?: ItemContent },
  report: FederationReport,
): void {
  writeOutput(folder.file("ledger.jsonl"), ledger);
  writeOutput(folder.file("catalogue.jsonl"), readInput(folder.work("logs", "catalogue.jsonl"))); // what the plan is bound to
  const model = ledgerModels(ledger).at(-1);
  if (model) {
    const card = cardOf(model, { metrics: cardMetrics(report.evaluation, report.federated) });
    const files = Object.entries(filesOf({ ...final, card }));
    for (const [name, content] of files) writeOutput(folder.file(name), content);
    const certificate = certificateOf(coordinatorHome, model.hash);
    if (certificate !== undefined) writeOutput(folder.file("certificate.json"), certificate);
  }
  writeOutput(folder.file("report.html"), reportPage(report));
  writeOutput(folder.file("report.json"), `${JSON.stringify(report, null, 2)}\n`);
  folder.finish();
}

/** Before anything is written: such a δ protects nobody. */
export function requireDelta(delta: number, { histories }: Log): void {
  const customers = histories.customers.length;
  if (delta * customers >= 1) throw fail("TRB_PLAN_DELTA_TOO_LARGE", { delta, customers });
}

interface Interruption {
  readonly happened: Promise<never>;
  forget(): void;
}

/** Rejects at the first Ctrl-C or SIGTERM; further ones change nothing while the processes are stopped and the folder is removed. */
function interrupted(): Interruption {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // raced with the work
  const stop = () => reject(fail("TRB_DEMO_INTERRUPTED"));
  process.on("SIGINT", stop).on("SIGTERM", stop);
  return { happened: promise, forget: () => void process.off("SIGINT", stop).off("SIGTERM", stop) };
}

/** What is given up goes on in the background until the process ends, which is at once. */
const unlessInterrupted = <Result>(work: Promise<Result>, { happened }: Interruption) => Promise.race([work, happened]);
