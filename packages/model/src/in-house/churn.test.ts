import { actions, type Histories } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { churnCases, churnHorizon, churnOf, fitChurn } from "./churn.ts";
import { churnFeatures, headFeature } from "./churn-features.ts";
import { shopDays, shoppers } from "./shoppers.fixture.ts";

const day = 86_400;
const histories = shoppers(1600, 20, 5);
const horizon = 20;
const cases = churnCases(histories, horizon);

const columnsOf = (customer: number, before: number) => {
  const [begin, end] = [histories.offsets[customer] as number, histories.offsets[customer + 1] as number];
  const until = histories.times.subarray(begin, end).filter((time) => time < before).length + begin;
  return {
    items: histories.items.slice(begin, until),
    actions: histories.actions.slice(begin, until),
    times: histories.times.slice(begin, until),
  };
};

/** The same log, whose last customer has one more event, three years after everybody's. */
const historiesWithStraggler = () => {
  const { offsets, items, actions, times } = histories;
  const end = Math.max(...times) + 3 * 365 * 86_400;
  return {
    ...histories,
    offsets: offsets.map((offset, place) => (place === offsets.length - 1 ? offset + 1 : offset)),
    items: Int32Array.from([...items, 1]),
    actions: Uint8Array.from([...actions, 0]),
    times: Float64Array.from([...times, end]),
  };
};

describe("who is asked about", () => {
  test("is asked at the log's end, which one event that was told years later does not move", () => {
    const late = historiesWithStraggler();
    expect(churnCases(late, horizon).map((list) => list.length)).toEqual(cases.map((list) => list.length));
    expect(churnHorizon(late, horizon)).toBe(horizon);
    expect(fitChurn(late, horizon, churnCases(late, horizon))).toBeDefined();
  });

  test("active before the cut, with the outcome of the horizon after it, counted by hand", () => {
    const hand: Histories = {
      customers: ["early", "leaves", "stays"],
      offsets: Uint32Array.of(0, 1, 3, 6),
      items: new Int32Array(6),
      actions: new Uint8Array(6),
      // the log ends at day 90: cuts of a horizon of 20 days are at 70 and 50
      times: Float64Array.of(0, 40, 60, 45, 65, 90).map((days) => days * day),
    };
    expect(churnCases(hand, 20)).toEqual([
      [
        { customer: 1, cut: 70 * day, stretch: { begin: 1, end: 3 }, outcome: 1 },
        { customer: 2, cut: 70 * day, stretch: { begin: 3, end: 5 }, outcome: 1 }, // its next event is at the horizon's end, which is after it
      ],
      [
        { customer: 1, cut: 50 * day, stretch: { begin: 1, end: 2 }, outcome: 0 },
        { customer: 2, cut: 50 * day, stretch: { begin: 3, end: 4 }, outcome: 0 },
      ],
    ]);
    expect(churnHorizon(hand, 60)).toBe(30);
    expect(churnHorizon(hand, 7)).toBe(7);
  });
});

describe("churn from a merchant's own log", () => {
  const churn = fitChurn(histories, horizon, cases);

  test("ranks no worse than recency and frequency, which are among what is tried, and probabilities mean what they say", () => {
    for (const name of churn?.propensity.model.names ?? [""]) expect(churnFeatures).toContain(name);
    const {
      auc = 0,
      baselineAuc = 1,
      calibrationError,
      customers,
    } = churn?.validation ?? { calibrationError: 1, customers: 0 };
    expect(customers).toBeGreaterThan(80);
    expect(auc).toBeGreaterThan(0.75);
    expect(auc).toBeGreaterThan(baselineAuc - 0.02);
    expect(calibrationError).toBeLessThan(0.12);
  });

  test("a longer silence never looks less like leaving, and drivers add up to the difference", () => {
    if (churn === undefined) throw new Error("nothing was learnt");
    const customer = 1;
    const now = shopDays * day;
    const events = columnsOf(customer, now);
    const last = events.times.at(-1) ?? 0;
    const said = [1, 10, 20].map((days) => churnOf(churn, events, last + days * day).probability);
    expect(said).toEqual([...said].sort((a, b) => a - b));
    const { probability, drivers } = churnOf(churn, events, now);
    const base = Math.log(probability / (1 - probability)) - drivers.reduce((sum, { logOdds }) => sum + logOdds, 0);
    const other = churnOf(churn, columnsOf(3, now), now);
    const otherBase =
      Math.log(other.probability / (1 - other.probability)) - other.drivers.reduce((sum, { logOdds }) => sum + logOdds, 0);
    expect(base).toBeCloseTo(otherBase, 9); // what is left is the same for everybody
    expect(drivers.map(({ logOdds }) => Math.abs(logOdds))).toEqual(
      drivers.map(({ logOdds }) => Math.abs(logOdds)).sort((a, b) => b - a),
    );
    const active = drivers.find(({ feature }) => feature === "events so far");
    const own = events.actions.filter((action) => actions[action] !== "impression"); // being shown something is no event of one's own
    expect(own.length).toBeLessThan(events.times.length);
    expect(active?.value).toBeCloseTo(own.length, 9);
  });

  test("a federated head that knows the outcome is listened to", () => {
    const heads = cases.map((list) => list.map(({ outcome }, n) => 4 * (outcome - 0.5) + ((n * 7) % 5) - 2));
    const taught = fitChurn(histories, horizon, cases, { heads });
    expect(taught?.propensity.model.names.at(-1)).toBe(headFeature);
    expect(taught?.validation.auc).toBeGreaterThan(churn?.validation.auc ?? 1);
    if (taught === undefined) throw new Error("nothing was learnt");
    const now = shopDays * day;
    const at = (head: number) => churnOf(taught, columnsOf(1, now), now, head).probability;
    expect(at(3)).toBeGreaterThan(at(-3) + 0.2);
  });

  test("a log that is too small to learn, calibrate and judge by gives no model", () => {
    const small = shoppers(40, 20, 6);
    expect(fitChurn(small, horizon, churnCases(small, horizon))).toBeUndefined();
    expect(churnCases({ ...small, times: small.times.fill(5) }, 1)).toEqual([]);
  });
});
