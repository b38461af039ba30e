/**
 * Who gains from joining: the customers of a log are dealt out to merchants; each ranks for its own customers, once with what it has alone and
 * once with what the federation released beside it. Both are tuned by the same in-house steps on the merchant's own validation (`tuneInHouse`): a
 * baseline that is not tuned would make joining look better than it is.
 */
import { type HeldOut, seededRandom, shuffle, sliceHistories } from "@tributary/events";
import {
  type InHouseOptions,
  itemSimilarity,
  joinRanks,
  type Ranks,
  type ResultBlock,
  rankCustomers,
  resultBlock,
  type ServedStatistics,
  type StatisticsRecipe,
  tuneInHouse,
} from "@tributary/model";
import type { PublicLog } from "./public-logs.ts";

export interface SplitOptions {
  readonly merchants: number;
  /** Of who is dealt to whom. */
  readonly seed: number;
  readonly recipe: StatisticsRecipe;
  /** Undefined: every merchant is alone. */
  readonly served?: ServedStatistics;
  /** Distinct customers that an exact own pair needs to be served. */
  readonly minSupport: number;
}

/** Everybody's last item, ranked by their own merchant. */
export async function measureSplit(log: PublicLog, options: SplitOptions): Promise<ResultBlock> {
  const { merchants, seed, recipe, served, minSupport } = options;
  const similarity = itemSimilarity(log.catalogue);
  const customers = log.histories.customers.length;
  const order = shuffle(
    Uint32Array.from({ length: customers }, (_, c) => c),
    seededRandom(seed, "merchants"),
  );
  const inHouse: InHouseOptions = {
    ...{ similarity, recipe, minSupport, repeats: log.repeats },
    ...(served === undefined ? {} : { served }),
  };
  const parts: Ranks[] = [];
  for (let merchant = 0; merchant < merchants; merchant++) {
    const own = order.filter((_, place) => place % merchants === merchant).sort();
    const { score } = tuneInHouse(sliceHistories(log.validation.train, own), inHouse);
    const ranked = await rankCustomers(score, partOf(log.test, own), { items: similarity.items, repeats: log.repeats });
    parts.push(ranked);
  }
  return resultBlock(joinRanks(parts));
}

function partOf({ train, targets }: HeldOut, customers: Uint32Array): HeldOut {
  return { train: sliceHistories(train, customers), targets: Int32Array.from(customers, (c) => targets[c] as number) };
}
