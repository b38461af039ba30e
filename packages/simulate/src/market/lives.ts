/**
 * One customer's life in a living market: visits that go on until the customer leaves, a funnel of its own, adverts; and with every event the chances that
 * the market itself went by.
 *
 *            1 − fade           after each visit:  gone with `leave` (engaged) or `leaveFading` (fading),
 *   engaged ─────────▶ engaged                     else the next state, else a pause of that state and another visit
 *      │  ▲
 *  fade│  │recover
 *      ▼  │
 *    fading ─────────▶ gone
 */
import { type Action, type SeededRandom, seededRandom } from "@tributary/events";
import { secondsOfDay, visitGap } from "@tributary/events/histories";
import { chance, draw, lognormal, normal, type Weighted } from "./distributions.ts";
import type { LifeSettings } from "./life-settings.ts";
import type { MarketSettings } from "./settings.ts";
import type { Shop } from "./shop.ts";
import { actionNumbers, atBusyHour, drawTastes, fromMemory, nextItem, remember, type Visit } from "./visits.ts";

/** An event, and what it means for what comes. */
interface LifeEvent extends Visit {
  /** P(a purchase later in this visit), given all that the market knows at this event. */
  readonly purchase: number;
  /** Of an impression: P(click). NaN elsewhere. */
  readonly click: number;
}

/** Between two visits, and after the last. */
export interface LifePause {
  /** Unix seconds of the visit's first and last event. */
  readonly from: number;
  readonly to: number;
  /** P(this visit is the last). */
  readonly leaves: number;
  /** If it is not: P(the next pause is one of somebody who fades). */
  readonly fades: number;
  /** Median of the pause's lognormal, seconds, of who is engaged and of who fades, and its σ. */
  readonly medians: readonly [number, number];
  readonly spread: number;
}

export interface Life {
  readonly events: readonly LifeEvent[];
  readonly pauses: readonly LifePause[];
}

/** What is advertised, and what of it depends on the item alone. */
export interface AdvertPool {
  /** Item numbers of each category, and all. */
  readonly byCategory: readonly (readonly number[])[];
  readonly all: readonly number[];
  /** [items + 1] log-odds: the item's own appeal and its price. */
  readonly appeal: Float64Array;
}

export function advertPool(shop: Shop, settings: MarketSettings, life: LifeSettings): AdvertPool {
  const random = seededRandom(settings.seed, "market", "adverts");
  const { items } = shop.catalogue;
  const medians = shop.ranked.map((numbers) => {
    const prices = numbers.map((number) => items[number - 1]?.price ?? 1).sort((a, b) => a - b);
    return prices[Math.floor(prices.length / 2)] ?? 1;
  });
  const appeal = Float64Array.from({ length: items.length + 1 }, (_, number) => {
    const relative = Math.log((items[number - 1]?.price ?? 1) / (medians[shop.categoryOf[number] ?? 0] ?? 1));
    return number === 0 ? 0 : life.clickItemSpread * normal(random) + life.clickPrice * relative;
  });
  const all = Array.from({ length: Math.min(life.advertised, items.length) }, () => 1 + random.below(items.length));
  const byCategory = shop.ranked.map((_, category) => all.filter((number) => shop.categoryOf[number] === category));
  return { all, byCategory, appeal };
}

/** What a customer is like, as long as it lives. */
interface Character {
  readonly tastes: Weighted;
  /** Seconds. */
  readonly pace: number;
  readonly fade: number;
  /** Odds are multiplied by e to these. */
  readonly carts: number;
  readonly buys: number;
  readonly clicks: number;
}

/** Customer number `customer`, from 1. Depends on the settings, the shop and that number only. */
export function lifeOf(customer: number, shop: Shop, adverts: AdvertPool, settings: MarketSettings, life: LifeSettings): Life {
  const random = seededRandom(settings.seed, "market", "life", customer);
  const character: Character = {
    tastes: drawTastes(shop.categoryWeights, settings, random),
    pace: secondsOfDay * lognormal(life.paceMedianDays, life.paceSpread, random),
    fade: Math.min(1, lognormal(life.fade, life.fadeSpread, random)),
    carts: life.cartSpread * normal(random),
    buys: life.buySpread * normal(random),
    clicks: life.clickCustomerSpread * normal(random),
  };
  const closes = settings.opens + settings.days * secondsOfDay;
  const [events, pauses]: [LifeEvent[], LifePause[]] = [[], []];
  const remembered: number[] = [];
  const medians = [character.pace, character.pace * life.slowing] as const;
  let fading = false;
  let start = atBusyHour(settings.opens + random.fraction() * settings.arrivals * settings.days * secondsOfDay, random);
  while (start < closes && events.length < settings.mostEvents) {
    const visit = oneVisit({ start, fading, character, remembered, shop, adverts, settings, life, random });
    events.push(...visit);
    const leaves = fading ? life.leaveFading : life.leave;
    const fades = fading ? 1 - life.recover : character.fade;
    const to = visit.at(-1)?.time ?? start;
    pauses.push({ from: start, to, leaves, fades, medians, spread: life.pauseSpread });
    if (chance(leaves, random)) break;
    fading = chance(fades, random);
    start = to + visitGap + Math.ceil(lognormal(medians[fading ? 1 : 0], life.pauseSpread, random));
  }
  return { events, pauses };
}

