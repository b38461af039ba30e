/** What to show next: the best items that pass the filters, apart from what is excluded, spread out where that is wished. */
import { actions, ownItems } from "@tributary/events";
import { bestOf, type CustomerEvents, diversify } from "@tributary/model";
import type { z } from "zod";
import type { OwnNames } from "../item-names.ts";
import { type Asked, itemNumber } from "./asked.ts";
import type { Prepared } from "./prepare.ts";
import type { ServedModel, Shelf } from "./served-model.ts";
import type { Filters, recommendAnswer, recommendBody } from "./words.ts";

/** Candidates that are looked at for each item that is wished, where they are spread out. */
const poolOf = (k: number) => Math.max(50, 5 * k);

const buy = actions.indexOf("buy");

export async function recommend(
  { prepared, ranker }: ServedModel,
  shelf: Shelf,
  asked: Asked,
  { k, filters, exclude, diversity, bought }: Omit<z.infer<typeof recommendBody>, "customer" | "history">,
): Promise<z.infer<typeof recommendAnswer>> {
  const { names } = shelf;
  const out = names?.sells === undefined ? new Uint8Array(shelf.catalogue.items.length) : unsoldOf(shelf, names, names.sells);
  for (const [place, id] of exclude.entries()) out[itemNumber(shelf, id, `exclude.${place}`) - 1] = 1;
  if (bought === "exclude") for (const item of boughtItems(asked.events)) out[item - 1] = 1;
  if (filters !== undefined) excludeFiltered(shelf, filters, out);
  const { pool, scores } = await ranker.withScores(asked.events, ({ values }) => {
    const best = bestOf(values, diversity > 0 ? poolOf(k) : k, out);
    return { pool: best, scores: Float64Array.from(best, (place) => values[place] as number) };
  });
  const items = pool.map((place) => place + 1);
  const chosen = diversify(items, scores, k, diversity, prepared.similarity);
  return {
    items: chosen.map((place) => {
      const item = shelf.catalogue.items[pool[place] as number];
      const title = item?.title;
      const sku = names?.skuOf((pool[place] as number) + 1);
      return {
        item: item?.id ?? "",
        score: scores[place] as number,
        ...(sku === undefined ? {} : { sku }),
        ...(title === undefined ? {} : { title }),
      };
    }),
    basis: basisOf(prepared, asked),
    model: { ...prepared.origin, parts: [...prepared.origin.parts] },
  };
}

/** Where the merchant said what it sells: looked up once for its list and not for every request. */
const unsold = new WeakMap<OwnNames, Uint8Array>();

/** [items] 1 at places that this merchant doesn't sell; the caller's own. */
function unsoldOf({ catalogue }: Shelf, names: OwnNames, sells: (item: number) => boolean): Uint8Array {
  const known = unsold.get(names) ?? Uint8Array.from(catalogue.items, (_, place) => (sells(place + 1) ? 0 : 1));
  unsold.set(names, known);
  return known.slice();
}

/** By what items are scored for this customer. */
export function basisOf({ tables, origin }: Prepared, { events }: Asked): "history" | "popularity" | "catalogue" {
  const popular = tables.served !== undefined || tables.own !== undefined;
  if (!origin.fallback && ownItems(events).some((item) => item > 0)) return "history";
  const told = (tables.weights.mixture.topics ?? 0) > 0 && events.topics?.some((topic) => topic > 0) === true;
  if (!origin.fallback && told) return "history";
  return popular ? "popularity" : "catalogue";
}

function* boughtItems({ items, actions: done }: CustomerEvents): Generator<number> {
  for (let event = 0; event < items.length; event++) {
    if (done[event] === buy && (items[event] as number) > 0) yield items[event] as number;
  }
}

/** Marks what doesn't pass. An item of which the catalogue doesn't say what is asked for does not pass. */
function excludeFiltered({ catalogue }: Shelf, { category, brand, attributes, price }: Filters, out: Uint8Array): void {
  const [categories, brands] = [category && new Set(category), brand && new Set(brand)];
  for (const [place, item] of catalogue.items.entries()) {
    const passes =
      (categories === undefined || (item.category !== undefined && categories.has(item.category))) &&
      (brands === undefined || (item.brand !== undefined && brands.has(item.brand))) &&
      (attributes === undefined || attributes.every((one) => item.attributes?.includes(one))) &&
      (price === undefined || isWithin(item.price, price));
    if (!passes) out[place] = 1;
  }
}

function isWithin(
  price: number | undefined,
  { from = 0, to = Number.POSITIVE_INFINITY }: NonNullable<Filters["price"]>,
): boolean {
  return price !== undefined && price >= from && price <= to;
}
