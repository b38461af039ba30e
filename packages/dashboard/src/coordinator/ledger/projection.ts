/** How a plan's rounds go on from where they are: releases in the plan's order, each to its last round. */

/**
 * @param charged rounds charged so far for each release
 * @returns what is charged now, after some further rounds, and at the end; at most `most` of them, evenly apart, the first and the last among them
 */
export function nextCharged(
  releases: readonly { readonly rounds: number }[],
  charged: readonly number[],
  most: number,
): number[][] {
  const now = releases.map((_, place) => charged[place] ?? 0);
  const left = releases.map(({ rounds }, place) => Math.max(0, rounds - (now[place] ?? 0)));
  const total = left.reduce((sum, rounds) => sum + rounds, 0);
  const points = Math.min(Math.max(2, most), total + 1);
  const further = Array.from({ length: points }, (_, at) => (points === 1 ? 0 : Math.round((at * total) / (points - 1))));
  return further.map((rounds) => {
    let open = rounds;
    return now.map((done, place) => {
      const taken = Math.min(open, left[place] ?? 0);
      open -= taken;
      return done + taken;
    });
  });
}
