/** Histories taken apart: some customers, disjoint parts for merchants, folds, and what is held out for evaluation. */
import { fail } from "@tributary/errors";
import type { Histories } from "./histories.ts";
import { withOwnItems } from "./own-items.ts";
import { seededRandom, shuffle } from "./seeded-random.ts";

/**
 * The histories of some customers.
 * @param customerIndices places in `histories.customers`, strictly ascending
 * @throws TRB_EVENTS_SELECTION_INVALID
 */
export function sliceHistories(histories: Histories, customerIndices: ArrayLike<number>): Histories {
  const { customers, offsets } = histories;
  const chosen = Array.from(customerIndices);
  const counts = chosen.map((customer, position) => {
    const previous = position === 0 ? -1 : (chosen[position - 1] ?? -1);
    if (!Number.isInteger(customer) || customer <= previous || customer >= customers.length) {
      throw fail("TRB_EVENTS_SELECTION_INVALID", { customers: customers.length, position });
    }
    return eventsOf(offsets, customer);
  });
  return copyEvents(histories, chosen, counts);
}

/**
 * Disjoint parts, equal in customers up to one: a seeded shuffle, dealt out in turn.
 * @param seed not secret and not private: whoever has it and the list of customers knows who is where
 * @param leastCustomers each part has at least so many, or there is no split
 * @throws TRB_EVENTS_SPLIT_INVALID, TRB_EVENTS_TOO_FEW_CUSTOMERS
 */
export function splitCustomers(histories: Histories, parts: number, seed: number, leastCustomers = 2): readonly Histories[] {
  const customers = histories.customers.length;
  if (!Number.isInteger(parts) || parts < 1) throw fail("TRB_EVENTS_SPLIT_INVALID", { parts });
  if (customers < parts * leastCustomers)
    throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers, least: parts * leastCustomers });
  const part = dealOut(customers, parts, seed, "split customers");
  return Array.from({ length: parts }, (_, p) => sliceHistories(histories, part.members(p)));
}

export interface Fold {
  /** Everybody who is not in `test`, with whole histories. */
  readonly train: Histories;
  /** The fold's own customers, with whole histories: cut them by `leaveLastOut` or `splitByTime` to judge. */
  readonly test: Histories;
}

/**
 * k-fold cross-validation by customer: every customer is in the `test` of exactly one fold, and in the `train` of all others.
 * Folds are equal in customers up to one; they come from a seeded shuffle.
 * @param folds k, at least 2
 * @param seed not secret and not private
 * @throws TRB_EVENTS_FOLDS_INVALID, TRB_EVENTS_TOO_FEW_CUSTOMERS when a fold would be empty
 */
export function foldCustomers(histories: Histories, folds: number, seed: number): readonly Fold[] {
  const customers = histories.customers.length;
  if (!Number.isInteger(folds) || folds < 2) throw fail("TRB_EVENTS_FOLDS_INVALID", { folds });
  if (customers < folds) throw fail("TRB_EVENTS_TOO_FEW_CUSTOMERS", { customers, least: folds });
  const part = dealOut(customers, folds, seed, "fold customers");
  return Array.from({ length: folds }, (_, fold) => ({
    train: sliceHistories(histories, part.others(fold)),
    test: sliceHistories(histories, part.members(fold)),
  }));
}

/** Shuffles customers and deals them out in turn, as cards. Places are ascending. */
function dealOut(customers: number, parts: number, seed: number, purpose: string) {
  const order = shuffle(
    Uint32Array.from({ length: customers }, (_, c) => c),
    seededRandom(seed, purpose),
  );
  return {
    members: (part: number) => order.filter((_customer, place) => place % parts === part).sort(),
    others: (part: number) => order.filter((_customer, place) => place % parts !== part).sort(),
  };
}

export interface HeldOut {
  /** The same customers; of those with a target, only the events before it. */
  readonly train: Histories;
  /** `[customers]`: the item of the customer's last item event; 0 for a customer with fewer than 2 item events, who is not evaluated. */
  readonly targets: Int32Array;
}

