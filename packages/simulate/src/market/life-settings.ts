/**
 * Constants of a market in which customers show that they will leave, differ in what they buy, and are shown adverts (`living-market.ts`). They are made up:
 * what is taken from the literature is what happens before a customer leaves, not how much of it.
 *
 * - Who leaves does so in steps: visits become rarer and shorter, less is bought, and out of fewer categories (partial defection: Buckinx & Van den Poel, European
 *   Journal of Operational Research 164, 2005; hidden states of a relationship: Netzer, Lattin & Srinivasan, Marketing Science 27, 2008).
 * - Customers differ in their pace and in how soon they leave (Schmittlein, Morrison & Colombo, Management Science 33, 1987).
 * - A click depends on taste, on what was looked at just now, on place and price (position bias: Craswell et al., WSDM 2008).
 */
import { fail } from "@tributary/errors";

export interface LifeSettings {
  // ── pace and leaving ──
  /** Days between a customer's visits: the market's median, σ of its logarithm over customers, and within one of them. */
  readonly paceMedianDays: number;
  readonly paceSpread: number;
  readonly pauseSpread: number;
  /** After a visit, chance to begin to fade: the market's median, and σ of its logarithm over customers. */
  readonly fade: number;
  readonly fadeSpread: number;
  /** Of one who fades: chance to come round again. */
  readonly recover: number;
  /** Chance that a visit was the last: of one who is engaged, and of one who fades. */
  readonly leave: number;
  readonly leaveFading: number;
  /** What fading multiplies: pauses, further looks, the chance of a cart, and the chance to change the category. */
  readonly slowing: number;
  readonly shorter: number;
  readonly fewerCarts: number;
  readonly narrowing: number;

  // ── buying ──
  /** σ over customers of the log-odds of putting something into the cart, and of buying what is in it. */
  readonly cartSpread: number;
  readonly buySpread: number;

  // ── adverts ──
  /** Chance that adverts are shown after a look, and how many at most, one below the other. */
  readonly shown: number;
  readonly slots: number;
  /** Items that are advertised. */
  readonly advertised: number;
  /** Chance that an advert is of the category that is looked at. */
  readonly targeted: number;
  /** Log-odds of a click: at nothing at all; per unit of ln(taste / the market's taste); of the category looked at; of a companion; per slot; per ln(price / the category's median); σ over customers and items; of who fades. */
  readonly click: number;
  readonly clickTaste: number;
  readonly clickCategory: number;
  readonly clickCompanion: number;
  readonly clickSlot: number;
  readonly clickPrice: number;
  readonly clickCustomerSpread: number;
  readonly clickItemSpread: number;
  readonly clickFading: number;
}

export const lifeDefaults: LifeSettings = {
  paceMedianDays: 4,
  paceSpread: 0.7,
  pauseSpread: 0.6,
  fade: 0.06,
  fadeSpread: 0.8,
  recover: 0.1,
  leave: 0.005,
  leaveFading: 0.25,
  slowing: 1.8,
  shorter: 0.45,
  fewerCarts: 0.4,
  narrowing: 0.15,
  cartSpread: 0.8,
  buySpread: 1.2,
  shown: 0.25,
  slots: 3,
  advertised: 80,
  targeted: 0.4,
  click: -2.6,
  clickTaste: 0.5,
  clickCategory: 0.8,
  clickCompanion: 1,
  clickSlot: -0.5,
  clickPrice: -0.5,
  clickCustomerSpread: 0.8,
  clickItemSpread: 0.5,
  clickFading: -0.7,
};

const probabilities = [
  "fade",
  "recover",
  "leave",
  "leaveFading",
  "fewerCarts",
  "narrowing",
  "shown",
  "targeted",
] as const satisfies (keyof LifeSettings)[];
const positives = ["paceMedianDays", "pauseSpread", "slowing", "shorter"] as const satisfies (keyof LifeSettings)[];
const counts = ["slots", "advertised"] as const satisfies (keyof LifeSettings)[];

/**
 * The defaults with these put over them.
 * @throws TRB_SIMULATE_MARKET_OPTION
 */
export function lifeSettings(options: Partial<LifeSettings>): LifeSettings {
  const settings: LifeSettings = { ...lifeDefaults, ...options };
  const check = (names: readonly (keyof LifeSettings)[], holds: (value: number) => boolean, reason: string) => {
    for (const option of names) {
      if (!holds(settings[option])) throw fail("TRB_SIMULATE_MARKET_OPTION", { option, value: settings[option], reason });
    }
  };
  const all = Object.keys(lifeDefaults).filter((name): name is keyof LifeSettings => name in lifeDefaults);
  check(all, Number.isFinite, "it has to be a number");
  check(probabilities, (value) => value >= 0 && value <= 1, "it has to lie between 0 and 1");
  check(positives, (value) => value > 0, "it has to be above 0");
  check(counts, (value) => Number.isInteger(value) && value >= 1, "it has to be a whole number above 0");
  return settings;
}
