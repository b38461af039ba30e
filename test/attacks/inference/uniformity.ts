/**
 * Whether words tell anything of what is below their masks. Under masks they are uniform on 0 … 2³² − 1 and independent of the vector, so that each of these
 * tests alarms falsely with the chance that it states; all together with less than 1e-9.
 *
 *   nibbles     Pearson's χ² of each of the eight nibbles over its sixteen values        8 · 1e-10 (Laurent and Massart's bound of χ²'s tail)
 *   bits        how often each bit agrees with the vector's own bit below the mask       32 · 2 exp(−2t²/n) = 1e-10 (Hoeffding's bound, exact)
 */
import { chiSquareLimit } from "../../../dp/src/sampling/seeded-source.ts";

export interface Uniformity {
  /** The largest χ² of a nibble, and what it may be. */
  readonly chiSquare: number;
  readonly chiSquareLimit: number;
  /** The largest distance of a share of agreeing bits from a half, and what it may be. */
  readonly agreement: number;
  readonly agreementLimit: number;
  readonly uniform: boolean;
}

const bits = 32;
const falseAlarms = 1e-10;

/** @param words [n] as they are sent; `below` [n] the same without masks */
export function uniformity(words: Uint32Array, below: Uint32Array): Uniformity {
  const chiSquare = Math.max(...Array.from({ length: bits / 4 }, (_, nibble) => chiSquareOf(words, 4 * nibble)));
  const agreement = Math.max(...Array.from({ length: bits }, (_, bit) => agreementOf(words, below, bit)));
  const limits = {
    chiSquareLimit: chiSquareLimit(15),
    agreementLimit: Math.sqrt(Math.log((2 * bits) / falseAlarms) / (2 * words.length)),
  };
  return { chiSquare, agreement, ...limits, uniform: chiSquare < limits.chiSquareLimit && agreement < limits.agreementLimit };
}

function chiSquareOf(words: Uint32Array, shift: number): number {
  const counts = new Float64Array(16);
  for (const word of words) counts[(word >>> shift) & 15] = (counts[(word >>> shift) & 15] ?? 0) + 1;
  const expected = words.length / 16;
  return counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
}

function agreementOf(words: Uint32Array, below: Uint32Array, bit: number): number {
  let agreeing = 0;
  for (let i = 0; i < words.length; i++) agreeing += 1 - ((((words[i] ?? 0) ^ (below[i] ?? 0)) >>> bit) & 1);
  return Math.abs(agreeing / words.length - 0.5);
}
