import type { Histories } from "@tributary/events/histories";
import { describe, expect, it } from "vitest";
import { modelSpec } from "../../spec.ts";
import { exampleFeeds, exampleOf } from "./examples.ts";
import { churnLabels, cutAfter, purchaseLabels } from "./labels.ts";

const day = 86_400;
const [view, buy] = [0, 3];

/** One customer's events as [action, time]. */
function historyOf(...events: readonly (readonly [number, number])[]): Histories {
  return {
    customers: ["one"],
    offsets: Uint32Array.of(0, events.length),
    items: Int32Array.from(events, () => 1),
    actions: Uint8Array.from(events, ([action]) => action),
    times: Float64Array.from(events, ([, time]) => time),
  };
}

const whole = ({ items }: Histories) => ({ begin: 0, end: items.length });
const days = (...times: readonly number[]) => historyOf(...times.map((time) => [view, time * day] as const));

describe("churn labels", () => {
  const labelsOf = (histories: Histories, now: number, churnDays = 10) =>
    churnLabels({ churnDays }, histories, whole(histories), now * day);

  it("stand at the last event before a cut, and say whether one comes within the horizon after it", () => {
    //        cut at 10          20   30     40   50
    const log = days(1, 9, 12, 19.9, 41, 42);
    expect(labelsOf(log, 1000)).toEqual([0, 1, 0, 2, 0, 2]);
  });

  it("count an event at the cut's own moment as after it, and one at the horizon's end as too late", () => {
    expect(labelsOf(days(5, 10), 1000)).toEqual([1, 2]);
    expect(labelsOf(days(5, 20), 1000)).toEqual([2, 2]);
    expect(labelsOf(days(5, 19.99), 1000)[0]).toBe(1);
  });

  it("are unknown as long as the horizon after the cut is not over", () => {
    const log = days(5, 12);
    expect(labelsOf(log, 19.9)).toEqual([0, 0]);
    expect(labelsOf(log, 20)).toEqual([1, 0]);
    expect(labelsOf(log, 30)).toEqual([1, 2]);
  });

  it("have cuts that no log can move", () => {
    for (const time of [0, 1, 10 * day - 1]) expect(cutAfter(time, 10)).toBe(10 * day);
    expect(cutAfter(10 * day, 10)).toBe(20 * day);
    expect(cutAfter(1.7e9, 30) % (30 * day)).toBe(0);
    // what comes before or after in the same history changes nothing about an event's cut
    expect(labelsOf(days(3, 11, 14), 1000).slice(1)).toEqual(labelsOf(days(11, 14), 1000));
  });
});

describe("purchase labels", () => {
  it("say whether a purchase comes later in the same session", () => {
    const log = historyOf([view, 0], [view, 600], [buy, 1200], [view, 1300], [view, 3100], [buy, 3200], [view, 9000]);
    expect(purchaseLabels(log, whole(log))).toEqual([2, 2, 1, 1, 2, 1, 1]);
  });

  it("end a session at half an hour to the second", () => {
    for (const [gap, expected] of [
      [1799, 2],
      [1800, 1],
    ] as const) {
      const log = historyOf([view, 0], [buy, gap]);
      expect(purchaseLabels(log, whole(log))).toEqual([expected, 1]);
    }
  });

  it("are unknown in a session that may go on, unless the purchase has come", () => {
    const log = historyOf([view, 0], [view, 5000], [buy, 5100], [view, 5200]);
    expect(purchaseLabels(log, whole(log), 5300)).toEqual([1, 2, 0, 0]);
    expect(purchaseLabels(log, whole(log), 7000)).toEqual([1, 2, 1, 1]);
  });
});

describe("what a model with outlook heads is fed with", () => {
  const weights = { nextItem: 1000, nextAction: 0, churn: 500, purchase: 500 };
  const spec = modelSpec({ family: "gru", items: 3, length: 4, width: 4, actions: 4, weights, churnDays: 10 });
  const two: Histories = {
    customers: ["a", "b"],
    offsets: Uint32Array.of(0, 3, 4),
    items: Int32Array.of(1, 2, 3, 2),
    actions: Uint8Array.of(0, 0, 3, 0),
    times: Float64Array.of(1 * day, 9 * day, 9 * day + 60, 2 * day),
  };

  it("are labels that weigh alike for everybody, the last event among the inputs and nobody else's after it", () => {
    const examples = [0, 1].flatMap((customer) => exampleOf(spec, two, customer, 1, 100 * day) ?? []);
    const feeds = exampleFeeds(spec, two, examples, 3);
    expect([...(feeds["items"]?.data ?? [])]).toEqual([1, 2, 3, 0, 2, 0, 0, 0]);
    expect([...(feeds["itemWeights"]?.data ?? [])]).toEqual([0.5, 0.5, 0, 0, 0, 0]);
    expect([...(feeds["churnLabels"]?.data ?? [])]).toEqual([0, 0, 2, 2, 0, 0]);
    expect([...(feeds["churnWeights"]?.data ?? [])]).toEqual([0, 0, 0.25, 0.25, 0, 0]);
    expect([...(feeds["purchaseLabels"]?.data ?? [])]).toEqual([1, 2, 1, 1, 0, 0]);
    expect([...(feeds["purchaseWeights"]?.data ?? [])]).toEqual([1, 1, 1, 1, 0, 0].map((n) => n / 16));
  });

  it("read the latest events that fit, and label each as in the whole history", () => {
    const short = { ...spec, length: 2 };
    const example = exampleOf(short, two, 0, 1, 100 * day);
    expect(example).toMatchObject({ begin: 1, end: 3, inputs: 2 });
    const feeds = exampleFeeds(short, two, example ? [example] : [], 2);
    expect([...(feeds["purchaseLabels"]?.data ?? [])].slice(0, 2)).toEqual([2, 1]);
  });

  it("end in sasrec at any event, all alike, so that a position tells nothing about the future", () => {
    const causal = { ...spec, family: "sasrec" as const, length: 2 };
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 600; seed++) {
      const example = exampleOf(causal, two, 0, seed, 100 * day);
      if (example === undefined) throw new Error("an example");
      const feeds = exampleFeeds(causal, two, [example], 2);
      const told = [feeds["items"], feeds["purchaseLabels"], feeds["churnLabels"]].map((feed) =>
        [...(feed?.data ?? [])].join(),
      );
      counts.set(told.join(" "), (counts.get(told.join(" ")) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual(["1,2,0 1,0 0,0", "1,2,3 1,2 0,0", "2,3,0 2,1 0,2"]);
    // 600 draws of one in three: further than 6 σ = 69 from 200 with a chance below 1e-8
    for (const count of counts.values()) expect(Math.abs(count - 200)).toBeLessThan(69);
  });

  it("are told what comes after the events that are read", () => {
    const causal = { ...spec, family: "sasrec" as const };
    const log = historyOf([view, 0], [view, 60], [view, 120], [buy, 180]);
    for (let seed = 0; seed < 20; seed++) {
      const example = exampleOf(causal, log, 0, seed, 100 * day);
      if (example === undefined) throw new Error("an example");
      const { inputs } = example;
      const labels = exampleFeeds(causal, log, [example], inputs)["purchaseLabels"]?.data ?? [];
      expect([...labels].slice(0, inputs)).toEqual([2, 2, 2, 1].slice(0, inputs));
    }
  });
});
