/**
 * Step 3 of a sum query: from the fine grid to integer units, y = (V + U) >> f with U uniform on 0, …, 2^f − 1, drawn without looking at V.
 *
 * Given U, each coordinate of y is a staircase of V with steps of 2^f: it moves by less than |change of V|/2^f + 1, which is where the √touched of Δ comes
 * from. Averaged over U it is V/2^f exactly, so rounding adds no bias. The coordinator's half is `dequantise` of `grid.ts`.
 */
import { fail } from "@tributary/errors";
import { type RandomSource, type WordReader, wordReader } from "../sampling/random-source.ts";

/**
 * Rounds a sum on the grid to whole units with random dither.
 * @param total [dimension] grid units, |V| ≤ 2⁵³ − 2^21; not changed
 * @param random for U: the stream `rounding`
 * @returns [dimension] integer units
 */
export function ditherAndShift(total: Float64Array, fractionBits: number, random: RandomSource): Float64Array {
  const out = new Float64Array(total.length);
  ditherInto(out, total, fractionBits, wordReader(random));
  return out;
}

/** The same into an array of the caller's, for whoever rounds a sum piece by piece with one reader. @param out [dimension] */
export function ditherInto(out: Float64Array, total: Float64Array, fractionBits: number, words: WordReader): void {
  if (!(Number.isInteger(fractionBits) && fractionBits >= 0 && fractionBits <= 20)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "fractionBits", value: fractionBits, expected: "from 0 to 20" });
  }
  // Sum and quotient are exact: integers below 2⁵³, and a power of two.
  const perUnit = 2 ** -fractionBits;
  const { fetched } = words;
  for (let i = 0; i < out.length; ) {
    const { words: ahead, next } = fetched;
    const count = fractionBits === 0 ? 0 : Math.min(out.length - i, ahead.length - next);
    for (let j = 0; j < count; j++) {
      const dither = (ahead[next + j] as number) >>> (32 - fractionBits); // what `words.bits` gives, without a call each
      out[i + j] = Math.floor(((total[i + j] as number) + dither) * perUnit);
    }
    ahead.fill(0, next, next + count);
    fetched.next += count;
    i += count;
    if (i < out.length) out[i] = Math.floor(((total[i] as number) + words.bits(fractionBits)) * perUnit);
    i++;
  }
}
