/** Randomness that a measurement can repeat: it protects nobody. */
import { chachaSource, type RandomSource } from "@tributary/dp";
import { seededRandom } from "@tributary/events";

export function randomSourceOf(seed: number, ...purpose: readonly string[]): RandomSource {
  const random = seededRandom(seed, "market-million", ...purpose);
  return chachaSource({
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = random.below(256);
    },
  });
}
