import { isTributaryError } from "@tributary/errors";
import { describe, expect, it } from "vitest";
import { checkSpec, modelSpec } from "../spec.ts";
import { attributesOf, contentFeeds, featureWidthOf, itemContent, type PublicItem } from "./item-content.ts";

const catalogue: readonly PublicItem[] = [
  { category: "shoes", brand: "b", price: 3, attributes: ["colour:red", "new"] },
  { category: "bags", price: 0.5, attributes: ["old", "colour:blue"] },
  { category: "shoes", brand: "a", attributes: [] },
];
const specOf = (names: readonly string[], features = 0, items = 3) =>
  modelSpec({ items, length: 2, width: 4, item: { ids: "none", attributes: attributesOf(catalogue, names), features } });

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
  } catch (error) {
    if (isTributaryError(error)) return error.code;
    throw error;
  }
  return undefined;
}

describe("public content of items", () => {
  it("numbers each attribute's values in the order of their texts, 0 for items without", () => {
    const spec = specOf(["category", "brand", "price", "colour", "property"]);
    expect(spec.item.attributes.map(({ values }) => values)).toEqual([2, 2, 20, 2, 2]);
    const { attributes } = itemContent(spec, catalogue);
    expect(Object.fromEntries([...attributes].map(([name, values]) => [name, [...values]]))).toEqual({
      category: [0, 2, 1, 2],
      brand: [0, 2, 0, 1],
      price: [0, 3, 1, 0],
      colour: [0, 2, 1, 0],
      property: [0, 1, 2, 0],
    });
  });

  it("says of each topic which value of which attribute it is, 0 for none", () => {
    // brand a, brand b, category bags, category shoes, property colour:blue, property colour:red, property new, property old
    const spec = { ...specOf(["category", "brand", "price", "colour", "property"]), topics: 8 };
    const { topics } = itemContent(spec, catalogue);
    expect(Object.fromEntries([...(topics ?? [])].map(([name, values]) => [name, [...values]]))).toEqual({
      category: [0, 0, 0, 1, 2, 0, 0, 0, 0],
      brand: [0, 1, 2, 0, 0, 0, 0, 0, 0],
      colour: [0, 0, 0, 0, 0, 1, 2, 0, 0],
      property: [0, 0, 0, 0, 0, 0, 1, 0, 2], // the first property of an item is its value
    });
    const feeds = contentFeeds(spec, itemContent(spec, catalogue));
    expect(feeds["topicAttribute.brand"]).toEqual({ shape: [9], data: Float32Array.of(0, 1, 2, 0, 0, 0, 0, 0, 0) });
    expect(feeds["topicAttribute.price"]).toBeUndefined();
    expect(codeOf(() => itemContent({ ...spec, topics: 7 }, catalogue))).toBe("TRB_MODEL_CONTENT_ATTRIBUTE");
    expect(
      codeOf(() => contentFeeds(spec, itemContent(specOf(["category", "brand", "price", "colour", "property"]), catalogue))),
    ).toBe("TRB_MODEL_CONTENT_MISSING");
    expect(codeOf(() => checkSpec({ ...specOf(["price"]), topics: 8 }))).toBe("TRB_TRAINING_SPEC_INVALID");
  });

  it("is fed by the graph's names", () => {
    const spec = specOf(["brand"], 2);
    const features = { width: 2, values: Float32Array.of(1, 2, 3, 4, 5, 6) };
    const feeds = contentFeeds(spec, itemContent(spec, catalogue, features));
    expect(feeds["itemAttribute.brand"]).toEqual({ shape: [4], data: Float32Array.of(0, 2, 0, 1) });
    expect(feeds["itemFeatures"]).toEqual({ shape: [3, 2], data: features.values });
    expect(contentFeeds(modelSpec({ items: 3, length: 2, width: 4 }), undefined)).toEqual({});
  });

  it("has the items' own vectors, zero where an item has none", () => {
    const items = [{ features: [1, 2] }, {}, { features: [3, 4] }];
    expect(featureWidthOf(items)).toBe(2);
    const spec = modelSpec({ items: 3, length: 2, width: 4, item: { ids: "own", attributes: [], features: 2 } });
    expect([...itemContent(spec, items).features]).toEqual([1, 2, 0, 0, 3, 4]);
  });

  it("is refused for a table that items share rows of, or that has more rows than there are items", () => {
    for (const items of [2, 4])
      expect(codeOf(() => itemContent(specOf(["brand"], 0, items), catalogue))).toBe("TRB_MODEL_CONTENT_ROWS");
  });

  it("is refused for attributes that the catalogue doesn't have, has one value of, or more values than the model", () => {
    for (const name of ["size", "category"]) {
      const alike = catalogue.map((item) => ({ ...item, category: "shoes" }));
      expect(codeOf(() => attributesOf(alike, [name]))).toBe("TRB_MODEL_CONTENT_ATTRIBUTE");
    }
    expect(codeOf(() => attributesOf([{}, {}], ["price"]))).toBe("TRB_MODEL_CONTENT_ATTRIBUTE");
    const more = catalogue.map((item, i) => ({ ...item, brand: `b${i}` }));
    expect(codeOf(() => itemContent(specOf(["brand"]), more))).toBe("TRB_MODEL_CONTENT_ATTRIBUTE");
  });

  it("is refused with features of another width or number, without them, and with NaN", () => {
    const spec = specOf(["brand"], 2);
    for (const features of [
      undefined, // the items have none of their own
      { width: 3, values: new Float32Array(9) },
      { width: 2, values: new Float32Array(4) },
      { width: 2, values: new Float32Array(6).fill(Number.NaN) },
    ]) {
      expect(codeOf(() => itemContent(spec, catalogue, features))).toBe("TRB_MODEL_CONTENT_FEATURES");
    }
  });

  it("is missed where a model reads it, or when it is another model's", () => {
    const spec = specOf(["brand"], 2);
    const other = itemContent(specOf(["category"]), catalogue);
    for (const content of [undefined, other])
      expect(codeOf(() => contentFeeds(spec, content))).toBe("TRB_MODEL_CONTENT_MISSING");
  });

  it("is refused in a model that would multiply by a single column, whose rounding depends on who is beside a customer", () => {
    const spec = modelSpec({ items: 3, length: 2, width: 4 });
    for (const part of [{ features: 1 }, { attributes: [{ name: "brand", values: 1 }] }]) {
      expect(codeOf(() => checkSpec({ ...spec, item: { ...spec.item, ...part } }))).toBe("TRB_TRAINING_SPEC_INVALID");
    }
    expect(codeOf(() => checkSpec(specOf(["brand"], 2)))).toBeUndefined();
  });
});
