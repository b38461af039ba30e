/** In place of the client's training worker: every round the same vector, at once. A silent node never answers. */
import { parentPort, workerData } from "node:worker_threads";
import type { TrainingAnswer, TrainingOrder, TrainingSetup } from "@tributary/client";
import { wireFormOf } from "@tributary/protocol";
import { givenVector, silentVariable } from "./words.ts";

const { plan } = workerData as TrainingSetup;
const port = parentPort;
const say = (answer: TrainingAnswer, transferred: ArrayBuffer[] = []) => port?.postMessage(answer, transferred);

port?.on("message", (order: TrainingOrder) => {
  if (order.type === "end") port.close();
  else if (order.type === "prepare") say({ type: "prepared" });
  else if (process.env[silentVariable] === undefined) {
    const vector = givenVector(wireFormOf(plan, order.release).coordinates);
    say({ type: "trained", round: order.round, vector, outOfTime: false, failure: undefined }, [vector.buffer]);
  }
});
