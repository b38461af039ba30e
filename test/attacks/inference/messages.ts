/**
 * One node's message with each layer that is put on, drawn as often as an attack's score is to be known: the same calls of `dp` and `secagg` that
 * `trainingVector` and the state machines make, on a clipped sum that is made once. `one-round.ts` has the whole way, once.
 */
import { addNoisyVector, ditherAndShift, noisyVector, type RandomSource, toModular } from "@tributary/dp";
import { fromHex, randomSourceFromSeed, toHex } from "@tributary/protocol";
import { type Mask, maskVector } from "../../../packages/secagg/src/index.ts";
import { inClipNorms, type Stage } from "./stage.ts";

/** Nothing on it; a node's noise; the noise of the honest minimum, which is in every sum; masks, and no noise below them. */
export const layers = ["bare", "one node's noise", "the cohort's noise", "masks alone"] as const;
export type Layer = (typeof layers)[number];

/**
 * A message in clip norms. [dimension]
 * @param total [dimension] grid units; not changed
 * @param draw names the randomness: another one, another draw
 */
export function messageOf(stage: Stage, total: Float64Array, layer: Layer, draw: string): Float64Array {
  if (layer === "bare") {
    const { unitsPerOne, clipNorm } = stage.parameters.grid;
    return total.map((units) => units / (unitsPerOne * clipNorm));
  }
  return inClipNorms(stage, wordsOf(stage, total, layer, draw));
}

/** The same as it is on the wire. [dimension] */
function wordsOf(stage: Stage, total: Float64Array, layer: Exclude<Layer, "bare">, draw: string): Uint32Array {
  const { parameters, plan } = stage;
  if (layer === "masks alone") {
    const units = ditherAndShift(total, parameters.grid.fractionBits, streamOf(stage, draw, "rounding"));
    return maskVector(toModular(units), freshMasks(stage, draw), stage.crypto);
  }
  const words = noisyVector(total.slice(), parameters, streams(stage, `${draw} node 0`));
  if (layer === "one node's noise") return words;
  for (let node = 1; node < plan.minCohort - plan.maxCorrupt; node++)
    addNoisyVector(words, new Float64Array(words.length), parameters, streams(stage, `${draw} node ${node}`));
  return words;
}

function streams(stage: Stage, draw: string): { readonly rounding: RandomSource; readonly noise: RandomSource } {
  return { rounding: streamOf(stage, draw, "rounding"), noise: streamOf(stage, draw, "noise") };
}

/** A node's own mask and one with each other merchant, as the state machines derive them: a key of 32 uniform bytes each. */
function freshMasks(stage: Stage, draw: string): Mask[] {
  const source = streamOf(stage, draw, "masks");
  return stage.logs.map((_, place) => {
    const key = new Uint8Array(32);
    source.fill(key);
    return { key: toHex(key), sign: place % 2 === 0 ? 1 : -1 };
  });
}

export const streamOf = ({ crypto, plan }: Stage, draw: string, purpose: string): RandomSource =>
  randomSourceFromSeed(crypto, fromHex(plan.graphHash), "attack", draw, 1, purpose);
