import type { Histories } from "@tributary/events";
import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeHistories } from "./merge-histories.ts";

type Event = readonly [time: number, item: number, action: number];

function historiesOf(events: Readonly<Record<string, readonly Event[]>>): Histories {
  const customers = Object.keys(events).sort();
  const all = customers.map((customer) => [...(events[customer] ?? [])].sort((a, b) => a[0] - b[0]));
  const flat = all.flat();
  return {
    customers,
    offsets: Uint32Array.from([0, ...all.map((_, i) => all.slice(0, i + 1).flat().length)]),
    items: Int32Array.from(flat, ([, item]) => item),
    actions: Uint8Array.from(flat, ([, , action]) => action),
    times: Float64Array.from(flat, ([time]) => time),
  };
}

test("a customer in both logs has one history, in order of time, without the event that both hold", () => {
  const first = historiesOf({
    b: [
      [1, 10, 0],
      [5, 11, 0],
    ],
    c: [[2, 3, 3]],
  });
  const second = historiesOf({
    a: [[9, 1, 0]],
    b: [
      [3, 12, 1],
      [5, 11, 0],
    ],
  });
  expect(mergeHistories(first, second)).toEqual({
    histories: historiesOf({
      a: [[9, 1, 0]],
      b: [
        [1, 10, 0],
        [3, 12, 1],
        [5, 11, 0],
      ],
      c: [[2, 3, 3]],
    }),
    duplicates: 1,
  });
});

test("merging loses no event and invents none", () => {
  const event = fc.tuple(fc.nat(20), fc.nat(5), fc.nat(3));
  const log = fc.dictionary(
    fc.constantFrom("a", "b", "c", "d"),
    fc.uniqueArray(event, { minLength: 1, maxLength: 6, selector: String }),
  );
  fc.assert(
    fc.property(log, log, (one, other) => {
      const { histories, duplicates } = mergeHistories(historiesOf(one), historiesOf(other));
      const expected = new Set(
        [one, other].flatMap((part) => Object.entries(part).flatMap(([c, es]) => es.map((e) => `${c} ${e}`))),
      );
      const found = histories.customers.flatMap((customer, i) =>
        Array.from(
          { length: (histories.offsets[i + 1] ?? 0) - (histories.offsets[i] ?? 0) },
          (_, j) => (histories.offsets[i] ?? 0) + j,
        ).map((at) => `${customer} ${histories.times[at]},${histories.items[at]},${histories.actions[at]}`),
      );
      expect(new Set(found)).toEqual(expected);
      expect(found.length).toBe(expected.size);
      const total = [one, other].flatMap((part) => Object.values(part).flat()).length;
      expect(duplicates).toBe(total - expected.size);
    }),
  );
});
