/** In a thread of its own, because it may take a minute: a run's customers, in arrays that the threads of its shares read, and its plan. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import type { Answer } from "@tributary/model/workers";
import type { Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { prepareScale } from "../runs/scale-preparation.ts";
import type { ScaleRunSettings } from "../runs/scale-run.ts";
import type { Population } from "./population.ts";

export interface PreparedShares {
  readonly plan: Plan;
  readonly population: Population;
  readonly seed: Uint8Array;
}

parentPort?.once("message", async () => {
  const answer: Answer<PreparedShares> = await prepareScale(workerData as ScaleRunSettings, nodeCrypto()).then(
    ({ plan, held, seed }) => ({ result: { plan, population: held.population, seed } }),
    (error: unknown) =>
      isTributaryError(error)
        ? { code: error.code, details: error.details }
        : { code: "TRB_TRAINING_THREAD_FAILED", details: { reason: error instanceof Error ? error.message : "unknown" } },
  );
  parentPort?.postMessage(answer);
});
