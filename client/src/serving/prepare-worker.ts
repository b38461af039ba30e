/** The entry of `prepareInThread`. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { releasedMoments } from "../feature-report.ts";
import { readPlannedCatalogue } from "../home/catalogue.ts";
import { readStored } from "../home/histories.ts";
import { withHome } from "../home/open.ts";
import { unlearntRule } from "../value/holdout.ts";
import { personalOf } from "../value/personal-model.ts";
import { prepareServing } from "./prepare.ts";
import type { PrepareAnswer, PrepareOrder } from "./prepare-thread.ts";
import { readArtefact, readReleased } from "./releases.ts";

const order: PrepareOrder = workerData;
const { serve, churnDays, release } = order;

try {
  const prepared = await withHome(order.home, (home) => {
    const { layout, plan } = home;
    const catalogue = readPlannedCatalogue(layout, plan);
    const from = {
      ...{ catalogue, serve, churnDays, plan },
      histories: readStored(layout),
      released: release && readReleased(layout, plan, release),
      personal: personalOf(layout, plan, release),
      moments: releasedMoments(layout, plan),
      isUnlearnt: unlearntRule(home),
      artefact: order.artefact === undefined ? undefined : readArtefact(order.artefact, catalogue.items.length),
    };
    return prepareServing(from, onnxruntimeExecutor());
  });
  answer({ type: "prepared", prepared });
} catch (error) {
  answer({ type: "failed", ...inWords(error) });
}

function answer(words: PrepareAnswer): void {
  parentPort?.postMessage(words);
}

/** A foreign error's own text might hold data. */
function inWords(error: unknown): { readonly code: string; readonly details: Readonly<Record<string, string>> } {
  if (!isTributaryError(error)) return { code: error instanceof Error ? error.name : "unknown", details: {} };
  return {
    code: error.code,
    details: Object.fromEntries(Object.entries(error.details).map(([name, value]) => [name, String(value)])),
  };
}
