/** Gradient inversion, counted: what each attack reads off messages of single customers, layer by layer, and what a guess would. */
import { type Histories, sliceHistories, timeGapBucket } from "@tributary/events";
import { readHistory } from "./match-history.ts";
import { type Layer, messageOf, streamOf } from "./messages.ts";
import { compareSets, itemScores, itemsRead, ranked } from "./read-items.ts";
import { bareUpdate, clippedSum, type Stage } from "./stage.ts";

export interface ItemsFound {
  /** Items in the histories attacked, and how many of them stand among as many of the attacker's first names. */
  readonly items: number;
  readonly hits: number;
  /** What as many names without looking would hit, and the standard deviation of that: Σ k²/n; hypergeometric. */
  readonly guessed: number;
  readonly deviation: number;
  /** Chance that a random item of a history is ranked above a random one of the others: 0.5 for a guess. */
  readonly auc: number;
  /** Of the items that the attacker names without being told how many there are. */
  readonly precision: number;
  readonly recall: number;
}

/** Customers with so many different items at most: of who has seen half of a catalogue there is little to find out. */
const mostItems = 16;

/** Groups of customers who alone are in a node's sample, each with something to learn from. */
export function targetsOf({ everybody }: Stage, count: number, size = 1): Histories[] {
  const fit = [...everybody.customers.keys()].filter((customer) => {
    const items = everybody.items.subarray(everybody.offsets[customer], everybody.offsets[customer + 1]);
    return items.length >= 2 && new Set(items).size <= mostItems;
  });
  const groups = Array.from({ length: count }, (_, i) => fit.slice(i * size, (i + 1) * size)).filter(
    (group) => group.length === size,
  );
  return groups.map((group) => sliceHistories(everybody, group));
}

/** @param draws how many messages of each target are attacked; they differ by their noise and masks */
export async function attackItems(
  stage: Stage,
  targets: readonly Histories[],
  layer: Layer,
  draws: number,
): Promise<ItemsFound> {
  const { model } = stage.plan;
  let [items, hits, guessed, variance, above, pairs, named, namedHits] = [0, 0, 0, 0, 0, 0, 0, 0];
  for (const [place, target] of targets.entries()) {
    const total = await clippedSum(stage, target);
    const truth = new Set(target.items);
    const [k, n] = [truth.size, model.items];
    for (let draw = 0; draw < draws; draw++) {
      const scores = itemScores(model, messageOf(stage, total, layer, `items ${place} ${draw}`));
      const order = ranked(scores);
      hits += compareSets(order.slice(0, k), truth).hits;
      const read = itemsRead(scores);
      named += read.length;
      namedHits += compareSets(read, truth).hits;
      items += k;
      guessed += (k * k) / n;
      variance += ((k * k) / n) * (1 - k / n) * ((n - k) / (n - 1));
      above += pairsAbove(order, truth);
      pairs += k * (n - k);
    }
  }
  return {
    ...{ items, hits, guessed, deviation: Math.sqrt(variance), auc: above / pairs },
    ...{ precision: namedHits / named, recall: namedHits / items },
  };
}

/** Pairs of an item of the history and one of the others in which the first is ranked higher. */
function pairsAbove(order: readonly number[], truth: ReadonlySet<number>): number {
  let [above, others] = [0, 0];
  for (const item of order.toReversed()) {
    if (truth.has(item)) above += others;
    else others += 1;
  }
  return above;
}

/**
 * Whether so many hits are what guessing gives: within 6.5 standard deviations, and the AUC within as many of a half. Noise of a real plan leaves a signal
 * that is far below that for so few messages; on a guess the chance of an alarm is below 1e-9.
 */
export function isGuessing({ items, hits, guessed, deviation, auc }: ItemsFound): boolean {
  return Math.abs(hits - guessed) < 6.5 * deviation && Math.abs(auc - 0.5) < 6.5 / Math.sqrt(12 * items);
}

export const itemsInWords = ({ items, hits, guessed, auc }: ItemsFound): string =>
  `${hits} of ${items} items named right, ${guessed.toFixed(0)} by guessing; AUC ${auc.toFixed(3)}`;

export interface HistoriesRead {
  readonly customers: number;
  readonly events: number;
  /** Parts of the events that are right, in their places. */
  readonly items: number;
  readonly actions: number;
  readonly gaps: number;
}

/** Whole histories out of bare updates. @param most input positions of a customer at most: the search takes their cube */
export async function attackHistories(stage: Stage, customers: number, most: number): Promise<HistoriesRead> {
  const all = targetsOf(stage, stage.everybody.customers.length).filter(
    ({ items }) => items.length >= 3 && items.length <= most + 1,
  );
  let [events, inputs, items, done, gaps] = [0, 0, 0, 0, 0];
  const chosen = all.slice(0, customers);
  for (const target of chosen) {
    const read = await readHistory(stage, await bareUpdate(stage, target, streamOf(stage, "histories", "dither")));
    events += target.items.length;
    inputs += target.items.length - 1;
    items += equal(read?.items, target.items);
    done += equal(read?.actions, target.actions);
    gaps += equal(
      read?.gaps,
      [...target.times].map((time, i) => timeGapBucket(i === 0 ? 0 : time - (target.times[i - 1] ?? 0))),
    );
  }
  return { customers: chosen.length, events, items: items / events, actions: done / inputs, gaps: gaps / inputs };
}

const equal = (read: readonly number[] | undefined, truth: ArrayLike<number>): number =>
  read === undefined ? 0 : read.filter((value, place) => value === truth[place]).length;

export interface Identified {
  readonly messages: number;
  readonly right: number;
  /** 1/candidates */
  readonly chance: number;
}

/**
 * Which of these customers sent the message? The strongest attack on who knows all histories but not whose it is: the candidate whose own update is most
 * likely below the noise, ⟨y, g⟩ − |g|²/2, which is gradient matching on a list.
 */
export async function identify(
  stage: Stage,
  candidates: readonly Histories[],
  layer: Layer,
  draws: number,
): Promise<Identified> {
  const totals = await Promise.all(candidates.map((candidate) => clippedSum(stage, candidate)));
  const updates = totals.map((total) => messageOf(stage, total, "bare", ""));
  let right = 0;
  for (const [place, total] of totals.entries()) {
    for (let draw = 0; draw < draws; draw++) {
      const message = messageOf(stage, total, layer, `identify ${place} ${draw}`);
      const likelihoods = updates.map((update) => update.reduce((sum, g, i) => sum + (message[i] ?? 0) * g - (g * g) / 2, 0));
      if (likelihoods.indexOf(Math.max(...likelihoods)) === place) right += 1;
    }
  }
  return { messages: candidates.length * draws, right, chance: 1 / candidates.length };
}
