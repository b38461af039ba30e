/** A tiny model run by an executor and by its readable twin: shows that what trains here computes what it should. */
import { inferenceGraph, initialParameters, type ModelSpec, modelSpec, weightsOf } from "@tributary/model";
import { randomSourceFromSeed } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type Executor, type FeedTensor, float64Interpreter } from "@tributary/tensor";

const spec: ModelSpec = modelSpec({
  items: 12,
  length: 4,
  width: 8,
  blocks: 1,
  heads: 2,
  feedForward: 2,
  activation: "gelu",
  positions: "learned",
  actions: 0,
  timeGaps: 0,
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
});

/** @returns what was run, and the largest error relative to the largest score */
export async function selfTest(executor: Executor): Promise<{ readonly operation: string; readonly error: number }> {
  const random = randomSourceFromSeed(nodeCrypto(), new Uint8Array(32), "self-test", "", 0, "parameters");
  const graph = inferenceGraph(spec);
  const weights = weightsOf(spec, initialParameters(spec, random));
  const feeds: Record<string, FeedTensor> = {
    items: { shape: [2, 4], data: Int32Array.of(3, 5, 2, 7, 1, 4, 0, 0) },
    positions: { shape: [2, 4], data: Int32Array.of(1, 2, 3, 4, 3, 4, 0, 0) },
  };
  for (const { name, shape } of graph.inputs) {
    const data = weights.get(name);
    if (data) feeds[name] = { shape: shape.map(Number), data };
  }
  const scoresBy = async (one: Executor) => {
    const session = await one.load(graph);
    const scores = (await session.run(feeds))["scores"]?.data ?? new Float64Array(0);
    await session.close();
    return scores;
  };
  const [fast, exact] = [await scoresBy(executor), await scoresBy(float64Interpreter())];
  let error = exact.length === fast.length ? 0 : Number.POSITIVE_INFINITY;
  let largest = 0;
  exact.forEach((value, place) => {
    error = Math.max(error, Math.abs(value - (fast[place] ?? 0)));
    largest = Math.max(largest, Math.abs(value));
  });
  return { operation: `inference on ${executor.name}`, error: error / largest };
}
