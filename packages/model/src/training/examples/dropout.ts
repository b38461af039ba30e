/** Dropout masks of a run, each customer's drawn from randomness keyed by round and customer: never by the place in a batch. */
import { seededRandom } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { type DropoutPlace, dropoutInput, dropoutPlaces } from "../../graphs/dropout.ts";
import { scrambled } from "../../rows.ts";
import type { ModelSpec } from "../../spec.ts";
import type { Example, RunShape } from "./examples.ts";

/** A word of randomness decides about two numbers: rates are multiples of 2⁻¹⁶. */
const levels = 2 ** 16;

/** 2³²/φ, rounded to odd: the step of the counter. */
const goldenRatio = 0x9e3779b9;

/** For each place a mask [rows·positions, width]: 0 with probability `spec.dropout`/1000, else 1/(1 − that); padding is 0. */
export function dropoutFeeds(spec: ModelSpec, examples: readonly Example[], run: RunShape): Record<string, FeedTensor> {
  if (spec.dropout === 0) return {};
  const feeds: Record<string, FeedTensor> = {};
  for (const place of dropoutPlaces(spec)) feeds[dropoutInput(place.name)] = maskOf(spec, place, examples, run);
  return feeds;
}

function maskOf(spec: ModelSpec, place: DropoutPlace, examples: readonly Example[], { rows, length }: RunShape): FeedTensor {
  const positions = place.grid === "history" ? length : spec.steps;
  const bound = Math.round((spec.dropout / 1000) * levels);
  const kept = levels / (levels - bound);
  const data = new Float32Array(rows * positions * spec.width);
  examples.forEach((example, row) => {
    // SplitMix32 (Steele, Lea & Flood 2014, with MurmurHash3's finaliser): without state but a counter it is inlined
    let counter = seededRandom(example.seed, "dropout", place.name, example.hash).uint32();
    const used = place.grid === "history" ? example.inputs : example.end - example.begin - example.inputs;
    const first = row * positions * spec.width;
    const end = first + used * spec.width;
    for (let cell = first; cell < end; cell += 2) {
      counter = (counter + goldenRatio) | 0;
      const word = scrambled(counter);
      // without a branch, which would be mispredicted: both together take a mask from 5 to 2.6 ns a number
      data[cell] = kept * ((bound - 1 - (word & (levels - 1))) >>> 31);
      if (cell + 1 < end) data[cell + 1] = kept * ((bound - 1 - (word >>> 16)) >>> 31);
    }
  });
  return { shape: [rows * positions, spec.width], data };
}
