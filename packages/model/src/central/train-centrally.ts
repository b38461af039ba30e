/**
 * Central training without privacy: epochs of shuffled batches, validated on held-out items, stopped when validation no longer
 * gets better; the weights of the best validation are what is kept. It shows that the models are right, by what they reach on
 * public logs with published figures; nothing that it computes may leave a merchant.
 */
import { fail } from "@tributary/errors";
import { seededRandom, shuffle } from "@tributary/events/histories";
import { itemCounts } from "../baselines/popularity.ts";
import { type ResultBlock, resultBlock } from "../evaluation/result-block.ts";
import { itemRow } from "../rows.ts";
import { type NegativeSampling, negativeSampler } from "./sampled-negatives.ts";
import { learningRateAt, type Schedule } from "./schedule.ts";
import type { Team, TeamTask } from "./team.ts";

export interface CentralOptions {
  readonly epochs: number;
  /** Customers a step. */
  readonly batch: number;
  readonly schedule: Schedule;
  readonly negatives: NegativeSampling;
  /** Orders customers and draws negatives; no secret. */
  readonly seed: number;
  /** Epochs between validations. */
  readonly validateEvery: number;
  /** Validations without improvement after which training stops. */
  readonly patience: number;
  /** True: stop after this epoch. Results then depend on the machine's speed, and `stopped` says so. */
  readonly deadline?: () => boolean;
  readonly onEpoch?: (epoch: EpochReport) => void;
}

export interface EpochReport {
  /** Counts from 1. */
  readonly epoch: number;
  /** Mean of the batches' losses. */
  readonly loss: number;
  /** NDCG@10 on `heldOut.validation`, where it was asked for. */
  readonly validation: number | undefined;
}

export interface CentralTraining {
  /** `[dimension]`: of the best validation. */
  readonly parameters: Float32Array;
  /** The epoch whose weights these are; 0: nothing was better than the initial weights. */
  readonly bestEpoch: number;
  readonly validation: ResultBlock;
  /** Epochs run. */
  readonly epochs: number;
  readonly stopped: "patience" | "epochs" | "deadline";
}

/**
 * @param task its `heldOut` has `validation`
 * @param team of that task; on return its parameters are those of the best validation
 * @throws TRB_TRAINING_CENTRAL_INVALID, and what the team throws
 */
export async function trainCentrally(task: TeamTask, team: Team, options: CentralOptions): Promise<CentralTraining> {
  const { spec, train } = task;
  const { epochs, batch, seed, validateEvery, patience } = options;
  const order = Uint32Array.from(train.customers.keys()).filter((customer) => {
    return (train.offsets[customer + 1] ?? 0) - (train.offsets[customer] ?? 0) > 1;
  });
  if (order.length === 0) throw fail("TRB_TRAINING_CENTRAL_INVALID", { reason: "no customer has two events to learn from" });
  const sample = negativeSampler(rowCounts(task), options.negatives);
  const random = seededRandom(seed, "central training");
  const stepsPerEpoch = Math.ceil(order.length / batch);
  const best = { epoch: 0, parameters: Float32Array.from(team.parameters), block: resultBlock(await team.ranks("validation")) };
  let [epoch, step, waited] = [0, 0, 0];
  let stopped: CentralTraining["stopped"] = "epochs";
  while (epoch < epochs) {
    epoch += 1;
    shuffle(order, random);
    let loss = 0;
    for (let first = 0; first < order.length; first += batch) {
      step += 1;
      const negatives = spec.nextItem.negatives > 0 ? sample(spec.nextItem.negatives, random) : undefined;
      const learningRate = learningRateAt(options.schedule, step, stepsPerEpoch * epochs);
      const customers = order.slice(first, first + batch);
      loss += await team.step({ customers, negatives, seed: random.uint32() }, { step, learningRate });
    }
    if (!Number.isFinite(loss)) {
      throw fail("TRB_TRAINING_CENTRAL_INVALID", {
        reason: `the loss of epoch ${epoch} is not finite: lower the learning rate`,
      });
    }
    const late = options.deadline?.() ?? false;
    const validated = epoch % validateEvery === 0 || epoch === epochs || late;
    const block = validated ? resultBlock(await team.ranks("validation")) : undefined;
    options.onEpoch?.({ epoch, loss: loss / stepsPerEpoch, validation: block?.ndcg10 });
    if (block && block.ndcg10 > best.block.ndcg10) {
      best.epoch = epoch;
      best.parameters.set(team.parameters);
      best.block = block;
      waited = 0;
    } else if (block) waited += 1;
    if (late || waited >= patience) {
      stopped = late ? "deadline" : "patience";
      break;
    }
  }
  team.parameters.set(best.parameters);
  return { parameters: best.parameters, bestEpoch: best.epoch, validation: best.block, epochs: epoch, stopped };
}

/** `[rows]`: how often each row of the item table is read. */
function rowCounts({ spec, train }: TeamTask): Float64Array {
  const counts = new Float64Array(spec.items);
  const most = train.items.reduce((a, b) => Math.max(a, b), 0);
  itemCounts([train], most).forEach((count, place) => {
    const row = itemRow(place + 1, spec) - 1;
    counts[row] = (counts[row] as number) + count;
  });
  return counts;
}