/**
 * Leave-one-out: holds out each customer's last item event and everything after it. Customers who aren't evaluated keep all events.
 * What was only shown is nobody's item, held out or kept (`own-items.ts`).
 * @param isEvaluated of a customer's place; everybody's unless given
 */
export function leaveLastOut(histories: Histories, isEvaluated: (customer: number) => boolean = () => true): HeldOut {
  const own = withOwnItems(histories);
  const { customers, offsets, items } = own;
  const targets = new Int32Array(customers.length);
  const counts = customers.map((_id, customer) => {
    const start = offsets[customer] ?? 0;
    const end = offsets[customer + 1] ?? start;
    const last = lastItemEvent(items, start, end);
    if (last < 0 || lastItemEvent(items, start, last) < 0 || !isEvaluated(customer)) return end - start;
    targets[customer] = items[last] ?? 0;
    return last - start;
  });
  return { train: copyEvents(own, [...customers.keys()], counts), targets };
}

export interface TimeSplit {
  /** Events before the cut. */
  readonly train: Histories;
  /** The same customers: events at the cut and after it. A customer may have none in either part. */
  readonly test: Histories;
}

/**
 * Temporal split: one moment for everybody, so that nothing is learnt from a future that others had already seen.
 * @param cut Unix seconds
 * @throws TRB_EVENTS_CUT_INVALID
 */
export function splitByTime(histories: Histories, cut: number): TimeSplit {
  if (!Number.isFinite(cut)) throw fail("TRB_EVENTS_CUT_INVALID", { cut });
  const { customers, offsets, times } = histories;
  const everyone = [...customers.keys()];
  const before = everyone.map((customer) => {
    const start = offsets[customer] ?? 0;
    const end = offsets[customer + 1] ?? start;
    let event = start;
    while (event < end && (times[event] ?? 0) < cut) event++;
    return event - start;
  });
  const after = everyone.map((customer) => eventsOf(offsets, customer) - (before[customer] ?? 0));
  return { train: copyEvents(histories, everyone, before), test: copyEvents(histories, everyone, after, before) };
}

/** The place of the last event with an item in [start, end), or −1. */
function lastItemEvent(items: Int32Array, start: number, end: number): number {
  for (let event = end - 1; event >= start; event--) if ((items[event] ?? 0) > 0) return event;
  return -1;
}

const eventsOf = (offsets: Uint32Array, customer: number) => (offsets[customer + 1] ?? 0) - (offsets[customer] ?? 0);

/** Copies `counts[i]` events of customer `chosen[i]`, from the first on or after `skipped[i]` of them. */
function copyEvents(
  from: Histories,
  chosen: readonly number[],
  counts: readonly number[],
  skipped: readonly number[] = [],
): Histories {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const offsets = new Uint32Array(chosen.length + 1);
  const items = new Int32Array(total);
  const actions = new Uint8Array(total);
  const times = new Float64Array(total);
  const dwells = from.dwells && new Float32Array(total);
  const prices = from.prices && new Float32Array(total);
  const topics = from.topics && new Int32Array(total);
  let at = 0;
  chosen.forEach((customer, place) => {
    const start = (from.offsets[customer] ?? 0) + (skipped[place] ?? 0);
    const end = start + (counts[place] ?? 0);
    items.set(from.items.subarray(start, end), at);
    actions.set(from.actions.subarray(start, end), at);
    times.set(from.times.subarray(start, end), at);
    if (from.dwells) dwells?.set(from.dwells.subarray(start, end), at);
    if (from.prices) prices?.set(from.prices.subarray(start, end), at);
    if (from.topics) topics?.set(from.topics.subarray(start, end), at);
    at += end - start;
    offsets[place + 1] = at;
  });
  const customers = chosen.map((customer) => from.customers[customer] ?? "");
  const said = { ...(dwells ? { dwells } : {}), ...(prices ? { prices } : {}), ...(topics ? { topics } : {}) };
  return { customers, offsets, items, actions, times, ...said };
}
