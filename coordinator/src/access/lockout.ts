/**
 * How wrong passwords hold up the next one. The first few cost nothing; from then on each doubles the wait:
 *
 *   wait(f) = 0 for f < 5, else min(15 minutes, 1 s · 2^(f − 5))          f failures in a row
 *
 * so that a guesser has about a hundred tries a day at one name. Counted before the password is looked at: guesses that come together all count.
 */
import { createHash } from "node:crypto";

const free = 5;
const firstWait = 1_000;
const longestWait = 15 * 60_000;
/** After so long without another they are forgotten, in milliseconds. */
export const forgottenAfter = 24 * 3_600_000;

/** In milliseconds after the last of so many failures. */
export function waitAfter(failures: number): number {
  return failures < free ? 0 : Math.min(longestWait, firstWait * 2 ** (failures - free));
}

/** Places that all names that are nobody's share, so that strangers can't fill the table. */
const places = 4096;

/**
 * Under what the failures of a name are counted. Names that are nobody's are counted too, and wait as long: an answer doesn't tell which names there are.
 * (Two of them in one place hold each other up; nobody misses them.)
 */
export function countedUnder(name: string, known: boolean): string {
  if (known) return name;
  const place = createHash("sha256").update(name).digest().readUInt32BE(0) % places;
  return `?${place}`; // no operator's name begins so
}
