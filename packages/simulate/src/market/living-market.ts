/**
 * A market whose customers show that they will leave, and are shown adverts: as `synthetic-market.ts`, with the chances that it went by, so that what a model says
 * can be held against the truth and not only against what happened. The ordinary market is not touched by it: the same seeds give other customers here.
 *
 * How it works: `life-settings.ts` (every constant), `lives.ts` (customers). The items are the ordinary market's.
 */
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fail } from "@tributary/errors";
import type { Histories } from "@tributary/events";
import { visitGap } from "@tributary/events/histories";
import { type LifeSettings, lifeSettings } from "./life-settings.ts";
import { advertPool, type LifePause, lifeOf } from "./lives.ts";
import { type MarketSettings, marketSettings } from "./settings.ts";
import { openShop } from "./shop.ts";
import { type Market, writeMarket } from "./synthetic-market.ts";

export interface MarketTruth {
  /** [events] P(a purchase later in the same visit). */
  readonly purchase: Float64Array;
  /** [events] P(click) of impressions, NaN elsewhere. */
  readonly click: Float64Array;
  /** Of each customer: its visits, in order. */
  readonly pauses: readonly (readonly LifePause[])[];
}

export interface LivingMarket extends Market {
  readonly life: LifeSettings;
  readonly truth: MarketTruth;
}

/** Far above what anybody does in half a year: whoever were cut off would look like one who leaves. */
const mostEvents = 100_000;

/**
 * @param options of the market (`mostEvents`: none, `sessionShape`, `sessionScale`, `returnMedianDays` and `returnSpread` are not looked at)
 * @throws TRB_SIMULATE_MARKET_OPTION
 */
export function livingMarket(options: Partial<MarketSettings> = {}, lives: Partial<LifeSettings> = {}): LivingMarket {
  const settings = marketSettings({ mostEvents, ...options });
  const life = lifeSettings(lives);
  const shop = openShop(settings);
  const adverts = advertPool(shop, settings, life);
  const offsets = new Uint32Array(settings.customers + 1);
  const columns = { items: [] as number[], actions: [] as number[], times: [] as number[] };
  const said = { purchase: [] as number[], click: [] as number[] };
  const pauses: (readonly LifePause[])[] = [];
  for (let customer = 1; customer <= settings.customers; customer++) {
    const one = lifeOf(customer, shop, adverts, settings, life);
    for (const { item, action, time, purchase, click } of one.events) {
      columns.items.push(item);
      columns.actions.push(action);
      columns.times.push(time);
      said.purchase.push(purchase);
      said.click.push(click);
    }
    pauses.push(one.pauses);
    offsets[customer] = columns.items.length;
  }
  const histories: Histories = {
    customers: Array.from({ length: settings.customers }, (_, place) => `c${String(place + 1).padStart(7, "0")}`),
    offsets,
    items: Int32Array.from(columns.items),
    actions: Uint8Array.from(columns.actions),
    times: Float64Array.from(columns.times),
  };
  const truth = { purchase: Float64Array.from(said.purchase), click: Float64Array.from(said.click), pauses };
  return { catalogue: shop.catalogue, histories, settings, life, truth };
}

/**
 * P(no event in the `horizon` seconds after the cut), given that there was none since the last visit before it and everything that the market knows of the
 * customer; with h the chance that that visit was the last and S the survival of the pause, over both states that may follow,
 *
 *   (h + (1 − h)·S(cut + horizon))/(h + (1 − h)·S(cut))
 *
 * @param customer place in the histories
 * @returns undefined before the customer's first visit; 0 in the middle of one
 */
export function leavingChance(truth: MarketTruth, customer: number, cut: number, horizon: number): number | undefined {
  const last = truth.pauses[customer]?.findLast(({ from }) => from < cut);
  if (last === undefined) return undefined;
  const { to, leaves, fades, medians, spread } = last;
  if (to >= cut) return 0;
  const survives = (until: number) => {
    const pause = until - to - visitGap;
    if (pause <= 0) return 1;
    const beyond = (median: number) => upperTail(Math.log(pause / median) / spread);
    return (1 - fades) * beyond(medians[0]) + fades * beyond(medians[1]);
  };
  const goneOr = (until: number) => leaves + (1 - leaves) * survives(until);
  return goneOr(cut + horizon) / goneOr(cut);
}

/** P(N(0, 1) > z), to 7 digits (Abramowitz & Stegun 1964, 26.2.17). */
function upperTail(z: number): number {
  if (z < 0) return 1 - upperTail(-z);
  const t = 1 / (1 + 0.2316419 * z);
  const polynomial = t * (0.31938153 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))));
  return (Math.exp((-z * z) / 2) / Math.sqrt(2 * Math.PI)) * polynomial;
}

/**
 * `events.csv` and `catalogue.jsonl` as `writeMarket`, and `truth.csv`: `customer,time,event,probability`, a line for each event with the chance of a purchase later in
 * the visit, for each impression with that of a click, and for each visit's end with that of being the last.
 * @throws TRB_EVENTS_FILE_UNWRITABLE
 */
export async function writeLivingMarket(
  folder: string,
  market: LivingMarket,
): Promise<{ readonly events: string; readonly catalogue: string; readonly truth: string }> {
  const paths = await writeMarket(folder, market);
  const truth = join(folder, "truth.csv");
  try {
    await pipeline(Readable.from(truthLines(market)), createWriteStream(truth));
  } catch (cause) {
    const reason = cause instanceof Error && "code" in cause ? String(cause.code) : "unknown";
    throw fail("TRB_EVENTS_FILE_UNWRITABLE", { file: truth, reason }, cause);
  }
  return { ...paths, truth };
}

function* truthLines({ histories: { customers, offsets, times }, truth }: LivingMarket): Generator<string> {
  yield "customer,time,event,probability\n";
  for (const [customer, id] of customers.entries()) {
    let lines = "";
    const add = (time: number, event: string, probability: number) => {
      lines += `${id},${time},${event},${probability.toPrecision(6)}\n`;
    };
    for (let event = offsets[customer] as number; event < (offsets[customer + 1] as number); event++) {
      const [time, click] = [times[event] as number, truth.click[event] as number];
      add(time, "purchase", truth.purchase[event] as number);
      if (!Number.isNaN(click)) add(time, "click", click);
    }
    for (const { to, leaves } of truth.pauses[customer] ?? []) add(to, "leave", leaves);
    yield lines;
  }
}
