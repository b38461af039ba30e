/** Randomness that a measurement can repeat: it protects nobody. */

import { chachaSource, type RandomSource } from "@tributary/dp";
import { seededRandom } from "@tributary/events";
import { bytesOf } from "@tributary/model";

export function randomSourceOf(seed: number, ...purpose: readonly string[]): RandomSource {
  return chachaSource(bytesOf(seededRandom(seed, "market-million", ...purpose)));
}
