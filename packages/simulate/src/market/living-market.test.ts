import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isTributaryError } from "@tributary/errors";
import { actions, encodeHistories, importLog, readCatalogue } from "@tributary/events";
import { afterAll, describe, expect, it } from "vitest";
import { leavingChance, livingMarket, writeLivingMarket } from "./living-market.ts";
import { syntheticMarket } from "./synthetic-market.ts";

const market = livingMarket({ customers: 1500, items: 300 });
const { histories, truth } = market;
const { offsets, times } = histories;
const [buy, impression, click] = (["buy", "impression", "advertClick"] as const).map((name) => actions.indexOf(name));
const day = 86_400;
const folder = mkdtempSync(join(tmpdir(), "tributary-living-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** How many standard deviations the sum of outcomes lies from the sum of their probabilities; above 6.1 is a false alarm one time in 10⁹. */
function apart(cases: readonly { readonly p: number; readonly happened: boolean }[]): number {
  const [sum, variance] = cases.reduce(([a, b], { p, happened }) => [a + (happened ? 1 : 0) - p, b + p * (1 - p)], [0, 0]);
  return Math.abs(sum) / Math.sqrt(variance);
}

describe("a market whose customers show that they will leave", () => {
  it("is the same for the same seed, has the ordinary market's items, and begins with the same customers when there are more", () => {
    const few = livingMarket({ customers: 40, items: 300 });
    expect(few.catalogue).toEqual(syntheticMarket({ customers: 1, items: 300 }).catalogue);
    const events = few.histories.items.length;
    expect(encodeHistories(few.histories)).toEqual(encodeHistories(livingMarket({ customers: 40, items: 300 }).histories));
    expect(few.histories.items).toEqual(histories.items.subarray(0, events));
    expect(few.truth.purchase).toEqual(truth.purchase.subarray(0, events));
  });

  it("leaves with the chance that it says, whichever cut and horizon (independent customers; 6.1 σ)", () => {
    for (const [cut, horizon] of [
      [90, 14],
      [120, 30],
    ] as const) {
      const [from, until] = [market.settings.opens + cut * day, market.settings.opens + (cut + horizon) * day];
      const cases = histories.customers.flatMap((_, customer) => {
        const p = leavingChance(truth, customer, from, horizon * day);
        const own = times.subarray(offsets[customer], offsets[customer + 1]);
        return p === undefined ? [] : [{ p, happened: !own.some((time) => time >= from && time < until) }];
      });
      expect(cases.length).toBeGreaterThan(700);
      for (const [low, high] of [
        [0, 0.2],
        [0.2, 0.8],
        [0.8, 0.9999],
      ] as const)
        expect(apart(cases.filter(({ p }) => p > low && p <= high))).toBeLessThan(6.1);
    }
  });

  it("buys and clicks with the chances that it says (visits and impressions are independent given the market; 6.1 σ)", () => {
    const [visits, shown]: [{ p: number; happened: boolean }[], { p: number; happened: boolean }[]] = [[], []];
    for (let customer = 0; customer < histories.customers.length; customer++) {
      const end = offsets[customer + 1] as number;
      let from = offsets[customer] as number;
      for (let event = from; event < end; event++) {
        if (histories.actions[event] === impression)
          shown.push({
            p: truth.click[event] ?? Number.NaN,
            happened: event + 1 < end && histories.actions[event + 1] === click,
          });
        const ends = event + 1 === end || (times[event + 1] as number) - (times[event] as number) >= 1800;
        if (!ends) continue;
        visits.push({
          p: truth.purchase[from] ?? Number.NaN,
          happened: histories.actions.subarray(from + 1, event + 1).includes(buy ?? -1),
        });
        from = event + 1;
      }
    }
    expect(visits.length).toBeGreaterThan(10_000);
    expect(shown.length).toBeGreaterThan(10_000);
    expect(apart(visits)).toBeLessThan(6.1);
    for (const [low, high] of [
      [0, 0.1],
      [0.1, 0.3],
      [0.3, 1],
    ] as const) {
      expect(apart(visits.filter(({ p }) => p > low && p <= high))).toBeLessThan(6.1);
      expect(apart(shown.filter(({ p }) => p > low && p <= high))).toBeLessThan(6.1);
    }
  });

  it("comes slower, shorter and buys less before it leaves", () => {
    const late = { events: 0, wants: 0, visits: 0 };
    const before = { events: 0, wants: 0, visits: 0 };
    const wants = new Set([buy, actions.indexOf("cart")]);
    truth.pauses.forEach((pauses, customer) => {
      const last = pauses.at(-1);
      if (last === undefined || pauses.length < 8 || last.to > market.settings.opens + 140 * day) return;
      pauses.forEach(({ from, to }, visit) => {
        const tally = visit >= pauses.length - 2 ? late : before;
        tally.visits += 1;
        for (let event = offsets[customer] as number; event < (offsets[customer + 1] as number); event++) {
          if ((times[event] as number) < from || (times[event] as number) > to) continue;
          tally.events += 1;
          if (wants.has(histories.actions[event] as number)) tally.wants += 1;
        }
      });
    });
    expect(late.visits).toBeGreaterThan(400);
    expect(late.events / late.visits).toBeLessThan(0.8 * (before.events / before.visits));
    expect(late.wants / late.events).toBeLessThan(0.85 * (before.wants / before.events));
  });

  it("is written as an ordinary log, with its truth beside it", async () => {
    const small = livingMarket({ customers: 20, items: 60 });
    const paths = await writeLivingMarket(join(folder, "new"), small);
    const { histories: read } = await importLog({ path: paths.events, catalogue: await readCatalogue(paths.catalogue) });
    expect(read).toEqual(small.histories);
    const lines = readFileSync(paths.truth, "utf8").trimEnd().split("\n").slice(1);
    const impressions = small.histories.actions.filter((action) => action === impression).length;
    expect(lines.filter((line) => line.includes(",purchase,"))).toHaveLength(small.histories.items.length);
    expect(lines.filter((line) => line.includes(",click,"))).toHaveLength(impressions);
    for (const line of lines) {
      const p = Number(line.split(",")[3]);
      expect(p >= 0 && p <= 1).toBe(true);
    }
  });

  it.each([{ fade: 1.5 }, { slots: 0 }, { paceMedianDays: 0 }, { click: Number.NaN }])("refuses %j", (lives) => {
    try {
      livingMarket({ customers: 2 }, lives);
      expect.unreachable("expected a refusal");
    } catch (error) {
      expect(isTributaryError(error) && error.code).toBe("TRB_SIMULATE_MARKET_OPTION");
    }
  });
});