interface VisitFacts {
  readonly start: number;
  readonly fading: boolean;
  readonly character: Character;
  readonly remembered: number[];
  readonly shop: Shop;
  readonly adverts: AdvertPool;
  readonly settings: MarketSettings;
  readonly life: LifeSettings;
  readonly random: SeededRandom;
}

/**
 * One visit. After a look there is another one with chance ρ, so that with b the chance that a look ends in a purchase, nothing is bought after a look
 * with chance
 *
 *   Q = (1 − ρ) + ρ·(1 − b)·Q = (1 − ρ)/(1 − ρ·(1 − b))
 */
function oneVisit(facts: VisitFacts): readonly LifeEvent[] {
  const { start, fading, character, remembered, shop, adverts, settings, life, random } = facts;
  const { tastes } = character;
  const further = settings.furtherLooks * (fading ? life.shorter : 1);
  const goesOn = Math.exp(-1 / further);
  const stay = fading ? 1 - (1 - settings.stayInCategory) * life.narrowing : settings.stayInCategory;
  const visitSettings = { ...settings, stayInCategory: stay };
  const carted = (revisit: boolean) => {
    const base = shifted(revisit ? settings.cartAtRevisit : settings.cart, character.carts);
    return fading ? base * life.fewerCarts : base;
  };
  const bought = shifted(settings.buy, character.buys);
  const ends = (revisit: boolean) => carted(revisit) * bought;
  const anyLook = settings.revisit * ends(true) + (1 - settings.revisit) * ends(false);
  /** P(nothing is bought after a look), where there is something to come back to and where there is not. */
  const nothingMore = (1 - goesOn) / (1 - goesOn * (1 - anyLook));
  const afterwards = () => (remembered.length > 0 ? nothingMore : 1 - goesOn + goesOn * (1 - ends(false)) * nothingMore);

  const events: LifeEvent[] = [];
  let time = start;
  let category = draw(tastes, random);
  const happens = (action: Action, item: number, purchase: number, click = Number.NaN) => {
    events.push({ item, action: actionNumbers[action], time, purchase, click });
    const pause = lognormal(settings.lookMedianSeconds, settings.lookSpread, random);
    time += Math.min(visitGap - 1, Math.max(1, Math.round(pause)));
  };
  for (let item = 0; ; ) {
    const revisit = remembered.length > 0 && chance(settings.revisit, random);
    item = revisit ? fromMemory(remembered, settings, random) : nextItem(item, category, tastes, shop, visitSettings, random);
    category = shop.categoryOf[item] ?? category;
    remember(remembered, item);
    const purchase = 1 - (1 - ends(revisit)) * afterwards();
    happens("view", item, purchase);
    if (chance(settings.viewTwice, random)) happens("view", item, purchase);
    if (chance(settings.favourite, random)) happens("favourite", item, purchase);
    if (chance(carted(revisit), random)) {
      happens("cart", item, 1 - (1 - bought) * afterwards());
      if (chance(bought, random)) {
        remembered.pop(); // who has it does not come back to look at it
        happens("buy", item, (1 - settings.leaveAfterBuying) * (1 - afterwards()));
        if (chance(settings.leaveAfterBuying, random)) return events;
      }
    }
    if (chance(life.shown, random)) {
      const rest = 1 - afterwards();
      const slots = 1 + random.below(life.slots);
      for (let slot = 0; slot < slots; slot++) {
        const shown = pickAdvert(adverts, category, life, random);
        const click = clickChance(shown, { item, category, slot }, facts);
        happens("impression", shown, rest, click);
        if (chance(click, random)) happens("advertClick", shown, rest);
      }
    }
    if (!chance(goesOn, random)) return events;
  }
}

function pickAdvert(
  { all, byCategory }: AdvertPool,
  category: number,
  { targeted }: LifeSettings,
  random: SeededRandom,
): number {
  const near = byCategory[category] ?? [];
  const from = near.length > 0 && chance(targeted, random) ? near : all;
  return from[random.below(from.length)] ?? 1;
}

/** P(click) of an advert in a slot, after a look at an item of a category. */
function clickChance(
  shown: number,
  { item, category, slot }: { readonly item: number; readonly category: number; readonly slot: number },
  { character, fading, shop, adverts, life }: VisitFacts,
): number {
  const own = shop.categoryOf[shown] ?? 0;
  const share = (cumulative: Weighted, place: number) =>
    ((cumulative[place] ?? 0) - (cumulative[place - 1] ?? 0)) / (cumulative.at(-1) ?? 1);
  const total = shop.categoryWeights.reduce((sum, weight) => sum + weight, 0);
  const taste = Math.log((share(character.tastes, own) + 0.01) / ((shop.categoryWeights[own] ?? 0) / total + 0.01));
  const logOdds =
    life.click +
    life.clickTaste * taste +
    (own === category ? life.clickCategory : 0) +
    (shop.companions[item]?.includes(shown) ? life.clickCompanion : 0) +
    life.clickSlot * slot +
    (adverts.appeal[shown] ?? 0) +
    character.clicks +
    (fading ? life.clickFading : 0);
  return 1 / (1 + Math.exp(-logOdds));
}

/** A probability whose log-odds are moved by so much. */
function shifted(probability: number, logOdds: number): number {
  const odds = (probability / (1 - probability)) * Math.exp(logOdds);
  return odds / (1 + odds);
}
