import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { growingColumns, interner } from "./growing-columns.ts";
import { orderEvents } from "./order-events.ts";

interface Row {
  readonly customer: string;
  readonly item: number;
  readonly action: number;
  readonly time: number;
}

/** The readable twin: rows as objects, in the order that the histories have them. */
function ordered(rows: readonly Row[]): readonly Row[] {
  const seen = new Set<string>();
  return rows
    .filter((row) => !seen.has(JSON.stringify(row)) && seen.add(JSON.stringify(row)))
    .toSorted((a, b) => (a.customer < b.customer ? -1 : a.customer > b.customer ? 1 : a.time - b.time));
}

function order(rows: readonly Row[]) {
  const customers = interner();
  const columns = growingColumns();
  for (const { customer, item, action, time } of rows) columns.push(customers.number(customer), item, action, time);
  const { histories, duplicates } = orderEvents(columns.finish(), customers.texts);
  const events = histories.customers.flatMap((customer, place) =>
    Array.from({ length: (histories.offsets[place + 1] ?? 0) - (histories.offsets[place] ?? 0) }, (_, i): Row => {
      const event = (histories.offsets[place] ?? 0) + i;
      const [item = 0, action = 0, time = 0] = [histories.items[event], histories.actions[event], histories.times[event]];
      return { customer, item, action, time };
    }),
  );
  return { histories, duplicates, events };
}

const row = fc.record({
  customer: fc.constantFrom("b", "a", "B", "é", "𝄞", "\uFFFD", "10", "9"),
  item: fc.integer({ min: 0, max: 3 }),
  action: fc.integer({ min: 0, max: 2 }),
  time: fc.integer({ min: 0, max: 4 }),
});

describe("orderEvents", () => {
  it("equals its readable twin: customers by code unit, events by time and arrival, first of equal rows kept", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 80, size: "max" }), (rows) => {
        const { events, duplicates, histories } = order(rows);
        expect(events).toEqual(ordered(rows));
        expect(duplicates).toBe(rows.length - events.length);
        expect(histories.offsets.at(-1)).toBe(histories.items.length);
      }),
      { numRuns: 300 },
    );
  });

  it("does not depend on how customers' rows are interleaved", () => {
    fc.assert(
      fc.property(fc.array(row, { maxLength: 60, size: "max" }), (rows) => {
        const grouped = rows.toSorted((a, b) => (a.customer < b.customer ? -1 : a.customer > b.customer ? 1 : 0));
        expect(order(grouped).histories).toEqual(order(rows).histories);
      }),
    );
  });

  it("keeps the same item twice when time or action differ", () => {
    const same = { customer: "a", item: 1, action: 0, time: 5 };
    const { events, duplicates } = order([same, { ...same, action: 1 }, same, { ...same, time: 6 }, { ...same, action: 1 }]);
    expect([events.length, duplicates]).toEqual([3, 2]);
  });
});

describe("growingColumns", () => {
  it("keeps every row across its growth", () => {
    const columns = growingColumns();
    const count = 20_000;
    for (let i = 0; i < count; i++) columns.push(i, 2 * i, i % 10, i / 2);
    const { customers, items, actions, times } = columns.finish();
    expect([customers.length, items.length, actions.length, times.length]).toEqual([count, count, count, count]);
    for (const i of [0, 4095, 4096, 8191, 8192, count - 1]) {
      expect([customers[i], items[i], actions[i], times[i]]).toEqual([i, 2 * i, i % 10, i / 2]);
    }
  });
});
