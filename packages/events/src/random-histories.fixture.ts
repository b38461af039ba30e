/** For tests: arbitrary histories that keep every promise of `Histories`, and the catalogue that they name items of. */
import fc from "fast-check";
import { makeCatalogue } from "./catalogue.ts";
import { growingColumns, interner } from "./cleaning/growing-columns.ts";
import { orderEvents } from "./cleaning/order-events.ts";
import { actions, type Histories } from "./histories.ts";

/** Ids and categories with everything that a CSV file has to quote. */
export const awkwardCatalogue = makeCatalogue(
  ["plain", 'quo"ted', "com,ma", "new\nline", "ünï 𝄞", "=1+1"].map((id) => ({ id, category: `kind of ${id}` })),
);

const customerId = fc
  .string({ unit: fc.constantFrom("a", "B", '"', ",", "é", "𝄞", "\uFFFD", " ", "\n"), minLength: 1, maxLength: 6 })
  .map((id) => id.trim())
  .filter((id) => id !== "");

/** Float32 from 0, half of them none. */
const amount = fc.oneof(
  fc.constant(Number.NaN),
  fc.float({ min: 0, noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
);

const event = fc.record({
  customer: fc.nat(19),
  what: fc.oneof(
    fc.record({
      item: fc.integer({ min: 1, max: awkwardCatalogue.items.length }),
      action: fc.nat(actions.length - 1),
      topic: fc.constant(0),
    }),
    fc.record({
      item: fc.constant(0),
      action: fc.constantFrom(...(["search", "category", "login"] as const).map((name) => actions.indexOf(name))),
      topic: fc.nat(awkwardCatalogue.items.length),
    }),
  ),
  dwell: amount,
  price: amount,
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
    fc.boolean(),
    fc.boolean(),
    fc.boolean(),
  )
  .map(([ids, events, withDwells, withPrices, withTopics]) => {
    const customers = interner();
    const rows = growingColumns();
    for (const { customer, what, time, dwell, price } of events) {
      const { item, action } = what;
      const [seconds, paid] = [withDwells ? dwell : Number.NaN, withPrices ? price : Number.NaN];
      rows.push(
        customers.number(ids[customer % ids.length] ?? ""),
        item,
        action,
        time,
        seconds,
        paid,
        withTopics ? what.topic : 0,
      );
    }
    return orderEvents(rows.finish(), customers.texts).histories;
  });
