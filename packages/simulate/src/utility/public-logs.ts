/** The public logs that `bench utility` measures on, as they are split and ranked there. */
import { join } from "node:path";
import {
  catalogueFromLog,
  type HeldOut,
  type Histories,
  importLog,
  leaveLastOut,
  makeCatalogue,
  readSequenceFile,
  seededRandom,
  shuffle,
  sliceHistories,
  withAttributes,
} from "@tributary/events";
import { type PublicItem, type Repeats, stepsOf } from "@tributary/model";

export const utilityDatasets = ["beauty", "retailrocket"] as const;
export type UtilityDataset = (typeof utilityDatasets)[number];

export interface PublicLog {
  readonly dataset: UtilityDataset;
  readonly catalogue: readonly PublicItem[];
  readonly histories: Histories;
  /** What is released is learnt from `validation.train`: everybody's events but the last two. */
  readonly validation: HeldOut;
  /** The history that is shown holds the validation item. */
  readonly test: HeldOut;
  /** Whether a customer's own items may be the answer: never on Beauty, where nobody has an item twice. */
  readonly repeats: Repeats;
}

/**
 * @param folder that holds `beauty/` and `retailrocket/`
 * @param seed of the permutation of item numbers, where they follow the first customer of the file
 * @throws what reading the files throws
 */
export async function readPublicLog(dataset: UtilityDataset, folder: string, seed: number): Promise<PublicLog> {
  return dataset === "beauty" ? readBeauty(folder) : readRetailRocket(folder, seed);
}

async function readBeauty(folder: string): Promise<PublicLog> {
  const path = join(folder, "beauty/Beauty.txt");
  const { histories, items } = await readSequenceFile(path);
  const listed = makeCatalogue(
    Array.from({ length: items }, (_, i) => ({ id: String(i + 1) })),
    path,
  );
  const catalogue = await withAttributes(listed, join(folder, "beauty/Beauty_item2attributes.json"));
  return { dataset: "beauty", catalogue: catalogue.items, histories, ...heldOut(histories), repeats: "mask" };
}

/** Events in a row on the same item are one step; customers with fewer than three steps are left out. */
async function readRetailRocket(folder: string, seed: number): Promise<PublicLog> {
  const path = join(folder, "retailrocket/events.csv");
  const columns = { customer: "user", item: "item", action: "action", time: "ts" };
  const listed = await catalogueFromLog(path, { columns });
  const { histories: all } = await importLog({ path, catalogue: listed, columns });
  const order = shuffle(
    Uint32Array.from(listed.items, (_, i) => i + 1),
    seededRandom(seed, "item numbers"),
  );
  const collapsed = collapsedSteps(all, order);
  const enough = [...collapsed.customers.keys()].filter(
    (c) => (collapsed.offsets[c + 1] as number) - (collapsed.offsets[c] as number) >= 3,
  );
  const histories = sliceHistories(collapsed, enough);
  return {
    dataset: "retailrocket",
    catalogue: listed.items.map(() => ({})),
    histories,
    ...heldOut(histories),
    repeats: "keep",
  };
}

function heldOut(histories: Histories): { readonly validation: HeldOut; readonly test: HeldOut } {
  const test = leaveLastOut(histories);
  return { test, validation: leaveLastOut(test.train) };
}

function collapsedSteps({ customers, offsets, items }: Histories, order: Uint32Array): Histories {
  const steps = customers.map((_, c) => stepsOf(items.subarray(offsets[c], offsets[c + 1])));
  const ends = new Uint32Array(customers.length + 1);
  steps.forEach((own, c) => {
    ends[c + 1] = (ends[c] as number) + own.length;
  });
  const flat = Int32Array.from(steps.flat(), (item) => order[item - 1] as number);
  return {
    customers,
    offsets: ends,
    items: flat,
    actions: new Uint8Array(flat.length),
    times: Float64Array.from(flat, (_, event) => event),
  };
}
