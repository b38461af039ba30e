/**
 * Who is whose customer: how a log is dealt out to nodes that are not alike.
 *
 * - sizes: the r-th largest node has customers in proportion to r^−sizeZipf, and at least one;
 * - skew: a node's customers are like each other in category, or in item. Each node's mixture of classes is Dirichlet(α · what is left),
 *   drawn by a Pólya urn (Blackwell and MacQueen 1973): the k-th customer of a node is anybody with chance α/(α + k − 1), else one of the
 *   class of an earlier one. That is the Dirichlet–multinomial exactly, for any number of classes, as long as the class has customers left.
 *   α → ∞: all nodes alike; α → 0: one class a node (Hsu, Qi, Brown 2019, arXiv 1909.06335, deal classes out likewise);
 * - disjoint catalogues: every item belongs to one node, and a customer's events go to the nodes of their items.
 */
import { fail } from "@tributary/errors";
import { type SeededRandom, seededRandom, shuffle } from "@tributary/events";
import { zipf } from "../market/distributions.ts";
import { type Columns, type Population, populationOf } from "./population.ts";

export interface SplitSettings {
  readonly nodes: number;
  readonly seed: number;
  /** 0: all of one size. */
  readonly sizeZipf: number;
  readonly skew?: { readonly by: "category" | "item"; readonly concentration: number } | undefined;
  readonly disjointCatalogues: boolean;
}

/** A log, and what is publicly known of its items. */
export interface Log {
  readonly columns: Columns;
  /** How many items there are, numbered from 1. */
  readonly items: number;
  /** `[items + 1]`: a number for the category of each item; only a skew by category asks for it. */
  readonly categoryOf: ArrayLike<number>;
}

/** @throws TRB_SIMULATE_SCALE_OPTION, TRB_SIMULATE_EMPTY_NODES */
export function splitLog(log: Log, settings: SplitSettings): Population {
  checkSettings(log, settings);
  if (settings.disjointCatalogues) return byOwner(log, settings);
  const customers = log.columns.offsets.length - 1;
  const sizes = nodeSizes(customers, settings);
  return populationOf(log.columns, settings.skew ? skewed(log, sizes, settings) : dealt(sizes, settings), settings.nodes);
}

function checkSettings({ columns, items }: Log, { nodes, sizeZipf, skew, disjointCatalogues }: SplitSettings): void {
  const refuse = (option: string, value: number | string, reason: string) => {
    throw fail("TRB_SIMULATE_SCALE_OPTION", { option, value, reason });
  };
  if (!(Number.isSafeInteger(nodes) && nodes >= 1)) refuse("nodes", nodes, "a whole number from 1 on is needed");
  if (!(sizeZipf >= 0 && sizeZipf <= 5)) refuse("size zipf", sizeZipf, "it must be from 0 to 5");
  if (skew && !(skew.concentration > 0 && Number.isFinite(skew.concentration))) {
    refuse("skew", skew.concentration, "the concentration must be above 0");
  }
  if (disjointCatalogues && skew) refuse("disjoint catalogues", "with a skew", "whose items are whose decides about customers");
  if (disjointCatalogues && nodes > items) refuse("nodes", nodes, `there are ${items} items to be theirs alone`);
  const customers = columns.offsets.length - 1;
  if (customers < nodes) throw fail("TRB_SIMULATE_EMPTY_NODES", { empty: nodes - customers, nodes });
}

/** `[nodes]`, in an order that tells nothing of their sizes. */
function nodeSizes(customers: number, { nodes, sizeZipf, seed }: SplitSettings): Uint32Array {
  const weights = zipf(nodes, sizeZipf);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sizes = Uint32Array.from(weights, (weight) => 1 + Math.floor(((customers - nodes) * weight) / total));
  let missing = customers - sizes.reduce((sum, size) => sum + size, 0);
  for (let node = 0; missing > 0; node = (node + 1) % nodes, missing--) sizes[node] = (sizes[node] as number) + 1;
  return shuffle(sizes, seededRandom(seed, "split", "sizes"));
}

/** Everybody anywhere. */
function dealt(sizes: Uint32Array, { seed }: SplitSettings): Uint32Array {
  const nodeOf = new Uint32Array(sizes.reduce((sum, size) => sum + size, 0));
  let customer = 0;
  for (const [node, size] of sizes.entries()) nodeOf.fill(node, customer, (customer += size));
  return shuffle(nodeOf, seededRandom(seed, "split", "customers"));
}

