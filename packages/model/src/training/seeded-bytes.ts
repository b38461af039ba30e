/** A seeded generator, which is no secret, where bytes are asked for: negatives and the keys of examples in training that is not private. */
import type { RandomSource } from "@tributary/dp";
import type { SeededRandom } from "@tributary/events/histories";

export function bytesOf(random: SeededRandom): RandomSource {
  return {
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = random.below(256);
    },
  };
}
