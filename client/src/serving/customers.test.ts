import { describe, expect, test } from "vitest";
import { type LiveEvent, openCustomers } from "./customers.ts";
import { historiesOfLive } from "./live-events.ts";
import { historiesOf } from "./shop.test-support.ts";

const stored = historiesOf({
  ann: [
    { item: 1, action: "view", time: 10 },
    { item: 2, action: "buy", time: 30 },
  ],
  bob: [{ item: 3, action: "cart", time: 20 }],
});
const live = (customer: string, item: number, time: number, action = 0): LiveEvent => ({ customer, item, action, time });
const timesOf = (events: { readonly times: Float64Array } | undefined) => [...(events?.times ?? [])];

describe("customers", () => {
  test("events that come late stand where they happened; columns stay together", () => {
    const customers = openCustomers(stored);
    expect(customers.add([live("ann", 9, 40, 3), live("ann", 7, 20, 1)])).toHaveLength(2);
    const ann = customers.find("ann");
    expect(timesOf(ann)).toEqual([10, 20, 30, 40]);
    expect([...(ann?.items ?? [])]).toEqual([1, 7, 2, 9]);
    expect([...(ann?.actions ?? [])]).toEqual([0, 1, 3, 3]);
    expect([...(customers.find("bob")?.items ?? [])]).toEqual([3]);
    expect(customers.find("cem")).toBeUndefined();
    expect(customers.latest()).toBe(40);
  });

  test("one event that lies years behind all others does not move what is taken for now, and its customer keeps it", () => {
    const busy = Array.from({ length: 60 }, (_, place) => ({ item: 1, action: "view" as const, time: place }));
    const customers = openCustomers(historiesOf({ ann: busy }));
    customers.add([live("bob", 2, 2e9)]);
    expect([customers.latest(), timesOf(customers.find("bob"))]).toEqual([59, [2e9]]);
  });

  test("what is in the store or came before is not taken again, within one request neither", () => {
    const customers = openCustomers(stored);
    expect(customers.add([live("ann", 2, 30, 3), live("ann", 1, 10), live("ann", 5, 50), live("ann", 5, 50)])).toHaveLength(1);
    expect(customers.add([live("ann", 5, 50), live("ann", 5, 50, 1)])).toHaveLength(1);
    expect(customers.counts()).toEqual({ stored: 2, live: 2 });
  });

  test("dwell times and prices of the store stay with their events, and live ones have none", () => {
    const customers = openCustomers({ ...stored, prices: Float32Array.of(5, 6, 7) });
    customers.add([live("ann", 9, 20)]);
    expect([...(customers.find("ann")?.prices ?? [])]).toEqual([5, Number.NaN, 6]);
  });

  test("all or none is taken where there is no room", () => {
    const customers = openCustomers(stored, { most: 2 });
    expect(customers.add([live("ann", 1, 60)])).toHaveLength(1);
    const two = [live("bob", 1, 61), live("bob", 1, 62)];
    expect(() => customers.add(two)).toThrow(expect.objectContaining({ code: "TRB_SERVE_LIVE_FULL" }));
    expect(timesOf(customers.find("bob"))).toEqual([20]);
    expect(customers.add(two.slice(1))).toHaveLength(1);
  });

  test("after a reading of the store, what it holds or was to hold is no longer live, and the rest stays", () => {
    const customers = openCustomers(undefined);
    expect([customers.latest(), customers.counts()]).toEqual([0, { stored: 0, live: 0 }]);
    customers.stored(customers.add([live("ann", 4, 60)])); // and was erased from the store
    customers.add([live("ann", 2, 30, 3), live("ann", 8, 70), live("dan", 1, 5)]);
    customers.replace(stored);
    expect(customers.counts()).toEqual({ stored: 2, live: 2 });
    expect(timesOf(customers.find("ann"))).toEqual([10, 30, 70]);
    expect(timesOf(customers.find("dan"))).toEqual([5]);
    expect(customers.latest()).toBe(70);
  });

  test("what is stored while the store is read stays until a reading has it; who was erased meanwhile does not", () => {
    const customers = openCustomers(stored);
    customers.stored(customers.add([live("ann", 4, 50)])); // before the reading: it would have it, but for an erasure
    customers.expect();
    customers.stored(customers.add([live("ann", 5, 60), live("bob", 6, 61)]));
    customers.replace(stored, { erased: new Set(["bob"]) });
    expect(timesOf(customers.find("ann"))).toEqual([10, 30, 60]);
    expect(timesOf(customers.find("bob"))).toEqual([20]); // of the store that was read
    expect(customers.counts()).toEqual({ stored: 2, live: 1 });
    customers.expect();
    customers.replace(stored);
    expect(customers.counts()).toEqual({ stored: 2, live: 0 });
  });

  test("what the store could not take never happened", () => {
    const customers = openCustomers(stored);
    const told = customers.add([live("ann", 9, 40), live("dan", 1, 5)]);
    customers.add([live("ann", 9, 50)]);
    customers.withdraw(told);
    expect(customers.counts()).toEqual({ stored: 2, live: 1 });
    expect([timesOf(customers.find("ann")), customers.find("dan")]).toEqual([[10, 30, 50], undefined]);
    expect(customers.add([live("ann", 9, 40)])).toHaveLength(1);
  });

  test("what was told is written down as it was told, in order", () => {
    const topical = { ...live("ann", 0, 10, 4), topic: 3 };
    const told = historiesOfLive([live("dan", 2, 9), live("ann", 5, 20), topical, live("ann", 6, 20)]);
    expect(told).toEqual({
      customers: ["ann", "dan"],
      offsets: Uint32Array.of(0, 3, 4),
      items: Int32Array.of(0, 5, 6, 2),
      actions: Uint8Array.of(4, 0, 0, 0),
      times: Float64Array.of(10, 20, 20, 9),
      topics: Int32Array.of(3, 0, 0, 0),
    });
  });

  test("ids pass the door on their way in and when they are asked for", () => {
    const customers = openCustomers(undefined, { door: (id) => `p-${id}` });
    expect(customers.add([live("ann", 1, 10)])).toEqual([live("p-ann", 1, 10)]);
    expect(timesOf(customers.find("ann"))).toEqual([10]);
    const erased = new Set(["q-cem"]);
    customers.replace({ ...stored, customers: ["q-ann", "q-bob"] }, { door: (id) => `q-${id}`, erased });
    expect(timesOf(customers.find("ann"))).toEqual([10, 30]);
    expect(customers.add([live("cem", 1, 10)])).toEqual([]);
  });
});
