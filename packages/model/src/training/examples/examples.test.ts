/** What each family makes of a history, and that none of it depends on who else is in the run. */
import { actions, type Histories } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import { describe, expect, test } from "vitest";
import { dropoutInput, dropoutPlaces } from "../../graphs/dropout.ts";
import { type ModelSpec, modelSpec } from "../../spec.ts";
import { familyModels, market } from "../family-models.fixture.ts";
import { type Example, exampleFeeds, exampleOf, inputsOf } from "./examples.ts";

const sizes = { items: 50, length: 8, width: 8, heads: 2 } as const;

/** Customers with `counts` events each, of items 1, 2, 3, …; one event a minute. */
function walkers(counts: readonly number[]): Histories {
  const offsets = Uint32Array.from([0, ...counts]);
  for (let c = 1; c <= counts.length; c++) offsets[c] = (offsets[c] ?? 0) + (offsets[c - 1] ?? 0);
  const place = counts.flatMap((count) => Array.from({ length: count }, (_, i) => i));
  return {
    customers: counts.map((_, c) => `walker-${c}`),
    offsets,
    items: Int32Array.from(place, (i) => i + 1),
    actions: Uint8Array.from(place, (i) => i % 3),
    times: Float64Array.from(place, (i) => 60 * i),
  };
}

function examplesOf(spec: ModelSpec, histories: Histories, seed: number): readonly Example[] {
  return histories.customers.flatMap((_, c) => exampleOf(spec, histories, c, seed) ?? []);
}

const dataOf = (feeds: Record<string, FeedTensor>, name: string) => [...(feeds[name]?.data ?? [])];

describe("masked events", () => {
  const spec = modelSpec({ ...sizes, family: "bert4rec", masked: 300 });

  test("are the last alone one time in five, else the stated share in the mean, any of them alike; all others are shown", () => {
    const histories = walkers(Array.from({ length: 600 }, (_, c) => 2 + (c % 9)));
    const examples = examplesOf(spec, histories, 7);
    const feeds = exampleFeeds(spec, histories, examples, spec.length);
    const columns = 3; // 0.3·8, rounded up
    const part = (name: string, row: number, width: number) => dataOf(feeds, name).slice(row * width, (row + 1) * width);
    const long = { rows: 0, lastAlone: 0, first: 0, hidden: 0 };
    for (const [row, { begin, end, inputs }] of examples.entries()) {
      const masked = part("masked", row, spec.length);
      const places = masked.flatMap((mark, place) => (mark === 1 ? [place] : []));
      const padded = (values: readonly number[]) => Array.from({ length: columns }, (_, i) => values[i] ?? 0);
      expect(places.length).toBeGreaterThan(0);
      expect(part("hiddenPositions", row, columns)).toEqual(padded(places.map((place) => spec.length - inputs + place + 1)));
      expect(part("hiddenItems", row, columns)).toEqual(padded(places.map((place) => histories.items[begin + place] ?? 0)));
      expect(part("itemWeights", row, columns)).toEqual(padded(places.map(() => Math.fround(1 / places.length))));
      const shown = [...histories.items.slice(begin, end)].map((item, place) => (masked[place] === 1 ? 0 : item));
      expect(part("items", row, spec.length).slice(0, inputs)).toEqual(shown);
      if (inputs < spec.length) continue;
      long.rows += 1;
      long.hidden += places.length;
      long.first += masked[0] ?? 0;
      if (places.join() === "7") long.lastAlone += 1;
    }
    // seeded, within 6 σ: 0.3·8 = 2.4 of eight events, rounded up or down; of the rounds that ask so, none hides the last alone
    const near = (mean: number, expected: number, deviation: number) =>
      expect(Math.abs(mean - expected)).toBeLessThan((6 * deviation) / Math.sqrt(long.rows));
    expect(long.rows).toBeGreaterThan(190);
    near(long.lastAlone / long.rows, 0.2, 0.4);
    near(long.hidden / long.rows, 0.2 + 0.8 * 2.4, 0.72);
    near(long.first / long.rows, 0.8 * 0.3, 0.43);
  });

  test("differ from round to round and from customer to customer", () => {
    const histories = walkers([8, 8, 8, 8]);
    const maskedIn = (seed: number) =>
      dataOf(exampleFeeds(spec, histories, examplesOf(spec, histories, seed), 8), "masked").join("");
    expect(maskedIn(1)).toBe(maskedIn(1));
    expect(maskedIn(2)).not.toBe(maskedIn(1));
    expect(new Set(maskedIn(1).match(/.{8}/g)).size).toBeGreaterThan(1);
  });

  test("are events with an item, unless actions are learnt; the latest events are read, and one alone is not", () => {
    const plain = walkers([1, 3, 12]);
    const histories = { ...plain, items: plain.items.map((item) => (item % 2 === 0 ? 0 : item)) };
    const examples = examplesOf(spec, histories, 1);
    expect(examples.map(({ begin, end, inputs }) => [begin, end, inputs])).toEqual([
      [1, 4, 3],
      [8, 16, 8],
    ]);
    const acting = { ...spec, actions: 3, weights: { ...spec.weights, nextAction: 500 } };
    const hiddenIn = (model: ModelSpec, seed: number) => {
      const feeds = exampleFeeds(model, histories, examplesOf(model, histories, seed), 8);
      const asked = dataOf(feeds, "hiddenPositions");
      const ofAsked = (name: string) => dataOf(feeds, name).filter((_, place) => (asked[place] ?? 0) > 0);
      return { items: ofAsked("hiddenItems"), actions: ofAsked("hiddenActions") };
    };
    for (let seed = 0; seed < 20; seed++) expect(hiddenIn(spec, seed).items).not.toContain(0);
    const withActions = Array.from({ length: 20 }, (_, seed) => hiddenIn(acting, seed));
    expect(withActions.flatMap(({ items }) => items)).toContain(0);
    expect(withActions.flatMap(({ actions }) => actions).every((action) => action >= 1 && action <= 3)).toBe(true);
  });
});

