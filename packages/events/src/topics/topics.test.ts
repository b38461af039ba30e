import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { topicIndex } from "./match-topic.ts";
import { topicName, topicsOf } from "./topics.ts";
import { wordsOf } from "./words.ts";

describe("words of a text", () => {
  it.each([
    ["Running Shoes", ["running", "shoe"]],
    ["CAFÉ-stühle", ["cafe", "stuhl"]],
    ["ＷＩＤＥ　①", ["wide", "1"]], // NFKC
    ["Straße STRASSE", ["strass", "strass"]],
    ["Οδυσσεύς ΟΔΥΣΣΕΎΣ", ["οδυσσευσ", "οδυσσευσ"]],
    ["batteries glasses boxes watches dresses bus tennis", ["battery", "glass", "box", "watch", "dress", "bus", "tennis"]],
    ["Schuhe schuh", ["schuh", "schuh"]],
    ["连衣裙", ["连衣", "衣裙"]],
    ["ナイキshoes 靴", ["ナイ", "イキ", "shoe", "靴"]],
    ["원피스", ["원피", "피스"]],
    ["हिन्दी", ["हिन्दी"]], // vowel signs stay
    ["size:42 / blue", ["size", "42", "blue"]],
    [" \n—!", []],
  ])("%j", (text, words) => {
    expect(wordsOf(text)).toEqual(words);
  });

  it("are the same whatever the form of the characters", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
        expect(wordsOf(text.normalize("NFD"))).toEqual(wordsOf(text.normalize("NFC")));
      }),
      { numRuns: 300 },
    );
  });
});

const items = [
  { category: "Running Shoes", brand: "Acme", attributes: ["colour:red", "line-01-02"] },
  { category: "Shoes", brand: "Falcon", attributes: ["colour:blue"] },
  { category: "Summer Dresses", brand: "Shoes & Co" },
  { category: "连衣裙", brand: "Acme" },
  { category: "category-01", brand: "brand-01", attributes: ["line-01-01"] },
  { category: "falcon" },
];
const topics = topicsOf(items);
const index = topicIndex(items);
const found = (text: string) => {
  const topic = topics[index.match(text) - 1];
  return topic === undefined ? "none" : topicName(topic);
};

describe("topics of a catalogue", () => {
  it("are its categories, brands and properties, each once, in order of code units", () => {
    const names = topics.map(topicName);
    expect(names).toEqual([...new Set(names)].sort());
    expect(names).toContain("property colour:red");
    expect(index.topics).toBe(names.length);
  });

  it.each([
    ["running shoe", "category Running Shoes"],
    ["shoes", "category Shoes"],
    ["SHOE size 43 cheap", "category Shoes"], // what no topic has says nothing
    ["dress", "category Summer Dresses"],
    ["red", "property colour:red"],
    ["acme", "brand Acme"],
    ["falcons", "category falcon"], // before the brand
    ["红色连衣裙", "category 连衣裙"],
    ["category 01", "category category-01"],
    ["brand-01", "brand brand-01"],
    ["line 01 02", "property line-01-02"],
    ["wrench", "none"],
    ["", "none"],
    ["running acme red falcon dress", "none"], // of everything a little
  ])("%j is about: %s", (text, expected) => {
    expect(found(text)).toBe(expected);
  });

  it("are found by their own names, unless an equal name goes before", () => {
    const value = fc.stringMatching(/^[a-z]{1,6}( [a-z0-9]{1,5})?$/);
    const item = fc.record({ category: value, brand: value, attributes: fc.array(value, { maxLength: 2 }) });
    fc.assert(
      fc.property(fc.array(item, { minLength: 1, maxLength: 12 }), (catalogue) => {
        const all = topicsOf(catalogue);
        const { match } = topicIndex(catalogue);
        const words = (text: string) => [...new Set(wordsOf(text))].sort().join(" ");
        for (const topic of all) {
          const matched = all[match(topic.value) - 1];
          expect(matched && words(matched.value)).toBe(words(topic.value));
        }
      }),
      { numRuns: 200 },
    );
  });

  it("are the same for the same catalogue in another order of rows, and don't depend on what was asked before", () => {
    const other = topicIndex(items.toReversed());
    for (const text of ["wrench", "running shoe", "red shoes", "acme 01", "dress"]) {
      expect(other.match(text)).toBe(index.match(text));
    }
  });
});
