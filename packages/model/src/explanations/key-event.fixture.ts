/**
 * For tests: a shop in which one event of a customer's history alone decides what is bought at the end, wherever it stands, and all other
 * events are noise. So it is known which event an explanation must find.
 */
import { type Histories, leaveLastOut, seededRandom } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import { soloTeam, type TeamTask } from "../central/team.ts";
import { trainCentrally } from "../central/train-centrally.ts";
import { parameterCount } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";

/** Items 1 … 10 are noise, 11 … 16 are keys, 17 … 22 is what a key leads to. */
const [noise, keys] = [10, 6];
/** Events before the last one: at least and at most. */
const [fewest, most] = [3, 8];

export function keySpec(given: Partial<ModelSpec>): ModelSpec {
  return modelSpec({ items: noise + 2 * keys, length: most + 1, width: 16, blocks: 1, ...given });
}

interface KeyedCustomer {
  /** The events from which the last one is to be predicted. */
  readonly begin: number;
  readonly end: number;
  /** Place of the key event. */
  readonly key: number;
}

export interface KeyedHistories {
  /** Each customer's last event is the item that the key led to. */
  readonly histories: Histories;
  readonly keyed: readonly KeyedCustomer[];
}

export function keyedHistories(customers: number, seed: number): KeyedHistories {
  const random = seededRandom(seed, "key events");
  const items: number[] = [];
  const keyed = Array.from({ length: customers }, (): KeyedCustomer => {
    const [key, length, begin] = [random.below(keys), fewest + random.below(most - fewest + 1), items.length];
    const place = random.below(length);
    for (let event = 0; event < length; event++) items.push(event === place ? noise + 1 + key : 1 + random.below(noise));
    items.push(noise + keys + 1 + key);
    return { begin, end: begin + length, key: begin + place };
  });
  const histories: Histories = {
    customers: keyed.map((_, customer) => `c${customer}`),
    offsets: Uint32Array.of(0, ...keyed.map(({ end }) => end + 1)),
    items: Int32Array.from(items),
    actions: new Uint8Array(items.length),
    times: Float64Array.from(items.keys()),
  };
  return { histories, keyed };
}

/** Trained until it knows the shop; the same numbers in every run. */
export async function trainedOnKeys(spec: ModelSpec, executor: Executor): Promise<Float32Array> {
  const task: TeamTask = {
    spec,
    train: keyedHistories(600, 1).histories,
    heldOut: { validation: leaveLastOut(keyedHistories(60, 2).histories) },
    adamw: { beta1: 0.9, beta2: 0.98, epsilon: 1e-8, weightDecay: 0.01 },
    weighting: "position",
    initial: Float32Array.from({ length: parameterCount(spec) }, (_, i) => 0.15 * Math.sin(1 + 7.13 * i)),
  };
  const team = await soloTeam(task, executor);
  const { parameters } = await trainCentrally(task, team, {
    epochs: 30,
    batch: 30,
    schedule: { learningRate: 0.01, warmUpSteps: 10, decay: "cosine", floor: 0 },
    negatives: { power: 0, correction: 0 },
    seed: 1,
    validateEvery: 5,
    patience: 6,
  });
  await team.close();
  return parameters;
}
