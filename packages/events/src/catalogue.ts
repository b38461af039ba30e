/** The public list of items. An item's number in histories and models is its place in it, counted from 1. */
export interface CatalogueItem {
  readonly id: string;
  readonly title?: string;
  readonly category?: string;
  readonly brand?: string;
  readonly price?: number;
  readonly attributes?: readonly string[];
}

export interface Catalogue {
  readonly items: readonly CatalogueItem[];
  /** Item id to its number, counted from 1. */
  readonly numbers: ReadonlyMap<string, number>;
}
