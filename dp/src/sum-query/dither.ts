/**
 * Step 3 of a sum query: from the fine grid to integer units, y = (V + U) >> f with U uniform on 0, …, 2^f − 1, drawn without looking at V.
 *
 * Given U, each coordinate of y is a staircase of V with steps of 2^f: it moves by less than |change of V|/2^f + 1, which is where the √touched of Δ comes
 * from. Averaged over U it is V/2^f exactly, so rounding adds no bias. The coordinator's half is `dequantise` of `grid.ts`.
 */
import { fail } from "@tributary/errors";
import { type RandomSource, wordReader } from "../sampling/random-source.ts";

/**
 * Rounds a sum on the grid to whole units with random dither.
 * @param total [dimension] grid units, |V| ≤ 2⁵³ − 2^21; not changed
 * @param random for U: the stream `rounding`
 * @returns [dimension] integer units
 */
export function ditherAndShift(total: Float64Array, fractionBits: number, random: RandomSource): Float64Array {
  checkFractionBits(fractionBits);
  // Sum and quotient are exact: integers below 2⁵³, and a power of two.
  const perUnit = 2 ** -fractionBits;
  const words = wordReader(random);
  return total.map((value) => Math.floor((value + words.bits(fractionBits)) * perUnit));
}

/** @throws TRB_DP_PARAMETER_INVALID */
export function checkFractionBits(fractionBits: number): void {
  if (!(Number.isInteger(fractionBits) && fractionBits >= 0 && fractionBits <= 20)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "fractionBits", value: fractionBits, expected: "from 0 to 20" });
  }
}
