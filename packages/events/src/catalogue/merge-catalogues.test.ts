import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Catalogue, type CatalogueItem, catalogueBytes, makeCatalogue } from "../catalogue.ts";
import { mergeCatalogues } from "./merge-catalogues.ts";

const item: fc.Arbitrary<CatalogueItem> = fc.record(
  {
    id: fc.constantFrom("a:1", "a:2", "b:1", "gtin:1", "gtin:2"),
    title: fc.constantFrom("x", "y"),
    brand: fc.constantFrom("m", "n"),
    attributes: fc.uniqueArray(fc.constantFrom("p", "q", "r"), { maxLength: 3 }),
  },
  { requiredKeys: ["id"] },
) as fc.Arbitrary<CatalogueItem>;
const part = fc
  .uniqueArray(item, { selector: ({ id }) => id, minLength: 1, maxLength: 5 })
  .map((items): Catalogue => makeCatalogue(items));

describe("mergeCatalogues", () => {
  it("has every item once, ascending, the first part's word and everybody's attributes", () => {
    const one = makeCatalogue([{ id: "gtin:1", title: "Tea", attributes: ["green"] }, { id: "a:1" }]);
    const two = makeCatalogue([{ id: "b:1" }, { id: "gtin:1", title: "A tea", brand: "T", attributes: ["loose"] }]);
    const { items, shared, differences } = mergeCatalogues([one, two]);
    expect(items).toEqual([
      { id: "a:1" },
      { id: "b:1" },
      { id: "gtin:1", title: "Tea", brand: "T", attributes: ["green", "loose"] },
    ]);
    expect([shared, differences]).toEqual([1, 1]);
  });

  it("comes to the same however parts are grouped, and leaves a catalogue that is merged with itself as it is", () => {
    const bytes = (catalogue: Catalogue) => new TextDecoder().decode(catalogueBytes(catalogue));
    fc.assert(
      fc.property(part, part, part, (a, b, c) => {
        const all = bytes(mergeCatalogues([a, b, c]));
        expect(bytes(mergeCatalogues([mergeCatalogues([a, b]), c]))).toBe(all);
        expect(bytes(mergeCatalogues([a, mergeCatalogues([b, c])]))).toBe(all);
        expect(bytes(mergeCatalogues([a, b, c, a, b]))).toBe(all);
      }),
      { seed: 39 },
    );
  });
});