/** The urn, node by node; what is left is shuffled once and taken from the end. */
function skewed(log: Log, sizes: Uint32Array, settings: SplitSettings): Uint32Array {
  const { seed, skew = { by: "category", concentration: 1 } } = settings;
  const random = seededRandom(seed, "split", "skew");
  const classOf = classes(log, skew.by);
  const customers = classOf.length;
  const order = shuffle(
    Uint32Array.from({ length: customers }, (_, customer) => customer),
    random,
  );
  const ofClass = new Map<number, number[]>();
  for (const customer of order) {
    const one = classOf[customer] as number;
    const list = ofClass.get(one);
    if (list) list.push(customer);
    else ofClass.set(one, [customer]);
  }
  const taken = new Uint8Array(customers);
  const nodeOf = new Uint32Array(customers);
  let anybody = 0;
  const next = (wanted: number | undefined): number => {
    const list = wanted === undefined ? undefined : ofClass.get(wanted);
    for (let customer = list?.pop(); customer !== undefined; customer = list?.pop()) if (taken[customer] === 0) return customer;
    while (taken[order[anybody] as number] === 1) anybody++;
    return order[anybody] as number;
  };
  const nodes = shuffle(
    Uint32Array.from({ length: sizes.length }, (_, node) => node),
    random,
  ); // whoever comes last takes what is left: nobody in particular
  for (const node of nodes) {
    const drawn: number[] = [];
    for (let place = 0; place < (sizes[node] as number); place++) {
      const customer = next(fromUrn(drawn, skew.concentration, random));
      taken[customer] = 1;
      nodeOf[customer] = node;
      drawn.push(classOf[customer] as number);
    }
  }
  return nodeOf;
}

function fromUrn(drawn: readonly number[], concentration: number, random: SeededRandom): number | undefined {
  const anybody = random.fraction() * (concentration + drawn.length) < concentration;
  return anybody ? undefined : drawn[random.below(drawn.length)];
}

/** `[customers]`: the item, or the category, that a customer has most events of; of several the one met first. 0 for none. */
function classes({ columns, categoryOf }: Log, by: "category" | "item"): Uint32Array {
  const { offsets, items } = columns;
  return Uint32Array.from({ length: offsets.length - 1 }, (_, customer) => {
    const counts = new Map<number, number>();
    let [best, most] = [0, 0];
    for (let event = offsets[customer] as number; event < (offsets[customer + 1] as number); event++) {
      const item = items[event] as number;
      if (item === 0) continue;
      const one = by === "item" ? item : 1 + (categoryOf[item] ?? 0);
      const count = (counts.get(one) ?? 0) + 1;
      counts.set(one, count);
      if (count > most) [best, most] = [one, count];
    }
    return best;
  });
}

/** Every item has an owner; a person is as many customers as there are nodes with items of theirs. */
function byOwner({ columns, items: itemCount }: Log, { nodes, seed, sizeZipf }: SplitSettings): Population {
  const { offsets, items, actions, times } = columns;
  const shares = nodeSizes(itemCount, { nodes, seed, sizeZipf, disjointCatalogues: true });
  const ownerOf = dealt(shares, { nodes, seed, sizeZipf, disjointCatalogues: true }); // of item i at i − 1
  const parted = {
    items: new Int32Array(items.length),
    actions: new Uint8Array(items.length),
    times: new Float64Array(items.length),
  };
  const nodeOf: number[] = [];
  const ends: number[] = [0];
  let at = 0;
  for (let person = 0; person < offsets.length - 1; person++) {
    const events = Array.from(
      { length: (offsets[person + 1] as number) - (offsets[person] as number) },
      (_, place) => (offsets[person] as number) + place,
    ).filter((event) => (items[event] as number) > 0);
    const ofOwner = Map.groupBy(events, (event) => ownerOf[(items[event] as number) - 1] as number);
    for (const [owner, own] of [...ofOwner].sort(([a], [b]) => a - b)) {
      for (const event of own) {
        parted.items[at] = items[event] as number;
        parted.actions[at] = actions[event] as number;
        parted.times[at++] = times[event] as number;
      }
      nodeOf.push(owner);
      ends.push(at);
    }
  }
  return populationOf({ ...parted, offsets: Uint32Array.from(ends) }, Uint32Array.from(nodeOf), nodes);
}
