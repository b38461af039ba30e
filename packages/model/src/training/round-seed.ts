/** What keys the randomness of examples: which events are masked, where a history is cut, what dropout drops. */
import type { RandomSource } from "@tributary/dp";

/** 32 bits from a source that is common to the round; taken after its negatives were drawn. */
export function roundSeed(random: RandomSource): number {
  const bytes = new Uint8Array(4);
  random.fill(bytes);
  return new DataView(bytes.buffer).getUint32(0, true);
}
