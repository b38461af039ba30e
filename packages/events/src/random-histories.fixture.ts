/** For tests: arbitrary histories that keep every promise of `Histories`, and the catalogue that they name items of. */
import fc from "fast-check";
import { makeCatalogue } from "./catalogue.ts";
import { growingColumns, interner } from "./cleaning/growing-columns.ts";
import { orderEvents } from "./cleaning/order-events.ts";
import { actions, type Histories } from "./histories.ts";

/** Ids with everything that a CSV file has to quote. */
export const awkwardCatalogue = makeCatalogue(
  ["plain", 'quo"ted', "com,ma", "new\nline", "ünï 𝄞", "=1+1"].map((id) => ({ id })),
);

const customerId = fc
  .string({ unit: fc.constantFrom("a", "B", '"', ",", "é", "𝄞", "\uFFFD", " ", "\n"), minLength: 1, maxLength: 6 })
  .map((id) => id.trim())
  .filter((id) => id !== "");

const event = fc.record({
  customer: fc.nat(19),
  item: fc.integer({ min: 1, max: awkwardCatalogue.items.length }),
  action: fc.nat(actions.length - 1),
  time: fc.oneof(
    fc.nat(50),
    fc.integer({ min: 0, max: 2e12 }).map((milliseconds) => milliseconds / 1000),
  ),
});

/** Histories of at least one event. */
export const anyHistories: fc.Arbitrary<Histories> = fc
  .tuple(
    fc.uniqueArray(customerId, { minLength: 1, maxLength: 20, size: "max" }),
    fc.array(event, { minLength: 1, maxLength: 60, size: "max" }),
  )
  .map(([ids, events]) => {
    const customers = interner();
    const rows = growingColumns();
    for (const { customer, item, action, time } of events) {
      rows.push(customers.number(ids[customer % ids.length] ?? ""), item, action, time);
    }
    return orderEvents(rows.finish(), customers.texts).histories;
  });
