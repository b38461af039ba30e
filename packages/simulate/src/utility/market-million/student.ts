/**
 * Where training begins: a model that has learnt walks along released tables, which costs no ε. On this market customers look at one item several times and
 * come back to earlier ones, which tables say nothing of: so do the walks here, with chances that another market gave.
 */
import { type Histories, type SeededRandom, seededRandom } from "@tributary/events";
import {
  biasPlaces,
  type ItemSimilarity,
  type ModelSpec,
  type ServedStatistics,
  type StatisticsRecipe,
  type Student,
  sampleWalks,
  startStudent,
  trainedTensors,
  trainStudent,
} from "@tributary/model";
import type { Executor } from "@tributary/tensor";

export interface WalkSettings {
  readonly count: number;
  readonly epochs: number;
  readonly batch: number;
  readonly learningRate: number;
  /** Chance, at each step, to look at the same item again. */
  readonly stay: number;
  /** Chance, where it isn't that, to come back to an earlier item. */
  readonly back: number;
}

/** Steps of a walk before anybody stays or comes back; items that the profile of a walk holds. */
const [steps, profile] = [10, 5];
const softening = 5;
/** Tables that walks say nothing of: they begin at zero and stay there until customers teach them. */
const silent = /^(?:action|gap)\.weight$/;

export async function walkStudent(
  spec: ModelSpec,
  served: ServedStatistics,
  similarity: ItemSimilarity,
  {
    recipe,
    executor,
    seed,
    walks,
  }: {
    readonly recipe: StatisticsRecipe;
    readonly executor: Executor;
    readonly seed: number;
    readonly walks: WalkSettings;
  },
): Promise<Float32Array> {
  const start = startStudent(spec, { popularity: served.popularity, similarity, seed });
  const frozen = [...biasPlaces(spec)];
  softenBias(start);
  for (const { name, inModel, size } of trainedTensors(spec, undefined)) {
    if (!silent.test(name)) continue;
    start.parameters.fill(0, inModel, inModel + size);
    for (let place = inModel; place < inModel + size; place++) frozen.push(place);
  }
  const sequences = sampleWalks(served, similarity, {
    ...{ walks: walks.count, length: steps, contentWeight: recipe.contentWeight, repeats: "keep", seed },
    profile: { ...recipe, latest: profile },
  });
  const { parameters } = await trainStudent(start, restless(sequences, walks, seed), executor, {
    ...{ epochs: walks.epochs, batch: walks.batch, learningRate: walks.learningRate, seed, frozen: Uint32Array.from(frozen) },
  });
  return parameters;
}

/**
 * Popularity stands in one coordinate of the items, small there and with a large weight at the end: a customer's gradient would be of little else, and clipping
 * would leave nothing of the rest. Here it is five times as large, and its weight a fifth, which scores the same.
 */
function softenBias({ spec, parameters }: Student): void {
  const places = biasPlaces(spec);
  for (const place of places.subarray(0, spec.items)) parameters[place] = softening * (parameters[place] as number);
  const weight = places.at(-1) ?? 0;
  parameters[weight] = (parameters[weight] as number) / softening;
}

/** The same walks with stays and returns put in. */
export function restless(walks: Histories, { stay, back }: Pick<WalkSettings, "stay" | "back">, seed: number): Histories {
  const offsets = new Uint32Array(walks.offsets.length);
  const items: number[] = [];
  for (let walk = 0; walk < walks.customers.length; walk++) {
    const random = seededRandom(seed, "restless", walk);
    const seen: number[] = [];
    for (const item of walks.items.subarray(walks.offsets[walk], walks.offsets[walk + 1])) {
      while (seen.length > 0 && random.fraction() < stay + (1 - stay) * back) seen.push(again(seen, stay, back, random));
      seen.push(item);
    }
    items.push(...seen);
    offsets[walk + 1] = items.length;
  }
  const actions = new Uint8Array(items.length);
  return {
    ...{ customers: walks.customers, offsets, items: Int32Array.from(items), actions },
    times: Float64Array.from(actions, (_, event) => event),
  };
}

/** The last one, or an earlier one with equal chances, given that it is one of the two. */
function again(seen: readonly number[], stay: number, back: number, random: SeededRandom): number {
  const stays = random.fraction() * (stay + (1 - stay) * back) < stay;
  return (stays ? seen.at(-1) : seen[random.below(seen.length)]) ?? 0;
}
