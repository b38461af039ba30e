/**
 * What a released sum of features says: of each, how many customers have it, and the sums of t and of 2t² − 1 over them, t being the feature on its
 * public scale from −1 to 1. Means and deviations follow from these three by arithmetic that is public (`featureMomentsOf` of `@tributary/events`).
 */
import { featureNames, type Plan, parseDecimal, releaseOf } from "@tributary/protocol";
import type { EntryOf } from "./entries.ts";
import { sumDeviation } from "./metrics.ts";

export interface ReleasedFeatures {
  readonly round: number;
  /** Place in `plan.releases`. */
  readonly release: number;
  /** Unix seconds: the moment at which features were asked. */
  readonly now: number;
  /** Standard deviation of the noise in each sum, in customers. */
  readonly deviation: number;
  /** Customers with an event; noisy, as all that follows. */
  readonly customers: number;
  readonly features: readonly {
    readonly name: string;
    readonly customers: number;
    /** Σ t */
    readonly first: number;
    /** Σ (2t² − 1) */
    readonly second: number;
  }[];
  /** The same numbers in the order of the vector. [coordinates] */
  readonly sum: readonly number[];
}

/** What a round's entry says of features; undefined for an entry of another kind. */
export function featuresOf(
  plan: Plan,
  entry: Pick<EntryOf<"round">, "round" | "release" | "sum" | "survivors">,
): ReleasedFeatures | undefined {
  const { round, release, survivors } = entry;
  if (plan.features === undefined || entry.sum === undefined || plan.releases[release]?.kind !== "features") return undefined;
  const scale = parseDecimal(releaseOf(plan, release).scale);
  const sum = entry.sum.map((units) => units / scale);
  const at = (place: number) => sum[place] ?? 0;
  return {
    ...{ round, release, now: plan.features.now, deviation: sumDeviation(plan, release, survivors.length), customers: at(0) },
    features: featureNames.map((name, feature) => ({
      ...{ name, customers: at(1 + 3 * feature) },
      ...{ first: at(2 + 3 * feature), second: at(3 + 3 * feature) },
    })),
    sum,
  };
}
