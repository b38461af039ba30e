/** In place of the client's training worker: every round the same vector, at once. A silent node never answers. */
import { parentPort, workerData } from "node:worker_threads";
import type { TrainingAnswer, TrainingOrder, TrainingSetup } from "@tributary/client";
import { givenVector, silentVariable } from "./words.ts";

const { plan } = workerData as TrainingSetup;
const port = parentPort;
const say = (answer: TrainingAnswer, transferred: ArrayBuffer[] = []) => port?.postMessage(answer, transferred);

port?.on("message", (order: TrainingOrder) => {
  if (order.type === "end") port.close();
  else if (order.type === "prepare") say({ type: "prepared" });
  else if (process.env[silentVariable] === undefined) {
    const vector = givenVector(plan.releases[order.release]?.dimension ?? 0);
    say({ type: "trained", round: order.round, vector, outOfTime: false, failure: undefined }, [vector.buffer]);
  }
});