describe("following events", () => {
  const spec = modelSpec({
    ...sizes,
    family: "seq2seq",
    steps: 3,
    actions: 3,
    weights: { ...modelSpec(sizes).weights, nextAction: 100 },
  });

  test("come after a cut that leaves a history before it, anywhere in the latest length + steps events", () => {
    const histories = walkers([20, 2, 1]);
    const seen = new Set<number>();
    for (let seed = 0; seed < 300; seed++) {
      const [long, short, ...others] = examplesOf(spec, histories, seed);
      expect(others).toEqual([]); // a single event is followed by nothing
      expect([short?.begin, short?.inputs, short?.end]).toEqual([20, 1, 22]);
      const { begin = 0, inputs = 0, end = 0 } = long ?? {};
      const cut = begin + inputs;
      seen.add(cut);
      expect(begin).toBe(Math.max(9, cut - 8)); // length + steps = 11 of 20 events
      expect(end).toBe(Math.min(20, cut + 3));
    }
    // ten cuts, 300 rounds: one of them missing has a chance of 10·0.9³⁰⁰ < 1e-12
    expect([...seen].sort((a, b) => a - b)).toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  test("are read one step late, after a start; what is beyond the last target is padding", () => {
    const histories = walkers([4, 6]);
    const examples = [
      { hash: 1, customer: "a", seed: 1, begin: 0, end: 4, inputs: 2 },
      { hash: 2, customer: "b", seed: 1, begin: 5, end: 9, inputs: 1 },
    ];
    const feeds = exampleFeeds(spec, histories, examples, 2);
    expect(dataOf(feeds, "items")).toEqual([1, 2, 2, 0]);
    expect(dataOf(feeds, "positions")).toEqual([7, 8, 8, 0]);
    expect(dataOf(feeds, "nextItems")).toEqual([3, 4, 0, 3, 4, 5]);
    expect(dataOf(feeds, "previousItems")).toEqual([0, 3, 0, 0, 3, 4]);
    expect(dataOf(feeds, "starts")).toEqual([1, 0, 0, 1, 0, 0]);
    expect(dataOf(feeds, "decoderPositions")).toEqual([1, 2, 0, 1, 2, 3]);
    expect(dataOf(feeds, "nextActions")).toEqual([3, 1, 0, 3, 1, 2]);
    const third = Math.fround(1 / 3);
    expect(dataOf(feeds, "itemWeights")).toEqual([0.5, 0.5, 0, third, third, third]);
  });

  test("hold a target in every cut: places after which nothing has an item are no cuts", () => {
    const plain = walkers([12]);
    const bare = { ...spec, actions: 0, weights: { ...spec.weights, nextAction: 0 } };
    const histories = { ...plain, items: plain.items.map((item) => (item > 7 ? 0 : item)) };
    for (let seed = 0; seed < 100; seed++) {
      const [example] = examplesOf(bare, histories, seed);
      expect((example?.begin ?? 99) + (example?.inputs ?? 99)).toBeLessThan(7);
    }
    expect(examplesOf(bare, { ...plain, items: plain.items.map((_, i) => (i === 0 ? 1 : 0)) }, 1)).toEqual([]);
  });
});

describe("dropout masks", () => {
  const spec = modelSpec({ ...sizes, width: 64, blocks: 2, dropout: 300 });

  test("drop at the stated rate, keep the mean, and leave padding out", () => {
    const histories = walkers(Array.from({ length: 30 }, () => 7));
    const examples = examplesOf(spec, histories, 3);
    const feeds = exampleFeeds(spec, histories, examples, 8);
    for (const { name } of dropoutPlaces(spec)) {
      const mask = feeds[dropoutInput(name)];
      expect(mask?.shape).toEqual([30 * 8, 64]);
      const rows = Array.from({ length: 240 }, (_, token) => [...(mask?.data.slice(token * 64, (token + 1) * 64) ?? [])]);
      const used = rows.filter((_, token) => token % 8 < 6).flat();
      expect(
        rows
          .filter((_, token) => token % 8 >= 6)
          .flat()
          .every((value) => value === 0),
      ).toBe(true);
      const kept = Math.max(...used);
      expect(Math.abs(kept - 1 / 0.7)).toBeLessThan(1e-4);
      expect(new Set(used)).toEqual(new Set([0, kept]));
      // 11,520 seeded draws: within 7 σ
      const rate = used.filter((value) => value === 0).length / used.length;
      expect(Math.abs(rate - 0.3)).toBeLessThan(7 * Math.sqrt((0.3 * 0.7) / used.length));
    }
  });

  test("differ from place to place, from round to round and from customer to customer", () => {
    const histories = walkers([7, 7]);
    const masks = [1, 2].flatMap((seed) => {
      const feeds = exampleFeeds(spec, histories, examplesOf(spec, histories, seed), 6);
      return dropoutPlaces(spec).flatMap(({ name }) => {
        const data = dataOf(feeds, dropoutInput(name));
        return [data.slice(0, data.length / 2).join(), data.slice(data.length / 2).join()];
      });
    });
    expect(masks).toHaveLength(2 * 2 * 5);
    expect(new Set(masks).size).toBe(masks.length);
  });
});

/** What row `row` of a batch is fed with, without the padding at its end. */
function fedRow(feeds: Record<string, FeedTensor>, row: number): Record<string, readonly number[]> {
  const rows = feeds["positions"]?.shape[0] ?? 0;
  return Object.fromEntries(
    Object.keys(feeds).map((name) => {
      const data = dataOf(feeds, name);
      const own = data.slice((row * data.length) / rows, ((row + 1) * data.length) / rows);
      return [name, own.slice(0, own.findLastIndex((value) => value !== 0) + 1)];
    }),
  );
}

test.each(familyModels.map((spec) => ({ name: spec.family, spec: { ...spec, dropout: 200 } })))(
  "what a customer of $name is fed depends neither on its batch mates, nor on its place, nor on padding",
  ({ spec }) => {
    const histories = market(spec, 40, 8);
    const examples = examplesOf(spec, histories, 5);
    const together = exampleFeeds(spec, histories, examples, spec.length);
    const reversed = exampleFeeds(spec, histories, examples.toReversed(), spec.length);
    expect(Object.keys(together).filter((name) => name.startsWith("dropout:")).length).toBeGreaterThan(1);
    for (const [row, example] of examples.entries()) {
      const alone = fedRow(exampleFeeds(spec, histories, [example], inputsOf(example)), 0);
      expect(alone["positions"]?.at(-1)).toBe(spec.length);
      expect(fedRow(together, row)).toEqual(alone);
      expect(fedRow(reversed, examples.length - 1 - row)).toEqual(alone);
    }
  },
);

test("a run in which a matrix would have a single row gets an empty customer", () => {
  const histories = walkers([4]);
  const rowsOf = (model: Partial<ModelSpec>, length: number) => {
    const spec = modelSpec({ ...sizes, ...model });
    return exampleFeeds(spec, histories, examplesOf(spec, histories, 1), length)["positions"]?.shape[0];
  };
  expect(rowsOf({}, 3)).toBe(1);
  expect(rowsOf({ length: 1 }, 1)).toBe(2);
  expect(rowsOf({ family: "bert4rec", masked: 250 }, 4)).toBe(2);
  expect(rowsOf({ family: "bert4rec", masked: 251 }, 4)).toBe(1);
  expect(rowsOf({ family: "lstm" }, 3)).toBe(2);
  expect(rowsOf({ family: "gru" }, 3)).toBe(2);
  expect(rowsOf({ family: "seq2seq", steps: 1 }, 3)).toBe(2);
  expect(rowsOf({ family: "seq2seq", steps: 2 }, 3)).toBe(1);
});

test.each(familyModels)("what a customer was only shown is an event without an item in training ($family)", (spec) => {
  const impression = actions.indexOf("impression");
  const plain = walkers([6, 8]);
  const isShown = (_: number, event: number) => event % 3 === 2;
  const done = plain.actions.map((action, event) => (isShown(action, event) ? impression : action));
  const shown = { ...plain, actions: done };
  const without = { ...shown, items: plain.items.map((item, event) => (isShown(item, event) ? 0 : item)) };
  const feedsOf = (histories: Histories) => exampleFeeds(spec, histories, examplesOf(spec, histories, 3), spec.length);
  expect(feedsOf(shown)).toEqual(feedsOf(without));
  expect(dataOf(feedsOf(shown), "items")).not.toEqual(dataOf(feedsOf(plain), "items"));
});
