import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { gtinOf, isNamespace, sharedIdOf } from "./item-naming.ts";

describe("gtinOf", () => {
  // GS1 General Specifications 7.9 (629104150021 has the check digit 3), Wikipedia's articles on UPC, EAN-8 and ISBN
  it.each([
    ["GTIN-13", "6291041500213", "06291041500213"],
    ["GTIN-12 (UPC-A)", "036000291452", "00036000291452"],
    ["GTIN-8", "73513537", "00000073513537"],
    ["GTIN-14", "00012345600012", "00012345600012"],
    ["ISBN-13 with hyphens", "978-0-306-40615-7", "09780306406157"],
    ["ISBN-10", "0-306-40615-2", "09780306406157"],
    ["ISBN-10 that ends in X", "0 8044 2957 X", "09780804429573"],
  ])("%s", (_, text, expected) => {
    expect(gtinOf(text)).toBe(expected);
  });

  it.each([
    "",
    "abc",
    "6291041500214",
    "0306406153",
    "1234567",
    "12345678901",
    "123456789012345",
    "X306406152",
    "62910415002１3",
  ])("refuses %j", (text) => {
    expect(gtinOf(text)).toBeUndefined();
  });

  it("finds any single wrong digit, and most that were exchanged with their neighbour", () => {
    const digit = fc.integer({ min: 0, max: 9 });
    fc.assert(
      fc.property(fc.array(digit, { minLength: 12, maxLength: 12 }), fc.nat(12), digit, (body, place, other) => {
        const sum = body.reduce((total, value, at) => total + value * (at % 2 === 0 ? 1 : 3), 0); // EAN-13's own form: weights from the left
        const number = [...body, (10 - (sum % 10)) % 10];
        expect(gtinOf(number.join(""))).toBe(`0${number.join("")}`);
        const wrong = number.with(place, other);
        if (other !== number[place]) expect(gtinOf(wrong.join(""))).toBeUndefined();
      }),
      { seed: 39 },
    );
  });
});

describe("sharedIdOf", () => {
  const pairs = new Map([["A-1", "gtin:06291041500213"]]);

  it("asks the list first, then the number on the product, then the namespace", () => {
    const naming = { pairs, gtin: true, namespace: "shop" };
    expect(["A-1", " A-1 ", "6291041500213", "A-2", ""].map((sku) => sharedIdOf(sku, naming))).toEqual([
      "gtin:06291041500213",
      "gtin:06291041500213",
      "gtin:06291041500213",
      "shop:A-2",
      undefined,
    ]);
  });

  it("says nothing of what no rule knows, and leaves ids alone where there is no rule", () => {
    expect(sharedIdOf("A-2", { pairs })).toBeUndefined();
    expect(sharedIdOf("A-2", { gtin: true })).toBeUndefined();
    expect(sharedIdOf("A-2", {})).toBe("A-2");
  });

  it("keeps namespaces apart from each other and from GTINs", () => {
    expect(["shop", "shop-2", "7"].map(isNamespace)).toEqual([true, true, true]);
    expect(["gtin", "Shop", "a:b", "", "-a"].map(isNamespace)).toEqual([false, false, false, false, false]);
  });
});
