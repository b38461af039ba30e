import { actions, customerFeatureNames, featureScales, type Histories, seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { churnCases, churnHorizon, churnOf, fitChurn } from "./churn.ts";
import { churnFeatures } from "./churn-features.ts";
import { habits, habitsRow, readableHabit } from "./habits.ts";

const [hour, day] = [3600, 86_400];
const view = actions.indexOf("view");

/** Customers who come every few days; who comes at night leaves half way, whatever else it does. */
function nightAndDay(customers: number): Histories {
  const random = seededRandom(6, "nights");
  const times: number[][] = Array.from({ length: customers }, (_, customer) => {
    const night = customer % 2 === 0;
    const own: number[] = [];
    const leaves = night && random.fraction() < 0.8 ? 20 + 25 * random.fraction() : 60;
    for (let at = 3 * random.fraction(); at < leaves; at += 2 + 4 * random.fraction()) {
      own.push(Math.floor(at) * day + (night ? 2 : 14) * hour + random.below(hour));
    }
    return own;
  });
  const flat = times.flat();
  let end = 0;
  return {
    customers: times.map((_, customer) => `c${String(customer).padStart(4, "0")}`),
    offsets: Uint32Array.from([0, ...times.map(({ length }) => (end += length))]),
    items: Int32Array.from(flat, () => 1 + random.below(20)),
    actions: new Uint8Array(flat.length).fill(view),
    times: Float64Array.from(flat),
  };
}

describe("habits", () => {
  const log = nightAndDay(600);
  const at = (name: string) => habits.indexOf(name);
  const stretch = (customer: number) => ({
    begin: log.offsets[customer] as number,
    end: log.offsets[customer + 1] as number,
  });

  test("are standardised by public constants, or by what was released; what never was is the mean", () => {
    const [asked, sine] = [{ now: 60 * day }, customerFeatureNames.indexOf("hour of activity, sine")];
    const row = habitsRow(log, stretch(0), asked);
    const constants = featureScales[sine];
    const raw = (row[at("hour of activity, sine")] ?? Number.NaN) * (constants?.deviation ?? 0) + (constants?.mean ?? 0);
    expect(raw).toBeGreaterThan(Math.sin((2 * Math.PI * 2) / 24) - 0.01); // two o'clock and later
    expect(readableHabit(row[at("hour of activity, sine")] ?? 0, at("hour of activity, sine"))).toBeCloseTo(raw, 12);
    expect(row[at("days since the last purchase")]).toBe(0);
    expect(row).toHaveLength(habits.length);
    const moments = featureScales.map((scale, feature) => (feature === sine ? { mean: raw, deviation: 2 } : scale));
    expect(habitsRow(log, stretch(0), asked, moments)[at("hour of activity, sine")]).toBeCloseTo(0, 12);
    expect(readableHabit(1, at("hour of activity, sine"), moments)).toBeCloseTo(raw + 2, 12);
  });

  test("are read where they tell who leaves, and say so in their own unit", () => {
    const days = churnHorizon(log, 14);
    const churn = fitChurn(log, days, churnCases(log, days));
    expect(churn?.propensity.features.some((feature) => feature >= churnFeatures.length)).toBe(true);
    expect((churn?.validation.auc ?? 0) - (churn?.validation.baselineAuc ?? 1)).toBeGreaterThan(0.02);
    if (churn === undefined) return;
    const one = (customer: number) => {
      const { begin, end } = stretch(customer);
      const cut = <Column extends { slice(from: number, to: number): Column }>(column: Column) => column.slice(begin, end);
      return { items: cut(log.items), actions: cut(log.actions), times: cut(log.times) };
    };
    const stayer = one(1);
    const { drivers } = churnOf(churn, stayer, (stayer.times.at(-1) ?? 0) + day);
    const cosine = drivers.find(({ feature }) => feature === "hour of activity, cosine");
    expect(cosine?.value).toBeCloseTo(Math.cos((2 * Math.PI * 14.5) / 24), 1); // between two and three in the afternoon
  });
});
