/** The market's items: categories, popularity within them, lines and brands, and which items go together. */
import { type Catalogue, type CatalogueItem, makeCatalogue, type SeededRandom, seededRandom, shuffle } from "@tributary/events";
import { chance, draw, lognormal, type Weighted, weighted, zipf } from "./distributions.ts";
import type { MarketSettings } from "./settings.ts";

/** Items are told by their number in the catalogue, counted from 1; categories by their rank, counted from 0. */
export interface Shop {
  readonly catalogue: Catalogue;
  /** `[items + 1]`: the category of each item number. */
  readonly categoryOf: Uint16Array;
  /** Of each category: item numbers, the most popular first. */
  readonly ranked: readonly (readonly number[])[];
  /** Of each category: weights of `ranked`. */
  readonly popularity: readonly Weighted[];
  /** Weight of each category among customers. */
  readonly categoryWeights: readonly number[];
  /** `[items + 1]`: item numbers that go with each item, the closest first. */
  readonly companions: readonly (readonly number[])[];
  readonly companionWeights: Weighted;
}

/** Median price of a category, in currency units: lognormal over categories, and so are items within one. */
const priceMedian = 30;
const priceSpreadOfCategories = 0.8;
const priceSpreadOfItems = 0.4;

/**
 * Builds the shop. Ids are a random permutation, because an id that grows with popularity or category would help whoever breaks ties by it.
 */
export function openShop(settings: MarketSettings): Shop {
  const random = seededRandom(settings.seed, "market", "shop");
  const sizes = categorySizes(settings);
  const names = shuffle(
    Array.from({ length: settings.items }, (_, place) => place + 1),
    random,
  );
  const lineOf = new Map<number, string>();
  const items: { number: number; item: CatalogueItem }[] = [];
  const ranked = sizes.map((size, category) => {
    const name = `category-${twoDigits(category + 1)}`;
    const price = lognormal(priceMedian, priceSpreadOfCategories, random);
    const lines = Math.max(1, Math.round(size / settings.itemsPerLine));
    return names.splice(0, size).map((number) => {
      const line = `line-${twoDigits(category + 1)}-${twoDigits(random.below(lines) + 1)}`;
      const brand = `brand-${twoDigits(random.below(settings.brands) + 1)}`;
      lineOf.set(number, line);
      items.push({ number, item: describe(number, name, line, brand, lognormal(price, priceSpreadOfItems, random)) });
      return number;
    });
  });
  items.sort((a, b) => a.number - b.number); // ids have equal length, so this is their order by code unit as well
  const catalogue = makeCatalogue(
    items.map(({ item }) => item),
    "synthetic market",
  );

  const categoryOf = new Uint16Array(settings.items + 1);
  ranked.forEach((numbers, category) => {
    for (const number of numbers) categoryOf[number] = category;
  });
  const popularity = ranked.map((numbers) => weighted(zipf(numbers.length, settings.itemZipf)));
  const shop = { catalogue, categoryOf, ranked, popularity, categoryWeights: zipf(sizes.length, settings.categoryZipf) };
  const companions = chooseCompanions(shop, lineOf, settings, random);
  return { ...shop, companions, companionWeights: weighted(zipf(settings.companions, 1)) };
}

/** Items of each category: one for each, the rest by weight, remainders to the largest categories. */
function categorySizes({ items, categories, categorySizeZipf }: MarketSettings): number[] {
  const weights = zipf(categories, categorySizeZipf);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const sizes = weights.map((weight) => 1 + Math.floor(((items - categories) * weight) / total));
  const missing = items - sizes.reduce((sum, size) => sum + size, 0);
  return sizes.map((size, category) => size + (category < missing ? 1 : 0));
}

function describe(number: number, category: string, line: string, brand: string, price: number): CatalogueItem {
  return {
    id: `p${String(number).padStart(7, "0")}`,
    title: `Item ${number} of ${brand}`,
    category,
    brand,
    price: Math.max(1, Math.round(price * 100) / 100),
    attributes: [line],
  };
}

/**
 * What goes with each item. Most companions are of the same category, half of these of the same line; the others are of the category's
 * partner, which a random cycle through all categories gives it (phones and covers, beds and sheets).
 */
function chooseCompanions(
  { categoryOf, ranked, popularity }: Pick<Shop, "categoryOf" | "ranked" | "popularity">,
  lineOf: ReadonlyMap<number, string>,
  settings: MarketSettings,
  random: SeededRandom,
): number[][] {
  const partners = settings.partnersSeed === undefined ? random : seededRandom(settings.partnersSeed, "market", "partners");
  const cycle = shuffle([...ranked.keys()], partners);
  const partner = new Map(cycle.map((category, place) => [category, cycle[(place + 1) % cycle.length] ?? category]));
  const membersOfLine = Map.groupBy(lineOf.keys(), (number) => lineOf.get(number) ?? "");
  const pick = (category: number) => ranked[category]?.[draw(popularity[category] ?? new Float64Array(1), random)] ?? 1;
  const candidate = (number: number, category: number) => {
    if (!chance(settings.companionSameCategory, random)) return pick(partner.get(category) ?? category);
    const line = membersOfLine.get(lineOf.get(number) ?? "") ?? [];
    return chance(settings.companionSameLine, random) ? (line[random.below(line.length)] ?? number) : pick(category);
  };
  const tries = 20 * settings.companions; // a market of three items has not six companions for each
  return Array.from({ length: settings.items + 1 }, (_, number) => {
    const chosen = new Set<number>();
    if (number === 0) return [];
    for (let attempt = 0; attempt < tries && chosen.size < settings.companions; attempt++) {
      const other = candidate(number, categoryOf[number] ?? 0);
      if (other !== number) chosen.add(other);
    }
    return [...chosen];
  });
}

const twoDigits = (number: number) => String(number).padStart(2, "0");
