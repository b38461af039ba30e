import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Action, actions, type Histories } from "../../histories.ts";
import { anyHistories, awkwardCatalogue } from "../../random-histories.fixture.ts";
import { sliceHistories } from "../../splitting.ts";
import { categoryNumbers, customerFeatureNames, customerFeatures } from "./customer-features.ts";
import { featureMomentsDimension, featureMomentsNorm, featureMomentsOf, featureMomentsVector } from "./feature-moments.ts";
import { featureScales, mostDeviations, standardise, transformed } from "./standardise.ts";

const [hour, day] = [3600, 86_400];
/** A Monday, 00:00 UTC. */
const monday = Date.UTC(2025, 0, 6) / 1000;

const catalogue = { items: [{ category: "shoes" }, { category: "shoes" }, { category: "hats" }, {}] };

function historiesOf(...customers: readonly (readonly (readonly [Action, number, number, number?])[])[]): Histories {
  const events = customers.flat();
  let end = 0;
  return {
    customers: customers.map((_, place) => `c${place}`),
    offsets: Uint32Array.of(0, ...customers.map((own) => (end += own.length))),
    actions: Uint8Array.from(events, ([action]) => actions.indexOf(action)),
    items: Int32Array.from(events, ([, item]) => item),
    times: Float64Array.from(events, ([, , time]) => time),
    dwells: Float32Array.from(events, ([, , , dwell = Number.NaN]) => dwell),
  };
}

const one = historiesOf([
  ["view", 1, monday + 9 * hour],
  ["cart", 1, monday + 9 * hour + 60],
  ["cart", 3, monday + 9 * hour + 90, 7],
  ["buy", 1, monday + 9 * hour + 120],
  ["buy", 2, monday + 9 * hour + 150],
  ["view", 4, monday + 2 * day + 9 * hour],
  ["buy", 4, monday + 5 * day + 9 * hour],
  ["search", 0, monday + 30 * day],
]);

const featureOf = (histories: Histories, now: number, name: string, customer = 0) => {
  const { names, values } = customerFeatures(histories, catalogue, now);
  return values[customer * names.length + names.indexOf(name)];
};

describe("features of a customer", () => {
  const now = monday + 15 * day + 9 * hour;

  it.each([
    ["events", 7],
    ["visits", 3],
    ["events a visit", 7 / 3],
    ["purchases", 3],
    ["days since the last event", 10],
    ["days since the last purchase", 10],
    ["seconds an event", 30], // 60, 30, the log's own 7, 30; the last of each visit says nothing
    ["items a basket", 1.5],
    ["categories in the cart", 1], // the hat; the shoe was bought
    ["share of events at weekends", 1 / 7],
    ["days with this shop", 15],
    ["days with an event", 3],
    ["days between visits, mean", 2.5],
    ["days between visits, median", 2.5],
    ["days between visits, variation", 0.2],
  ])("%s: counted by hand, and nothing after the moment that is asked about", (name, expected) => {
    expect(featureOf(one, now, name)).toBeCloseTo(expected, 12);
  });

  it("puts nine in the morning at a quarter and an eighth of the circle", () => {
    const angle = (2 * Math.PI * 9) / 24;
    const at = historiesOf([["view", 1, monday + 9 * hour]]);
    expect(featureOf(at, now, "hour of activity, sine")).toBeCloseTo(Math.sin(angle), 12);
    expect(featureOf(at, now, "hour of activity, cosine")).toBeCloseTo(Math.cos(angle), 12);
  });

  it("says nothing of what never was: no purchase, no second visit, no event before the moment", () => {
    const two = historiesOf([["view", 1, monday]], [["view", 1, now + 1]]);
    for (const name of ["days since the last purchase", "items a basket", "seconds an event", "days between visits, mean"]) {
      expect(featureOf(two, now, name)).toBeNaN();
    }
    expect(customerFeatureNames.every((name) => Number.isNaN(featureOf(two, now, name, 1)))).toBe(true);
  });

  it("counts nothing that a customer was only shown", () => {
    const shown = historiesOf([
      ["impression", 3, monday],
      ["view", 1, monday + 9 * hour],
      ["impression", 2, monday + 9 * hour + 5],
      ["view", 1, monday + 9 * hour + 60],
      ["impression", 2, now - 1],
    ]);
    expect(featureOf(shown, now, "events")).toBe(2);
    expect(featureOf(shown, now, "seconds an event")).toBe(60);
    expect(featureOf(shown, now, "days since the last event")).toBeCloseTo(15 - 60 / day, 12);
    expect(featureOf(historiesOf([["impression", 1, monday]]), now, "events")).toBeNaN();
  });

  it("depends on nobody else", () => {
    fc.assert(
      fc.property(anyHistories, fc.integer({ min: 0, max: 3e9 }), (histories, at) => {
        const all = customerFeatures(histories, awkwardCatalogue, at).values;
        const width = customerFeatureNames.length;
        for (const customer of histories.customers.keys()) {
          const alone = customerFeatures(sliceHistories(histories, [customer]), awkwardCatalogue, at).values;
          expect(all.slice(customer * width, (customer + 1) * width)).toEqual(alone);
        }
      }),
      { numRuns: 50 },
    );
  });

  it("numbers categories in order, 0 for none", () => {
    expect([...categoryNumbers(catalogue.items)]).toEqual([0, 1, 1, 2, 0]);
  });
});

