/** Which mutants are tested, and what their share of killed ones says of all. */
import { createHash } from "node:crypto";
import type { Mutant } from "./mutants.ts";

/**
 * A random sample, as many of each file as is its share (largest remainders): the order of a file's mutants is that of SHA-256(seed, file, text, change),
 * so the same seed takes the same ones, and what changes in one file leaves the others' sample alone.
 */
export function stratifiedSample(mutants: readonly Mutant[], size: number, seed: string): readonly Mutant[] {
  if (size >= mutants.length) return mutants;
  const strata = [...Map.groupBy(mutants, ({ file }) => file).values()].map((ofFile) => {
    const exact = (size * ofFile.length) / mutants.length;
    return { ofFile, quota: Math.floor(exact), remainder: exact - Math.floor(exact) };
  });
  let missing = size - strata.reduce((sum, { quota }) => sum + quota, 0);
  const taken = [...strata]
    .sort((a, b) => b.remainder - a.remainder)
    .map(({ ofFile, quota }) => ({ ofFile, quota: missing-- > 0 ? quota + 1 : quota }));
  const chosen = taken.flatMap(({ ofFile, quota }) => inRandomOrder(ofFile, seed).slice(0, quota));
  return chosen.sort((a, b) => a.id - b.id);
}

/** Random, and the same for the same seed. */
export function inRandomOrder(mutants: readonly Mutant[], seed: string): readonly Mutant[] {
  const seen = new Map<string, number>();
  const placed = mutants.map((mutant) => {
    const key = [mutant.file, mutant.lineText, mutant.mutator, mutant.original, mutant.replacement].join("\0");
    const earlier = seen.get(key) ?? 0; // a line may be there twice
    seen.set(key, earlier + 1);
    return { mutant, place: createHash("sha256").update(`${seed}\0${earlier}\0${key}`).digest("hex") };
  });
  return placed.sort((a, b) => (a.place < b.place ? -1 : 1)).map(({ mutant }) => mutant);
}

/** Wilson's interval for a share of which `hits` in `trials` were seen, at z standard deviations (1.96: 95 %). Source: Wilson (1927). */
export function wilsonInterval(hits: number, trials: number, z = 1.959964): readonly [number, number] {
  if (trials === 0) return [0, 1];
  const share = hits / trials;
  const shrink = 1 + z ** 2 / trials;
  const middle = (share + z ** 2 / (2 * trials)) / shrink;
  const half = (z / shrink) * Math.sqrt((share * (1 - share)) / trials + z ** 2 / (4 * trials ** 2));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}
