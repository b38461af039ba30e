/**
 * From noise to expected utility: what simulations found on the made-up market that is nearest, read off between the amounts of noise that were
 * simulated. Nothing is read off beyond them: with less noise the best measured value counts, with more the worst, or the floor where that is lower.
 */
import type { Evidence, MarketEvidence, MixtureSettings, TrainingSettings } from "./evidence.ts";

/** The measured market whose catalogue, and whose customers for each item, differ by the smallest factors. */
export function nearestMarket(
  { markets }: Pick<Evidence, "markets">,
  { items, customers }: { readonly items: number; readonly customers: number },
): MarketEvidence | undefined {
  const distance = (market: MarketEvidence) =>
    Math.abs(Math.log(market.items / items)) + Math.abs(Math.log(market.customers / market.items / (customers / items)));
  const [first, ...others] = markets;
  return others.reduce((best, each) => (best && distance(best) <= distance(each) ? best : each), first);
}

/** @param noise standard deviation of the noise of all statistics as one release, over the number of customers */
export function expectedOfStatistics({ statistics, floor }: MarketEvidence, noise: number): number {
  return between(statistics, noise, floor);
}

/**
 * Undefined where nothing like it was simulated.
 * @param noise length of the noise in the mean update of a round, in clip norms
 */
export function expectedOfTraining(
  { training, floor }: MarketEvidence,
  { rounds, width, clipNorm }: TrainingSettings,
  noise: number,
): number | undefined {
  const alike = training.filter((one) => one.rounds === rounds && one.width === width && one.clipNorm === clipNorm);
  return alike.length === 0 ? undefined : between(alike, noise, floor);
}

/**
 * Of statistics with training on top: what the statistics bring at their noise, and what training added to the same tables at its own. With more noise than
 * was simulated it adds nothing. Undefined where nothing like it was simulated.
 * @param noise of statistics over the number of customers, and of training in clip norms
 */
export function expectedOfMixture(
  market: MarketEvidence,
  settings: MixtureSettings,
  noise: { readonly statistics: number; readonly training: number },
): number | undefined {
  const gains = market.mixtures
    .filter((one) => sameMixture(one, settings))
    .map((one) => ({ noise: one.noise, ndcg10: one.ndcg10 - one.tables }));
  return gains.length === 0 ? undefined : expectedOfStatistics(market, noise.statistics) + between(gains, noise.training, 0);
}

/** Every way of training on top of statistics that was simulated on this market. */
export function mixtureSettings({ mixtures }: MarketEvidence): readonly MixtureSettings[] {
  return mixtures
    .filter((one, place) => mixtures.findIndex((other) => sameMixture(one, other)) === place)
    .map(({ rounds, width, clipNorm, trained }) => ({ rounds, width, clipNorm, trained }));
}

const sameMixture = (a: MixtureSettings, b: MixtureSettings): boolean =>
  a.rounds === b.rounds && a.width === b.width && a.clipNorm === b.clipNorm && a.trained.join() === b.trained.join();

/** Every way of training that was simulated on this market. */
export function trainingSettings({ training }: MarketEvidence): readonly TrainingSettings[] {
  const known = new Map<string, TrainingSettings>();
  for (const { rounds, width, clipNorm } of training) {
    known.set([rounds, width, clipNorm].join(" "), { rounds, width, clipNorm });
  }
  return [...known.values()];
}

interface Point {
  readonly noise: number;
  readonly ndcg10: number;
}

/** Straight lines over ln noise. */
function between(points: readonly Point[], noise: number, floor: number): number {
  const sorted = [...points].sort((a, b) => a.noise - b.noise);
  const above = sorted.findIndex((point) => point.noise >= noise);
  const [after, before] = [sorted[above], sorted[above - 1]];
  if (after === undefined) return Math.min(floor, sorted.at(-1)?.ndcg10 ?? floor);
  if (before === undefined) return after.ndcg10;
  const part = Math.log(noise / before.noise) / Math.log(after.noise / before.noise);
  return before.ndcg10 + part * (after.ndcg10 - before.ndcg10);
}
