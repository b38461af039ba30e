/** Everything that the recipe releases about a population, as tables that a stage can keep. */
import type { Histories } from "@tributary/events";
import { finishStatistics, itemSimilarity, type PublicItem, type ServedStatistics } from "@tributary/model";
import { customersOf, type Population } from "../../scale/population.ts";
import { type ReleaseNoise, releaseStatistics } from "../release-statistics.ts";
import type { MillionSettings } from "./settings.ts";
import { randomSourceOf } from "./sources.ts";

export interface TablesRequest {
  readonly settings: Pick<MillionSettings, "recipe" | "nodes" | "seed">;
  readonly population: Population;
  /** The catalogue's. */
  readonly items: readonly PublicItem[];
  /** Names the noise's stream. */
  readonly name: string;
  /** z of all of it, as if it were one release. */
  readonly noiseMultiplier: number;
}

/** Numbers that survive JSON. */
export interface ReleasedTables {
  readonly releases: readonly ReleaseNoise[];
  readonly popularity: readonly number[];
  readonly offsets: readonly number[];
  readonly places: readonly number[];
  readonly values: readonly number[];
}

/** Shares of the noise are drawn as one of the summed variance (`release-statistics.ts`); nobody is missing or counted as corrupt. */
export function releasedTables({ settings, population, items, name, noiseMultiplier }: TablesRequest): ReleasedTables {
  const { recipe, nodes, seed } = settings;
  const similarity = itemSimilarity(items);
  const histories: Histories = { ...population, customers: new Array<string>(customersOf(population)).fill("") };
  const { released, releases } = releaseStatistics(histories, similarity, recipe, {
    ...{ cohort: { nodes, minCohort: nodes, maxCorrupt: 0 }, noiseMultiplier },
    random: { rounding: randomSourceOf(seed, name, "rounding"), noise: randomSourceOf(seed, name, "noise") },
  });
  const { popularity, pairs } = finishStatistics(recipe, similarity, released);
  const lists = { offsets: Array.from(pairs.offsets), places: Array.from(pairs.places), values: Array.from(pairs.values) };
  return { releases, popularity: Array.from(popularity), ...lists };
}

export function servedTables({ popularity, offsets, places, values }: ReleasedTables): ServedStatistics {
  return {
    popularity: Float32Array.from(popularity),
    pairs: { offsets: Uint32Array.from(offsets), places: Uint32Array.from(places), values: Float32Array.from(values) },
  };
}
