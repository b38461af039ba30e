/**
 * One catalogue of several merchants' parts. Items of a namespace stand in one part; what several sell, by GTIN, stands in several, and is described as the
 * first part has it, its attributes as all have them together. The result depends on the parts and their order alone, so that whoever has them can make
 * it again.
 */
import { type Catalogue, type CatalogueItem, makeCatalogue } from "../catalogue.ts";
import { compareCodeUnits } from "../cleaning/order-events.ts";

export interface MergedCatalogue extends Catalogue {
  /** Items that stand in more than one part. */
  readonly shared: number;
  /** Fields of those that the parts say differently; the first part's word stands. */
  readonly differences: number;
}

/** Items ascending by id. @throws TRB_EVENTS_CATALOGUE_EMPTY, TRB_EVENTS_CATALOGUE_INVALID for vectors of two lengths */
export function mergeCatalogues(parts: readonly Catalogue[]): MergedCatalogue {
  const merged = new Map<string, CatalogueItem>();
  const shared = new Set<string>();
  let differences = 0;
  for (const { items } of parts) {
    for (const item of items) {
      const before = merged.get(item.id);
      if (before === undefined) {
        merged.set(item.id, item);
        continue;
      }
      shared.add(item.id);
      for (const key of ["title", "category", "brand", "price"] as const) {
        if (before[key] !== undefined && item[key] !== undefined && before[key] !== item[key]) differences += 1;
      }
      const attributes = [...(before.attributes ?? []), ...(item.attributes ?? [])];
      merged.set(item.id, { ...item, ...before, ...(attributes.length === 0 ? {} : { attributes }) });
    }
  }
  const items = [...merged.values()].sort((a, b) => compareCodeUnits(a.id, b.id));
  return { ...makeCatalogue(items, "the merged parts"), shared: shared.size, differences };
}
