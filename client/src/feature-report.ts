/**
 * Features of a merchant's customers beside those of the federation, where it has released any: how often, how long ago, how much at once. The merchant's own
 * figures are exact and for itself alone; the federation's are what the ledger says.
 */
import {
  customerFeatureNames,
  customerFeatures,
  type FeatureMoments,
  featureMomentsOf,
  featureScales,
  type ReleasedFeatureMoments,
} from "@tributary/events";
import { featuresOf, parseLine, type ReleasedFeatures } from "@tributary/ledger";
import type { Plan } from "@tributary/protocol";
import { readHomeCatalogue } from "./home/catalogue.ts";
import { readHistories } from "./home/histories.ts";
import type { Layout } from "./home/layout.ts";
import { openLedgerCopy } from "./home/ledger-copy.ts";
import { withHome } from "./home/open.ts";

/** What was released of features last, by the node's own verified ledger copy. @throws TRB_NODE_HOME_UNREADABLE */
function releasedFeatures(layout: Layout, plan: Plan): ReleasedFeatures | undefined {
  if (plan.features === undefined) return undefined;
  let latest: ReleasedFeatures | undefined;
  for (const line of openLedgerCopy(layout).lines()) {
    const entry = parseLine(line);
    if (entry.kind === "round") latest = featuresOf(plan, entry) ?? latest;
  }
  return latest;
}

/** What features are standardised by; undefined where nothing was released: then public constants are. */
export function releasedMoments(layout: Layout, plan: Plan): readonly ReleasedFeatureMoments[] | undefined {
  const released = releasedFeatures(layout, plan);
  return released && featureMomentsOf(released.sum, released.deviation);
}

/** In the feature's own unit. */
export interface FeatureSummary {
  readonly customers: number;
  /** Of counts and durations e^{mean ln(1 + x)} − 1, of others the mean. */
  readonly mean: number;
  /** One deviation to either side of it. */
  readonly from: number;
  readonly to: number;
}

export interface FeatureReport {
  /** Unix seconds: the moment at which features are asked, that of the release or else of the store's last event. */
  readonly now: number;
  /** The round that released the federation's; null where none did. */
  readonly round: number | null;
  readonly features: readonly {
    readonly name: string;
    /** Null where no customer's events say anything of it. */
    readonly own: FeatureSummary | null;
    /** Null where nothing was released, or the noise drowns it. */
    readonly federation: FeatureSummary | null;
  }[];
}

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_NO_HISTORIES, TRB_NODE_STORE_UNREADABLE */
export function storedFeatures({ home }: { readonly home: string }): Promise<FeatureReport> {
  return withHome(home, ({ layout, plan }) => {
    const histories = readHistories(layout);
    const released = releasedFeatures(layout, plan);
    const now = released?.now ?? histories.times.reduce((latest, time) => Math.max(latest, time), 0);
    const { values } = customerFeatures(histories, readHomeCatalogue(layout), now);
    const federation = released && featureMomentsOf(released.sum, released.deviation);
    const width = customerFeatureNames.length;
    return {
      now,
      round: released?.round ?? null,
      features: customerFeatureNames.map((name, feature) => {
        const said = values.filter((value, place) => place % width === feature && !Number.isNaN(value));
        const released = federation?.[feature];
        return {
          name,
          own: said.length === 0 ? null : inUnits(feature, momentsOf(said, feature), said.length),
          federation: released?.released ? inUnits(feature, released, released.customers) : null,
        };
      }),
    };
  });
}

function momentsOf(said: Float64Array, feature: number): FeatureMoments {
  const own = featureScales[feature]?.transform === "logarithm" ? said.map(Math.log1p) : said;
  const mean = own.reduce((sum, value) => sum + value, 0) / own.length;
  return { mean, deviation: Math.sqrt(own.reduce((sum, value) => sum + (value - mean) ** 2, 0) / own.length) };
}

function inUnits(feature: number, { mean, deviation }: FeatureMoments, customers: number): FeatureSummary {
  const unit = featureScales[feature]?.transform === "logarithm" ? Math.expm1 : (value: number) => value;
  return { customers, mean: unit(mean), from: unit(mean - deviation), to: unit(mean + deviation) };
}
