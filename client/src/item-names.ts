/**
 * A catalogue under a merchant's own names. A log is read by it as if its SKUs were the items, and histories then get the catalogue's own numbers: one pass over
 * flat arrays, whatever rule made the names. The door of serving takes and gives both.
 */
import { type Catalogue, type CatalogueItem, type Histories, type ItemNaming, sharedIdOf } from "@tributary/events";

export interface NamedCatalogue {
  /** What a log is read by: every SKU as an item, and every id as it is. */
  readonly aliases: Catalogue;
  /** `[aliases + 1]`: number of an alias to the catalogue's number. */
  readonly numbers: Int32Array;
  /** SKUs of the log that a rule named, with their items. */
  readonly seen: ReadonlyMap<string, string>;
}

/** @param skus of the log, where a rule can't list by itself what it names */
export function underOwnNames(catalogue: Catalogue, naming: ItemNaming, skus: Iterable<string>): NamedCatalogue {
  const numberOf = new Map<string, number>();
  const seen = new Map<string, string>();
  const add = (sku: string): string | undefined => {
    const id = sharedIdOf(sku, naming);
    const number = id === undefined ? undefined : catalogue.numbers.get(id);
    if (id === undefined || number === undefined) return undefined;
    if (!numberOf.has(sku)) numberOf.set(sku, number);
    return id;
  };
  for (const sku of naming.pairs?.keys() ?? []) add(sku);
  for (const sku of skus) {
    const id = add(sku);
    if (id !== undefined && naming.pairs?.has(sku) !== true) seen.set(sku, id);
  }
  for (const sku of inNamespace(catalogue, naming)) add(sku);
  for (const { id } of catalogue.items) if (!numberOf.has(id)) numberOf.set(id, catalogue.numbers.get(id) ?? 0);
  const items = [...numberOf].map(([id, number]): CatalogueItem => ({ ...(catalogue.items[number - 1] as CatalogueItem), id }));
  const places = new Map([...numberOf.keys()].map((id, place) => [id, place + 1]));
  return { aliases: { items, numbers: places }, numbers: Int32Array.of(0, ...numberOf.values()), seen };
}

/** SKUs of the merchant's own namespace, of which the catalogue has the items. */
function* inNamespace({ items }: Catalogue, { namespace }: ItemNaming): Generator<string> {
  if (namespace === undefined) return;
  const prefix = `${namespace}:`;
  for (const { id } of items) if (id.startsWith(prefix)) yield id.slice(prefix.length);
}

/** The same events, by the catalogue's numbers. */
export const renumbered = (histories: Histories, { numbers }: NamedCatalogue): Histories => ({
  ...histories,
  items: histories.items.map((item) => numbers[item] as number),
});

/** What the door of serving calls items. */
export interface OwnNames {
  /** The merchant's own name of an item, counted from 1. */
  skuOf(item: number): string | undefined;
  /** An item's number by the merchant's own name. */
  numberOf(sku: string): number | undefined;
  /** Whether the merchant has the item at all; undefined where its names don't say. */
  readonly sells: ((item: number) => boolean) | undefined;
}

export function ownNames(catalogue: Catalogue, naming: ItemNaming & { readonly seen: ReadonlyMap<string, string> }): OwnNames {
  const skus = new Map<number, string>();
  const note = (sku: string) => {
    const number = catalogue.numbers.get(sharedIdOf(sku, naming) ?? "");
    if (number !== undefined && !skus.has(number)) skus.set(number, sku);
  };
  for (const sku of naming.pairs?.keys() ?? []) note(sku);
  for (const sku of naming.seen.keys()) note(sku);
  for (const sku of inNamespace(catalogue, naming)) note(sku);
  // a rule about numbers on products doesn't list what a shop has
  const lists = naming.pairs !== undefined || naming.namespace !== undefined;
  return {
    skuOf: (item) => skus.get(item),
    numberOf: (sku) => catalogue.numbers.get(sharedIdOf(sku, naming) ?? ""),
    sells: lists ? (item) => skus.has(item) : undefined,
  };
}
