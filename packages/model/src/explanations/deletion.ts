/**
 * The deletion test: is an attribution faithful? Events are taken out of a history one after another, and the item's margin is read after
 * each. An attribution is worth something if taking out the events that it ranks highest lowers it more than taking out others.
 *
 * Source: Petsiuk et al. 2018, "RISE", §4.2 (the deletion metric), with events in place of pixels.
 */
import { fail } from "@tributary/errors";
import { type Histories, seededRandom, shuffle } from "@tributary/events/histories";
import type { Stretch } from "../evaluation/scorer.ts";
import type { EventAttribution, Explainer, Explanation } from "./explainer.ts";

export interface DeletionCurve {
  /** Events in the order in which they were taken out. */
  readonly removed: readonly number[];
  /** `[removed + 1]`: the item's margin with the first 0, 1, 2, … of them gone. */
  readonly margins: Float64Array;
  /** Mean over the curve of how far the margin lies below that of the whole history. */
  readonly drop: number;
}

export interface DeletionTest {
  readonly highestFirst: DeletionCurve;
  readonly lowestFirst: DeletionCurve;
  /** Mean drop over random orders. */
  readonly randomDrop: number;
}

/** Which number of an event its rank is taken from. */
export type AttributionKind = "contribution" | "gradient" | "rollout";

/**
 * Takes events out of one customer's history in this order. The last event that is left stays: a history without events has no score.
 * What is taken out is gone as if it had not happened: the time gap of the next event then counts from the event before.
 * @param order places in the histories' arrays, within the stretch, none twice
 * @throws TRB_MODEL_EXPLANATION_INVALID
 */
export async function deletionCurve(
  explainer: Explainer,
  histories: Histories,
  stretch: Stretch,
  { item, order }: { readonly item: number; readonly order: readonly number[] },
): Promise<DeletionCurve> {
  const events = Array.from({ length: stretch.end - stretch.begin }, (_, place) => stretch.begin + place);
  const known = new Set(order);
  if (known.size !== order.length || order.some((event) => !events.includes(event))) {
    throw fail("TRB_MODEL_EXPLANATION_INVALID", {
      reason: "an order of deletion names each event of the history at most once",
    });
  }
  const removed = order.slice(0, events.length - 1);
  const variants = Array.from({ length: removed.length + 1 }, (_, count) => {
    const gone = new Set(removed.slice(0, count));
    return events.filter((event) => !gone.has(event));
  });
  const { cut, stretches } = withEvents(histories, variants);
  const margins = await explainer.margins(cut, stretches, item);
  const whole = margins[0] ?? Number.NaN;
  const later = margins.subarray(1);
  const drop = later.length === 0 ? 0 : later.reduce((sum, margin) => sum + whole - margin, 0) / later.length;
  return { removed, margins, drop };
}

/**
 * Holds an explanation to what the model does: the events that it ranks highest taken out first, the lowest first, and random orders.
 * @param options.orders how many random ones; `seed` draws them
 * @throws TRB_MODEL_EXPLANATION_INVALID, also for a rollout that the model has not
 */
export async function deletionTest(
  explainer: Explainer,
  histories: Histories,
  explanation: Explanation,
  options: { readonly by: AttributionKind; readonly orders: number; readonly seed: number },
): Promise<DeletionTest> {
  const { item, events } = explanation;
  const [first, last] = [events[0]?.event ?? 0, events.at(-1)?.event ?? -1];
  const stretch = { begin: first, end: last + 1 };
  const ranked = rankedBy(events, options.by);
  const curve = (order: readonly number[]) => deletionCurve(explainer, histories, stretch, { item, order });
  const random = seededRandom(options.seed, "orders of deletion");
  let drops = 0;
  for (let order = 0; order < options.orders; order++) {
    const shuffled = Uint32Array.from(ranked);
    shuffle(shuffled, random);
    drops += (await curve([...shuffled])).drop;
  }
  return {
    highestFirst: await curve(ranked),
    lowestFirst: await curve(ranked.toReversed()),
    randomDrop: drops / options.orders,
  };
}

/** Events from the highest attribution to the lowest; of equal ones the later first. */
export function rankedBy(events: readonly EventAttribution[], by: AttributionKind): readonly number[] {
  const attributionOf = (one: EventAttribution): number => {
    const value = one[by];
    if (value === undefined)
      throw fail("TRB_MODEL_EXPLANATION_INVALID", { reason: "a recurrent model has no attention rollout" });
    return value;
  };
  return [...events].sort((a, b) => attributionOf(b) - attributionOf(a) || b.event - a.event).map(({ event }) => event);
}

/** Each variant as a customer of its own, in one batch. */
function withEvents(
  histories: Histories,
  variants: readonly (readonly number[])[],
): { readonly cut: Histories; readonly stretches: readonly Stretch[] } {
  const flat = variants.flat();
  const offsets = new Uint32Array(variants.length + 1);
  variants.forEach((events, place) => {
    offsets[place + 1] = (offsets[place] ?? 0) + events.length;
  });
  const { dwells, prices, topics } = histories;
  const cut: Histories = {
    customers: variants.map((_, place) => String(place)),
    offsets,
    items: Int32Array.from(flat, (event) => histories.items[event] ?? 0),
    actions: Uint8Array.from(flat, (event) => histories.actions[event] ?? 0),
    times: Float64Array.from(flat, (event) => histories.times[event] ?? 0),
    ...(dwells ? { dwells: Float32Array.from(flat, (event) => dwells[event] ?? Number.NaN) } : {}),
    ...(prices ? { prices: Float32Array.from(flat, (event) => prices[event] ?? Number.NaN) } : {}),
    ...(topics ? { topics: Int32Array.from(flat, (event) => topics[event] ?? 0) } : {}),
  };
  const stretches = variants.map((_, place) => ({ begin: offsets[place] ?? 0, end: offsets[place + 1] ?? 0 }));
  return { cut, stretches };
}
