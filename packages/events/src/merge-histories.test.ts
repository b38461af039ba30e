import fc from "fast-check";
import { expect, test } from "vitest";
import { growingColumns, interner } from "./cleaning/growing-columns.ts";
import { orderEvents } from "./cleaning/order-events.ts";
import type { Histories } from "./histories.ts";
import { mergeHistories } from "./merge-histories.ts";
import { anyHistories } from "./random-histories.fixture.ts";
import { renameCustomers } from "./rename-customers.ts";

/** All events of all parts through the cleaner's own ordering, as if they were one log. */
function asOneLog(parts: readonly Histories[], from = Number.NEGATIVE_INFINITY): Histories {
  const customers = interner();
  const rows = growingColumns();
  for (const part of parts) {
    for (const [customer, id] of part.customers.entries()) {
      for (let event = part.offsets[customer] ?? 0; event < (part.offsets[customer + 1] ?? 0); event++) {
        const time = part.times[event] ?? 0;
        if (time < from) continue;
        const amounts = [part.dwells?.[event] ?? Number.NaN, part.prices?.[event] ?? Number.NaN] as const;
        rows.push(
          customers.number(id),
          part.items[event] ?? 0,
          part.actions[event] ?? 0,
          time,
          ...amounts,
          part.topics?.[event] ?? 0,
        );
      }
    }
  }
  return orderEvents(rows.finish(), customers.texts).histories;
}

/** A column in which nothing stands says as much as none. */
function tidy(histories: Histories): Histories {
  const { dwells, prices, topics, ...rest } = histories;
  const said = (amounts: Float32Array | undefined) => (amounts?.some((amount) => !Number.isNaN(amount)) ? amounts : undefined);
  const about = topics?.some((topic) => topic > 0) ? topics : undefined;
  return { ...rest, dwells: said(dwells), prices: said(prices), topics: about } as Histories;
}

test("parts of a log, merged, are the log: each event once, the first of equal ones, in order of time and arrival", () => {
  fc.assert(
    fc.property(
      fc.array(anyHistories, { minLength: 1, maxLength: 4 }),
      fc.option(fc.nat(50), { nil: undefined }),
      (parts, from) => {
        expect(tidy(mergeHistories(parts, from))).toEqual(tidy(asOneLog(parts, from)));
      },
    ),
  );
});

test("nothing, merged, is nothing", () => {
  expect(mergeHistories([])).toMatchObject({ customers: [], offsets: new Uint32Array(1), times: new Float64Array(0) });
});

test("renamed and renamed back, histories are what they were, and who is left out is", () => {
  fc.assert(
    fc.property(anyHistories, (histories) => {
      const reversed = histories.customers.map((id) => `${id}`).reverse();
      const renamed = renameCustomers(histories, reversed);
      const back = renameCustomers(
        renamed,
        renamed.customers.map((id) => histories.customers[reversed.indexOf(id)] ?? ""),
      );
      expect(back).toEqual(histories);
      const [gone] = histories.customers;
      const left = renameCustomers(histories, histories.customers, (id) => id === gone);
      expect(left.customers).toEqual(histories.customers.slice(1));
      expect([...left.times]).toEqual([...histories.times.subarray(histories.offsets[1])]);
    }),
  );
});
