/** A device's training step, the same in a browser and in Node, by whichever executor is given: what it comes to, and how long it takes. */
import { graphHashOf, initialFederationModel } from "@tributary/federation";
import { modelSpec, openTrainer } from "@tributary/model";
import { portableCrypto, randomSourceFromSeed } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";

export interface StepMeasured {
  /** Of the training graph, as this machine builds it. */
  readonly graphHash: string;
  /** [parameters] The clipped update u·s·2^f, in whole grid units. */
  readonly total: readonly number[];
  /** Of each timed turn. */
  readonly milliseconds: readonly number[];
}

/** C, s and f. */
export const grid = { clipNorm: 1, scale: 2 ** 20, fractionBits: 8 };

const spec = modelSpec({
  ...{ items: 1000, length: 50, width: 64, blocks: 2, heads: 2, feedForward: 2 },
  nextItem: { loss: "softmax", negatives: 256, calibration: 0 },
});
/** What one person did: 48 events. */
const events = 48;
const histories = {
  customers: ["me"],
  offsets: Uint32Array.of(0, events),
  items: Int32Array.from({ length: events }, (_, at) => 1 + ((at * 389) % spec.items)),
  actions: new Uint8Array(events),
  times: Float64Array.from({ length: events }, (_, at) => 1_700_000_000 + 3600 * at),
};
const local = { unit: "node", steps: 1, epochs: 1, batchSize: 1, learningRate: 0.5, proximal: 0 } as const;

/** @param turns that are timed, after two that are not; 0: one turn, untimed */
export async function measureStep(executor: Executor, turns: number): Promise<StepMeasured> {
  const crypto = portableCrypto();
  const { parameters } = initialFederationModel(crypto, { model: spec });
  const trainer = await openTrainer(spec, executor, local);
  const negatives = () => randomSourceFromSeed(crypto, new Uint8Array(32), "round", "", 1, "negatives");
  const step = () =>
    trainer.sum({ parameters, histories, sampled: Uint32Array.of(0), ...grid, customerQuota: 1, negatives: negatives() });
  const { total } = await step();
  const result = Array.from(total);
  if (turns > 0) await step();
  const milliseconds: number[] = [];
  for (let turn = 0; turn < turns; turn++) {
    const start = performance.now();
    await step();
    milliseconds.push(performance.now() - start);
  }
  await trainer.close();
  return { graphHash: graphHashOf(crypto, spec), total: result, milliseconds };
}
