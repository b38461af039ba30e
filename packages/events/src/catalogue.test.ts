import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type CatalogueItem, catalogueBytes, makeCatalogue, parseCatalogue } from "./catalogue.ts";
import { refusal } from "./log-files.fixture.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const words = fc.constantFrom("red", "blue", "ü", "𝄞", "a b", '"');
const item = fc.record(
  {
    id: fc.string({ unit: fc.constantFrom("a", "b", "é", "1", "/"), minLength: 1, maxLength: 5 }),
    title: words,
    category: words,
    brand: words,
    price: fc.double({ min: 0, max: 1e9, noNaN: true }),
    attributes: fc.array(words, { maxLength: 4 }),
  },
  { requiredKeys: ["id"] },
) as fc.Arbitrary<CatalogueItem>;
const items = fc.uniqueArray(item, { selector: ({ id }) => id, minLength: 1, maxLength: 10 });

describe("a catalogue", () => {
  it("numbers its items from 1 in their order", () => {
    const catalogue = makeCatalogue([{ id: "z" }, { id: "a" }]);
    expect([...catalogue.numbers]).toEqual([
      ["z", 1],
      ["a", 2],
    ]);
  });

  it("has canonical bytes: keys ascending, nothing empty, attributes sorted, one newline an item", () => {
    const messy =
      '{"title":"T","id":7,"price":1.50,"attributes":["b","a","b",3],"brand":null,"category":"", "stock":4}\r\n\n{"id":" x "}';
    const catalogue = parseCatalogue(bytes(messy));
    expect(new TextDecoder().decode(catalogueBytes(catalogue))).toBe(
      '{"attributes":["3","a","b"],"id":"7","price":1.5,"title":"T"}\n{"id":"x"}\n',
    );
    expect(catalogue.unknownKeys).toBe(1);
  });

  it("knows no negative zero, which would be equal and not the same", () => {
    expect(Object.is(parseCatalogue(bytes('{"id":"a","price":-0}')).items[0]?.price, 0)).toBe(true);
  });

  it("keeps its hash: changing the format would change every plan's catalogueHash", () => {
    const catalogue = makeCatalogue([
      { id: "a", title: "A", category: "c", brand: "b", price: 0.1, attributes: ["x", "é"] },
      { id: "b" },
    ]);
    const digest = createHash("sha256").update(catalogueBytes(catalogue)).digest("hex");
    // printf '%s\n' '{"attributes":["x","é"],"brand":"b","category":"c","id":"a","price":0.1,"title":"A"}' '{"id":"b"}' | sha256sum
    expect(digest).toBe("46c4c3dd1196c649f8abddc8c06d45f087e14a2a6c6fa6e2a2337887e7d6c07f");
  });

  it("is the same after its bytes are read, and its bytes are the same whatever order an item's keys came in", () => {
    fc.assert(
      fc.property(items, (list) => {
        const catalogue = makeCatalogue(list);
        const { unknownKeys, ...read } = parseCatalogue(catalogueBytes(catalogue));
        expect(read).toEqual(catalogue);
        expect(unknownKeys).toBe(0);
        const reversed = list.map((one) => Object.fromEntries(Object.entries(one).reverse()));
        const lines = reversed.map((one) => JSON.stringify(one)).join("\n");
        expect(catalogueBytes(parseCatalogue(bytes(lines)))).toEqual(catalogueBytes(catalogue));
      }),
    );
  });

  it.each([
    ["", "TRB_EVENTS_CATALOGUE_EMPTY"],
    ["\n\n", "TRB_EVENTS_CATALOGUE_EMPTY"],
    ['{"id":"a"}\n{"id":"a"}', "TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM"],
    ['{"id":"7"}\n{"id":7}', "TRB_EVENTS_CATALOGUE_DUPLICATE_ITEM"],
    ["no json", "TRB_EVENTS_CATALOGUE_INVALID"],
    ['["a"]', "TRB_EVENTS_CATALOGUE_INVALID"],
    ["null", "TRB_EVENTS_CATALOGUE_INVALID"],
    ['{"title":"no id"}', "TRB_EVENTS_CATALOGUE_INVALID"],
    ['{"id":" "}', "TRB_EVENTS_CATALOGUE_INVALID"],
    ['{"id":1.5}', "TRB_EVENTS_CATALOGUE_INVALID"],
    ['{"id":"\\ud800"}', "TRB_EVENTS_CATALOGUE_INVALID"],
    ['{"id":"a","price":-1}', "TRB_EVENTS_CATALOGUE_INVALID"],
    ['{"id":"a","price":"cheap"}', "TRB_EVENTS_CATALOGUE_INVALID"],
    ['{"id":"a","attributes":"red"}', "TRB_EVENTS_CATALOGUE_INVALID"],
  ] as const)("refuses %j with %s", async (text, code) => {
    expect((await refusal(() => parseCatalogue(bytes(text)))).code).toBe(code);
  });

  it("names the line and the key that are wrong", async () => {
    const { details } = await refusal(() => parseCatalogue(bytes('{"id":"a"}\n\n{"id":"b","price":-1}')));
    expect(details["line"]).toBe(3);
    expect(details["reason"]).toContain("price");
  });
});
