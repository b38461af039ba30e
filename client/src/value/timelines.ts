/**
 * Predicted against actual, for a few customers: at each of the last events, what would have been shown and what would have been expected just before it, and
 * what came. It is one customer's history event by event, so it goes into a local page alone, never into logs or figures; customers are numbered there.
 */
import { actions, type Catalogue, type Histories } from "@tributary/events";
import { bestOf, rankOf } from "@tributary/model";
import { nextAction } from "../serving/outlook.ts";
import type { ServedModel } from "../serving/served-model.ts";
import { stretchOf } from "./ranked.ts";

export interface TimelineEvent {
  /** Unix seconds. */
  readonly time: number;
  readonly action: string;
  /** Of the catalogue: title, or id where there is none. */
  readonly item: string;
  /** Of the item among all, ties counting half, by what was known before it. */
  readonly rank: number;
  readonly isNew: boolean;
  /** The first ones that would have been shown, best first. */
  readonly shown: readonly string[];
  /** The likeliest next action by what was known before, and its probability; undefined where nothing tells. */
  readonly expected: { readonly action: string; readonly probability: number } | undefined;
}

export interface Timeline {
  /** Counted from 1; says nothing of who it is. */
  readonly customer: number;
  /** Events before the first one here. */
  readonly before: number;
  readonly events: readonly TimelineEvent[];
}

export interface TimelineOptions {
  /** Latest events with an item, at most. */
  readonly events: number;
  /** Items shown before each. */
  readonly shown: number;
}

/** @param served made without these customers' events */
export async function timelinesOf(
  served: ServedModel,
  sample: Histories,
  catalogue: Catalogue,
  options: TimelineOptions,
): Promise<readonly Timeline[]> {
  const timelines: Timeline[] = [];
  for (let customer = 0; customer < sample.customers.length; customer++) {
    const [begin, end] = [sample.offsets[customer] as number, sample.offsets[customer + 1] as number];
    const asked = latestItems(sample, begin, end, options.events);
    const events: TimelineEvent[] = [];
    for (const event of asked) events.push(await eventOf(served, sample, begin, event, catalogue, options));
    const [first] = asked;
    if (first !== undefined) timelines.push({ customer: timelines.length + 1, before: first - begin, events });
  }
  return timelines;
}

/** Places of the last events with an item, in order; the customer's first item event is nobody's to predict. */
function latestItems({ items }: Histories, begin: number, end: number, most: number): readonly number[] {
  const found: number[] = [];
  for (let event = begin; event < end; event++) if ((items[event] as number) > 0) found.push(event);
  return found.slice(1).slice(-most);
}

async function eventOf(
  served: ServedModel,
  sample: Histories,
  begin: number,
  event: number,
  catalogue: Catalogue,
  { shown }: TimelineOptions,
): Promise<TimelineEvent> {
  const known = stretchOf(sample, begin, event);
  const item = sample.items[event] as number;
  const { values } = await served.ranker.scores(known);
  const { prepared } = served;
  const tells = prepared.heads.nextAction || prepared.chain !== undefined;
  const [expected] = tells ? (await nextAction(served, { events: known, known: true })).actions : [];
  const nameOf = (number: number) => catalogue.items[number - 1]?.title ?? catalogue.items[number - 1]?.id ?? "";
  return {
    time: sample.times[event] as number,
    action: actions[sample.actions[event] as number] ?? "",
    item: nameOf(item),
    rank: rankOf(values, item - 1),
    isNew: !known.items.includes(item),
    shown: Array.from(bestOf(values, shown, new Uint8Array(values.length)), (place) => nameOf(place + 1)),
    expected,
  };
}
