/** `tributary demo`: the main job on one machine, from a log to a report. */
import { fail } from "@tributary/errors";
import { initialModel } from "@tributary/federation";
import { decodeModel, exportOnnx } from "@tributary/model";
import { type Plan, parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { FederationReport } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { readInput, readJson, writeOutput } from "../files.ts";
import { reportPage } from "../report/page.ts";
import { runFederation } from "./federation.ts";
import { claimFolder, type DemoFolder } from "./folder.ts";
import { divide, type Log, type LogOptions, readLog, writeParts } from "./market.ts";
import { openProcesses } from "./processes.ts";
import type { ProgressBar } from "./progress.ts";
import { releasedRounds, reportOf } from "./report.ts";

export interface DemoOptions extends LogOptions {
  readonly merchants: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds?: number;
  readonly repeats: "keep" | "mask";
  readonly out: string;
}

/**
 * Runs the demo. The folder is gone when it does not come to its end.
 * @throws TRB_DEMO_FOLDER_IN_USE, TRB_DEMO_INTERRUPTED, TRB_DEMO_PROCESS_FAILED, TRB_DEMO_TOO_FEW_MERCHANTS, TRB_PLAN_DELTA_TOO_LARGE, …
 */
export async function runDemo(
  options: DemoOptions,
  progress: ProgressBar,
): Promise<{ report: FederationReport; folder: string }> {
  const started = performance.now();
  const log = await readLog(options);
  const parts = divide(log, options.merchants);
  requireDelta(options.delta, log);
  const folder = claimFolder(options.out);
  const processes = openProcesses();
  const interruption = interrupted();
  try {
    await writeParts(parts, log.catalogue, folder.work("logs"));
    const ran = await Promise.race([
      runFederation(
        {
          ...options,
          folder,
          parts,
          catalogueProvenance: log.catalogueProvenance,
          onProgress: ({ stage, done, of }) => progress.show(stage === "preparing" ? "preparing" : "rounds", done, of),
        },
        processes,
      ),
      interruption.happened,
    ]);
    const plan = parsePlan(readJson(folder.file("plan.json")));
    const blob = (hash: string) => decodeModel(plan.model, readInput(`${ran.coordinatorHome}/blobs/${hash}`));
    const ledger = readInput(`${ran.coordinatorHome}/ledger.jsonl`);
    const released = releasedRounds(ledger);
    const final = blob(released.at(-1)?.nextModelHash ?? plan.initialModelHash);
    const modelHashes = new Map(released.map((entry) => [entry.round, entry.nextModelHash]));
    const report = await Promise.race([
      reportOf(
        {
          plan,
          ledger,
          key: ran.fingerprint,
          initial: initialModel(nodeCrypto(), plan.model),
          final,
          rounds: ran.history.map(({ round, epsilon, seconds }) => ({ round, epsilon, seconds })),
          modelAfter: (round) => {
            const hash = modelHashes.get(round);
            return hash === undefined ? undefined : blob(hash);
          },
          bytesPerRoundPerNode: ran.bytesPerRoundPerNode,
          why: ran.why,
        },
        {
          ...{ log, parts, started },
          judging: {
            model: plan.model,
            items: log.catalogue.items.length,
            executor: onnxruntimeExecutor(),
            repeats: options.repeats,
          },
          secondsPerMerchant: secondsPerMerchant(plan),
          onProgress: (what, done, of) => progress.show(what, done, of),
        },
      ),
      interruption.happened,
    ]);
    leave(folder, plan, ledger, final, report);
    return { report, folder: options.out };
  } catch (error) {
    await processes.stopAll();
    folder.discard();
    throw error;
  } finally {
    interruption.forget();
    progress.end();
  }
}

/** Tuning alone may take as long as joining does, within reason. */
function secondsPerMerchant(plan: Plan): number {
  const [release] = plan.releases;
  return Math.min(30, 3 + ((release?.rounds ?? 1) * plan.deadlines.uploadOffset) / 1e3 / 10);
}

function leave(folder: DemoFolder, plan: Plan, ledger: Uint8Array, final: Float32Array, report: FederationReport): void {
  writeOutput(folder.file("ledger.jsonl"), ledger);
  writeOutput(folder.file("model.onnx"), exportOnnx(plan.model, final));
  writeOutput(folder.file("report.html"), reportPage(report));
  writeOutput(folder.file("report.json"), `${JSON.stringify(report, null, 2)}\n`);
  folder.finish();
}

/** Before anything is written: such a δ protects nobody. */
export function requireDelta(delta: number, { histories }: Log): void {
  const customers = histories.customers.length;
  if (delta >= 1 / customers)
    throw fail("TRB_PLAN_DELTA_NOT_BELOW_CUSTOMERS", { delta, customers, limit: (1 / customers).toPrecision(3) });
}

/** Rejects at the first Ctrl-C or SIGTERM. */
function interrupted(): { readonly happened: Promise<never>; forget(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  promise.catch(() => {}); // raced with the work
  const stop = () => reject(fail("TRB_DEMO_INTERRUPTED"));
  process.once("SIGINT", stop).once("SIGTERM", stop);
  return { happened: promise, forget: () => void process.off("SIGINT", stop).off("SIGTERM", stop) };
}
