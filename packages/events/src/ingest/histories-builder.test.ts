import { expect, it } from "vitest";
import { inWords } from "../log-files.fixture.ts";
import { seededRandom } from "../seeded-random.ts";
import { historiesBuilder } from "./histories-builder.ts";

it("keeps each event once, however many there are at one moment, and tells customers and moments apart", () => {
  const random = seededRandom(36, "histories builder");
  const builder = historiesBuilder({ dwell: true, price: false });
  const expected = new Map<string, Set<string>>();
  let told = 0;
  for (const customer of ["a", "b", "c"]) {
    builder.startCustomer(customer);
    const events = new Set<string>();
    expected.set(customer, events);
    for (const time of [5, 6, 7]) {
      for (let event = 0; event < 500; event++) {
        const [item, action] = [1 + random.below(40), random.below(4)];
        const isNew = builder.add(item, action, time, item, Number.NaN);
        expect(isNew).toBe(!events.has(`${item} ${action} ${time}`));
        events.add(`${item} ${action} ${time}`);
        if (isNew) told++;
      }
    }
  }
  expect(told).toBe([...expected.values()].reduce((sum, { size }) => sum + size, 0));
  expect(told).toBeLessThan(3 * 3 * 160 + 1);
  expect(builder.events()).toBe(told);
  const histories = builder.finish();
  expect(Array.from(histories.dwells ?? [])).toEqual(Array.from(histories.items));
  expect([histories.customers, histories.offsets.length, histories.offsets[3]]).toEqual([["a", "b", "c"], 4, told]);
  const actionNames = ["view", "cart", "favourite", "buy"];
  const words = [...expected].map(
    ([customer, events]) =>
      `${customer}: ${[...events]
        .map((one) => one.split(" "))
        .map(([item, action, time]) => `${item} ${actionNames[Number(action)]} ${time}`)
        .join(", ")}`,
  );
  expect(inWords(histories)).toEqual(words);
});

it("begins anew behind a chunk, and forgets when it is told to", () => {
  const builder = historiesBuilder({ dwell: false, price: false });
  builder.startCustomer("a");
  builder.add(1, 0, 1, Number.NaN, Number.NaN);
  builder.clear();
  builder.startCustomer("b");
  expect(builder.add(1, 0, 1, Number.NaN, Number.NaN)).toBe(true);
  expect(inWords(builder.finish())).toEqual(["b: 1 view 1"]);
  builder.startCustomer("c");
  expect(builder.add(1, 0, 1, Number.NaN, Number.NaN)).toBe(true);
  const second = builder.finish();
  expect([second.customers, second.dwells, second.items.length]).toEqual([["c"], undefined, 1]);
});
