/**
 * Every constant of the synthetic market, and why it has that value.
 *
 * The market is a stage for demonstrations and tests, not evidence: no real shop behaves exactly so, and every output that uses it says "synthetic".
 * The values were set so that the log's shape is that of published shop logs, RetailRocket above all, before any attention model was trained on it:
 *
 * | | RetailRocket subset | this market |
 * |---|---|---|
 * | customers whose last item event repeats an earlier item | 57 % | 46 % |
 * | events on the most popular fifth of the items | 57 % | 58 % |
 * | views, carts, purchases | 77, 13, 10 % | 84, 9, 4 % |
 * | median and 90 % quantile of events a customer | 9, 49 | 11, 40 |
 * | mean events a session | 6 | 5 |
 *
 * What there is to find in it besides popularity: each customer's tastes, what goes with what, and what the customer looked at before.
 */
import { fail } from "@tributary/errors";

export interface MarketSettings {
  /** Names the whole market: the same settings give the same bytes. */
  readonly seed: number;
  readonly customers: number;
  readonly items: number;
  readonly categories: number;

  // ── items ──
  /** The r-th most popular item of a category is looked at with weight r^−this. */
  readonly itemZipf: number;
  /** The r-th category attracts customers with weight r^−this. */
  readonly categoryZipf: number;
  /** The r-th category has a number of items with weight r^−this. */
  readonly categorySizeZipf: number;
  readonly brands: number;
  /** How many items a product line has on average. Lines are the items' public attributes. */
  readonly itemsPerLine: number;
  /** How many items go with an item; the r-th is chosen with weight 1/r. */
  readonly companions: number;
  /** Chance that a companion is of the same category; otherwise it is of that category's partner category. */
  readonly companionSameCategory: number;
  /** Chance that a companion of the same category is of the same line. */
  readonly companionSameLine: number;
  /** Names which category is whose partner, where several markets are to have that in common; without it each has its own, by its seed. */
  readonly partnersSeed?: number;

  // ── customers ──
  /** A customer's tastes are Dirichlet(this · categories · category weights): the smaller, the more each keeps to few categories. */
  readonly tasteConcentration: number;
  /** Sessions of a customer: 1 + ⌊Gamma(shape, scale)⌋. A shape below 1 gives the usual crowd of one-time visitors and few regulars. */
  readonly sessionShape: number;
  readonly sessionScale: number;
  /** Items looked at in a session: 1 + ⌊Exponential(mean)⌋. */
  readonly furtherLooks: number;
  /** A customer's events end here: shops cut off robots. */
  readonly mostEvents: number;

  /** Chance to search for a category by its name before the first look at it, in a session or after another one; absent: nobody searches. */
  readonly searches?: number;

  // ── the next look ──
  /** Chance to come back to one of the items looked at before. */
  readonly revisit: number;
  /** Which one: the latest with this chance, else the one before it with this chance, and so on. */
  readonly revisitRecency: number;
  /** Chance (when it is no revisit) to go on to a companion of the item just seen. */
  readonly followCompanion: number;
  /** Chance (when it is neither) to stay in the category; otherwise the customer's tastes choose again. */
  readonly stayInCategory: number;

  // ── the funnel, per look ──
  /** Chance that the page is viewed twice. */
  readonly viewTwice: number;
  readonly favourite: number;
  /** Chance that a view leads to the cart: at the first look, and at a revisit. */
  readonly cart: number;
  readonly cartAtRevisit: number;
  /** Chance that what is in the cart is bought, in the same session. */
  readonly buy: number;
  /** Chance that a purchase ends the session. */
  readonly leaveAfterBuying: number;

  // ── time ──
  /** Unix seconds at which the market opens. */
  readonly opens: number;
  /** Days that the log covers; sessions after it are not in the log. */
  readonly days: number;
  /** Share of the days in which first sessions fall, so that most customers have time to return. */
  readonly arrivals: number;
  /** Days between a customer's sessions: lognormal, by its median and its σ. */
  readonly returnMedianDays: number;
  readonly returnSpread: number;
  /** Seconds between events of a session: lognormal, by its median and its σ. */
  readonly lookMedianSeconds: number;
  readonly lookSpread: number;
}

export const marketDefaults: MarketSettings = {
  seed: 1,
  customers: 3000,
  items: 600,
  categories: 12,
  itemZipf: 0.9,
  categoryZipf: 0.5,
  categorySizeZipf: 0.5,
  brands: 40,
  itemsPerLine: 8,
  companions: 6,
  companionSameCategory: 0.7,
  companionSameLine: 0.5,
  tasteConcentration: 0.3,
  sessionShape: 0.8,
  sessionScale: 4,
  furtherLooks: 3.4,
  mostEvents: 300,
  revisit: 0.15,
  revisitRecency: 0.3,
  followCompanion: 0.35,
  stayInCategory: 0.8,
  viewTwice: 0.08,
  favourite: 0.03,
  cart: 0.1,
  cartAtRevisit: 0.25,
  buy: 0.45,
  leaveAfterBuying: 0.4,
  opens: Date.UTC(2025, 0, 1) / 1000,
  days: 180,
  arrivals: 0.75,
  returnMedianDays: 1.5,
  returnSpread: 1.6,
  lookMedianSeconds: 40,
  lookSpread: 1.1,
};

const probabilities = [
  "companionSameCategory",
  "companionSameLine",
  "revisit",
  "revisitRecency",
  "followCompanion",
  "stayInCategory",
  "viewTwice",
  "favourite",
  "cart",
  "cartAtRevisit",
  "buy",
  "leaveAfterBuying",
  "arrivals",
  "searches",
] as const satisfies (keyof MarketSettings)[];
const counts = [
  "customers",
  "items",
  "categories",
  "brands",
  "companions",
  "mostEvents",
  "days",
] as const satisfies (keyof MarketSettings)[];
const positives = [
  "itemsPerLine",
  "tasteConcentration",
  "sessionShape",
  "sessionScale",
  "furtherLooks",
  "returnMedianDays",
  "lookMedianSeconds",
] as const satisfies (keyof MarketSettings)[];
const notNegatives = [
  "itemZipf",
  "categoryZipf",
  "categorySizeZipf",
  "returnSpread",
  "lookSpread",
  "opens",
] as const satisfies (keyof MarketSettings)[];

/** Ids are numbered with seven digits. */
const most = 9_999_999;

/**
 * The defaults with these put over them.
 * @throws TRB_SIMULATE_MARKET_OPTION
 */
export function marketSettings(options: Partial<MarketSettings>): MarketSettings {
  const settings: MarketSettings = { ...marketDefaults, ...options };
  const check = (names: readonly (keyof MarketSettings)[], holds: (value: number) => boolean, reason: string) => {
    for (const option of names) {
      const value = settings[option];
      if (value !== undefined && !holds(value)) throw fail("TRB_SIMULATE_MARKET_OPTION", { option, value, reason });
    }
  };
  check(["seed", "partnersSeed"], Number.isSafeInteger, "it has to be a whole number");
  check(
    counts,
    (value) => Number.isInteger(value) && value >= 1 && value <= most,
    `it has to be a whole number from 1 to ${most}`,
  );
  check(probabilities, (value) => value >= 0 && value <= 1, "it has to lie between 0 and 1");
  check(positives, (value) => value > 0 && value <= most, `it has to be above 0 and at most ${most}`);
  check(notNegatives, (value) => value >= 0 && value < 1e11, "it has to be 0 or above");
  check(["categories"], (value) => value <= settings.items, "there have to be at least as many items as categories");
  return settings;
}
