/**
 * How likely a magnitude of the core is to be accepted, in a double whose error is known, and the two thresholds that follow for every cell:
 * a sixteenth of a block, over which nineteen darts in twenty and nearly all the others are decided by one comparison of integers.
 *
 * **The bound.** x = ratio[j]·p(t), b the first magnitude of m's block, t = γ(m) − γ(b) = (m − b)(m + b)/2σ² or (m − b)/b.
 * Only + − × of IEEE doubles are used, which ECMAScript defines to the bit (its Math.exp it does not). With ε = 2^−53: ratio[j] is within
 * 16ε of r(b); m ± b are exact (below 2⁴⁶); t is within 8ε relatively, and t ≤ 0.5, so e^−t moves by at most 4ε; the Taylor polynomial of
 * degree 13 leaves out less than 0.5¹⁴/14! < 8ε, and Horner's rule rounds by less than 60ε; the last products add 4ε. Together below
 * 2⁷ε·e^0.5 < 2^−45.
 */

/** Wide by a factor of 32 over the proof above. */
export const provenMargin = 2 ** -39;

/** What the double is computed from (`envelope.ts`). */
interface Acceptance {
  readonly shape: "gaussian" | "laplace";
  readonly blockBits: number;
  readonly ratio: Float64Array;
  readonly inverse: number;
}

/** Thresholds of 32-bit words u, of which U ∈ [u, u+1)/2³²; the cells of a block stand together. */
export interface Cells {
  /** Cells of a block are 2 to this. */
  readonly bits: number;
  /** `[coreBlocks · 2^bits]`: u below it accepts, whatever magnitude of the cell was proposed. */
  readonly surely: Uint32Array;
  /** The same length: u above it rejects. */
  readonly mostly: Uint32Array;
}

/** x with |x − 2³²·r(m)| ≤ 2^−40·2³²·r(m), for a magnitude of a block that `ratio` knows. */
export function acceptance({ shape, blockBits, ratio, inverse }: Acceptance, magnitude: number): number {
  const block = Math.floor(magnitude / 2 ** blockBits);
  const start = block * 2 ** blockBits;
  const t = (magnitude - start) * (shape === "gaussian" ? magnitude + start : 1) * inverse;
  return (ratio[block] as number) * exponentialOfMinus(t) * 2 ** 32;
}

/** Cells of blocks that `ratio` doesn't know decide nothing. */
export function cellsOf(of: Acceptance, coreBlocks: number): Cells {
  const bits = Math.min(4, of.blockBits);
  const size = 2 ** (of.blockBits - bits);
  const cells = coreBlocks * 2 ** bits;
  const [surely, mostly] = [new Uint32Array(cells), new Uint32Array(cells).fill(0xffffffff)];
  for (let cell = 0; cell < Math.min(coreBlocks, of.ratio.length) * 2 ** bits; cell++) {
    // r falls from the cell's first magnitude to its last
    surely[cell] = Math.min(0xffffffff, Math.floor(acceptance(of, (cell + 1) * size - 1) * (1 - provenMargin)));
    mostly[cell] = Math.min(0xffffffff, Math.floor(acceptance(of, cell * size) * (1 + provenMargin)));
  }
  return { bits, surely, mostly };
}

/** e^−t for 0 ≤ t ≤ 0.5 by Horner's rule on the Taylor polynomial of degree 13: 1 − t(1 − t/2(1 − t/3(…))). */
function exponentialOfMinus(t: number): number {
  if (t === 0) return 1;
  let sum = 1;
  for (let k = 13; k > 0; k--) sum = 1 - (t / k) * sum;
  return sum;
}
