/** What takes customers apart takes every column along. */
import type { Histories } from "@tributary/events/histories";
import { expect, test } from "vitest";
import { splitHeldOut } from "./held-out.ts";
import { eventsOf } from "./sum-query.ts";

const histories: Histories = {
  customers: ["ann", "bob", "cid"],
  offsets: Uint32Array.of(0, 2, 3, 6),
  items: Int32Array.of(1, 0, 3, 4, 0, 6),
  actions: Uint8Array.of(0, 4, 1, 0, 6, 3),
  times: Float64Array.of(1, 2, 3, 4, 5, 6),
  dwells: Float32Array.of(1, 2, 3, 4, 5, 6),
  prices: Float32Array.of(6, 5, 4, 3, 2, 1),
  topics: Int32Array.of(0, 7, 0, 0, 9, 0),
};

test("who is held out and who is not have all that was theirs", () => {
  const { learnt, heldOut } = splitHeldOut(histories, (customer) => customer === "bob");
  expect(heldOut).toEqual({
    customers: ["bob"],
    offsets: Uint32Array.of(0, 1),
    ...{ items: Int32Array.of(3), actions: Uint8Array.of(1), times: Float64Array.of(3) },
    ...{ dwells: Float32Array.of(3), prices: Float32Array.of(4), topics: Int32Array.of(0) },
  });
  expect(learnt).toEqual({
    customers: ["ann", "cid"],
    offsets: Uint32Array.of(0, 2, 5),
    ...{ items: Int32Array.of(1, 0, 4, 0, 6), actions: Uint8Array.of(0, 4, 0, 6, 3), times: Float64Array.of(1, 2, 4, 5, 6) },
    ...{ dwells: Float32Array.of(1, 2, 4, 5, 6), prices: Float32Array.of(6, 5, 3, 2, 1), topics: Int32Array.of(0, 7, 0, 9, 0) },
  });
});

test("a query sees its customer's latest events, whole", () => {
  expect(eventsOf(histories, 2, 2)).toEqual({
    ...{ items: Int32Array.of(0, 6), actions: Uint8Array.of(6, 3), times: Float64Array.of(5, 6) },
    ...{ dwells: Float32Array.of(5, 6), prices: Float32Array.of(2, 1), topics: Int32Array.of(9, 0) },
  });
  const { dwells: _, prices: __, topics: ___, ...plain } = histories;
  expect(Object.keys(eventsOf(plain, 0, 5))).toEqual(["items", "actions", "times"]);
});