describe("standardised features", () => {
  it("have public bounds and constants, each its own", () => {
    for (const [feature, { mean, deviation, lower, upper }] of featureScales.entries()) {
      expect(deviation).toBeGreaterThan(0);
      expect(mean).toBeGreaterThan(transformed(lower, feature));
      expect(mean).toBeLessThan(transformed(upper, feature));
    }
    expect(featureScales).toHaveLength(customerFeatureNames.length);
  });

  it("are deviations from the mean, never more than four, and 0 where nothing is said", () => {
    const width = customerFeatureNames.length;
    const row = new Float64Array(width).fill(Number.NaN);
    row[0] = Math.expm1(2.5 + 1.2);
    row[1] = 1e9;
    const z = standardise(row);
    expect(z[0]).toBeCloseTo(1, 12);
    expect(z[1]).toBe(mostDeviations);
    expect([...z.subarray(2)].every((value) => value === 0)).toBe(true);
  });
});

describe("moments of features", () => {
  const events = (histories: Histories, customer: number, now: number, categories: Int32Array) => ({
    ...histories,
    begin: histories.offsets[customer] as number,
    end: histories.offsets[customer + 1] as number,
    ...{ now, categories },
  });

  it("nobody's vector is longer than the norm that it is clipped to, whatever the history", () => {
    const categories = categoryNumbers(awkwardCatalogue.items);
    fc.assert(
      fc.property(anyHistories, fc.integer({ min: -10, max: 3e9 }), (histories, now) => {
        for (const customer of histories.customers.keys()) {
          const vector = featureMomentsVector(events(histories, customer, now, categories));
          expect(vector).toHaveLength(featureMomentsDimension);
          expect(vector.every((value) => value >= -1 && value <= 1)).toBe(true);
          expect(Math.hypot(...vector)).toBeLessThanOrEqual(featureMomentsNorm * (1 + 1e-12));
        }
      }),
      { numRuns: 100 },
    );
  });

  it("are the features' own means and deviations where there is no noise", () => {
    const now = monday + 15 * day + 9 * hour;
    const many = historiesOf(
      ...Array.from({ length: 40 }, (_, n) =>
        Array.from({ length: 1 + n }, (_, e) => ["view", 1, monday + 7 * e * n] as const),
      ),
    );
    const sum = new Float64Array(featureMomentsDimension);
    const categories = categoryNumbers(catalogue.items);
    for (const customer of many.customers.keys()) {
      for (const [place, value] of featureMomentsVector(events(many, customer, now, categories)).entries()) {
        sum[place] = (sum[place] as number) + value;
      }
    }
    const moments = featureMomentsOf(sum, 0);
    const logs = many.customers.map((_, n) => Math.log1p(1 + n));
    const mean = logs.reduce((total, value) => total + value, 0) / logs.length;
    const variance = logs.reduce((total, value) => total + (value - mean) ** 2, 0) / logs.length;
    expect(moments[0]).toMatchObject({ customers: 40, released: true });
    expect(moments[0]?.mean).toBeCloseTo(mean, 9);
    expect(moments[0]?.deviation).toBeCloseTo(Math.sqrt(variance), 9);
    const never = customerFeatureNames.indexOf("items a basket");
    expect(moments[never]).toMatchObject({ customers: 0, released: false, mean: 0.93, deviation: 0.38 });
  });

  it("stay at the public constants where noise drowns the count, and never come out next to nothing", () => {
    const sum = new Float64Array(featureMomentsDimension).fill(50);
    expect(featureMomentsOf(sum, 10).every(({ released }) => !released)).toBe(true);
    for (const [feature, { deviation, released }] of featureMomentsOf(sum, 1).entries()) {
      expect(released).toBe(true);
      expect(deviation).toBeGreaterThanOrEqual(0.2 * (featureScales[feature]?.deviation ?? 0));
    }
  });
});
