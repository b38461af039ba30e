/**
 * Step 5 of a sum query: signed integers ⇄ numbers modulo 2³², which is what masks add to.
 *
 * Reduction modulo 2³² is a function of the noisy value alone, so it can't cost privacy. A sum that left ±2³¹ comes back wrong by a
 * multiple of 2³²: that costs accuracy, with the probability that `chooseScale` states.
 */

// ── node ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Integers as residues modulo 2³². @param units [dimension] integers, |x| ≤ 2⁵³ */
export function toModular(units: Float64Array | Int32Array): Uint32Array {
  const out = new Uint32Array(units.length);
  for (let i = 0; i < out.length; i++) out[i] = (units[i] as number) >>> 0; // ToUint32 is the residue, also of large and negative ones
  return out;
}

// ── coordinator ──────────────────────────────────────────────────────────────────────────────────────────────────

/** The representatives from −2³¹ to 2³¹ − 1. The result is a view of the same memory. */
export function fromModular(sum: Uint32Array): Int32Array {
  return new Int32Array(sum.buffer, sum.byteOffset, sum.length);
}
