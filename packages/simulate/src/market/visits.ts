/** One customer's life in the market: tastes, sessions, looks, and the funnel from view to purchase. */
import { type Action, actions, type SeededRandom, seededRandom } from "@tributary/events";
import { secondsOfDay, visitGap } from "@tributary/events/histories";
import { chance, draw, exponential, gamma, lognormal, type Weighted, weighted } from "./distributions.ts";
import type { MarketSettings } from "./settings.ts";
import type { Shop } from "./shop.ts";

export interface Visit {
  readonly item: number;
  /** Place in `actions`. */
  readonly action: number;
  /** Unix seconds, whole; each later than the one before. */
  readonly time: number;
}

/** How busy each hour of the day is (UTC; a made-up curve with a dip at night and a peak in the evening). */
const hours = weighted([3, 2, 1, 1, 1, 2, 4, 7, 10, 12, 13, 13, 14, 13, 12, 12, 13, 14, 16, 19, 21, 19, 13, 7]);

export const actionNumbers = Object.fromEntries(actions.map((action, number) => [action, number])) as Record<Action, number>;

/**
 * All events of customer number `customer`. They depend on the settings, the shop and that number only: a market of more customers
 * begins with the same ones.
 */
export function visitsOf(customer: number, shop: Shop, settings: MarketSettings): readonly Visit[] {
  const random = seededRandom(settings.seed, "market", "customer", customer);
  const tastes = drawTastes(shop.categoryWeights, settings, random);
  const sessions = 1 + Math.floor(settings.sessionScale * gamma(settings.sessionShape, random));
  const closes = settings.opens + settings.days * secondsOfDay;
  const visits: Visit[] = [];
  const remembered: number[] = []; // items looked at and not bought, the latest last
  let start = atBusyHour(settings.opens + random.fraction() * settings.arrivals * settings.days * secondsOfDay, random);
  for (let session = 0; session < sessions && start < closes && visits.length < settings.mostEvents; session++) {
    oneSession(start, tastes, remembered, visits, shop, settings, random);
    const end = visits.at(-1)?.time ?? start;
    const next = end + visitGap + secondsOfDay * lognormal(settings.returnMedianDays, settings.returnSpread, random);
    start = Math.max(atBusyHour(next, random), end + visitGap + 1);
  }
  return visits.slice(0, settings.mostEvents);
}

/** Dirichlet by independent gammas, as weights to draw a category by. */
export function drawTastes(
  categoryWeights: readonly number[],
  { tasteConcentration }: MarketSettings,
  random: SeededRandom,
): Weighted {
  const total = categoryWeights.reduce((sum, weight) => sum + weight, 0);
  const shape = (weight: number) => (tasteConcentration * categoryWeights.length * weight) / total;
  const drawn = categoryWeights.map((weight) => gamma(shape(weight), random));
  return weighted(drawn.some((weight) => weight > 0) ? drawn : categoryWeights); // tiny shapes can underflow to 0 throughout
}

/** The same day, at an hour by how busy hours are. */
export function atBusyHour(time: number, random: SeededRandom): number {
  return Math.floor(time / secondsOfDay) * secondsOfDay + draw(hours, random) * 3600 + random.below(3600);
}

/** Appends one session's events to `visits`, and keeps `remembered` up to date. */
function oneSession(
  start: number,
  tastes: Weighted,
  remembered: number[],
  visits: Visit[],
  shop: Shop,
  settings: MarketSettings,
  random: SeededRandom,
): void {
  const looks = 1 + Math.floor(exponential(settings.furtherLooks, random));
  let time = start;
  let category = draw(tastes, random);
  let item = 0;
  const happens = (action: Action) => {
    visits.push({ item, action: actionNumbers[action], time });
    const pause = lognormal(settings.lookMedianSeconds, settings.lookSpread, random);
    time += Math.min(visitGap - 1, Math.max(1, Math.round(pause)));
  };
  for (let look = 0; look < looks; look++) {
    const revisit = remembered.length > 0 && chance(settings.revisit, random);
    item = revisit ? fromMemory(remembered, settings, random) : nextItem(item, category, tastes, shop, settings, random);
    category = shop.categoryOf[item] ?? category;
    happens("view");
    if (chance(settings.viewTwice, random)) happens("view");
    if (chance(settings.favourite, random)) happens("favourite");
    remember(remembered, item);
    if (!chance(revisit ? settings.cartAtRevisit : settings.cart, random)) continue;
    happens("cart");
    if (!chance(settings.buy, random)) continue;
    happens("buy");
    remembered.pop(); // who has it does not come back to look at it
    if (chance(settings.leaveAfterBuying, random)) return;
  }
}

/** An item that goes with the last one, or one of a category by popularity. `last` is 0 at a session's start. */
export function nextItem(
  last: number,
  category: number,
  tastes: Weighted,
  shop: Shop,
  settings: MarketSettings,
  random: SeededRandom,
): number {
  const companions = shop.companions[last] ?? [];
  if (companions.length > 0 && chance(settings.followCompanion, random)) {
    const companion = companions[draw(shop.companionWeights, random)];
    if (companion !== undefined) return companion;
  }
  const chosen = last === 0 || chance(settings.stayInCategory, random) ? category : draw(tastes, random);
  const popularity = shop.popularity[chosen];
  const item = popularity === undefined ? undefined : shop.ranked[chosen]?.[draw(popularity, random)];
  return item ?? 1;
}

/** From the latest backwards, each taken with the same chance; the earliest if none was. */
export function fromMemory(remembered: readonly number[], { revisitRecency }: MarketSettings, random: SeededRandom): number {
  let back = 1;
  while (back < remembered.length && !chance(revisitRecency, random)) back++;
  return remembered.at(-back) ?? 1;
}

/** Makes the item the latest, once. */
export function remember(remembered: number[], item: number): void {
  const place = remembered.indexOf(item);
  if (place >= 0) remembered.splice(place, 1);
  remembered.push(item);
}
