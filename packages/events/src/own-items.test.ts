import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { actions } from "./histories.ts";
import { ownItem, ownItems, withOwnItems } from "./own-items.ts";
import { leaveLastOut } from "./splitting.ts";

const [view, impression, click] = [actions.indexOf("view"), actions.indexOf("impression"), actions.indexOf("advertClick")];
const log = (items: readonly number[], done: readonly number[]) => ({
  customers: ["c"],
  offsets: Uint32Array.of(0, items.length),
  items: Int32Array.from(items),
  actions: Uint8Array.from(done),
  times: Float64Array.from(items.keys()),
});

describe("a customer's own items", () => {
  test("are all but those of impressions, event by event and as a whole; nothing that was handed in is changed", () => {
    const events = fc.array(fc.tuple(fc.nat(5), fc.nat(actions.length - 1)), { maxLength: 30 });
    fc.assert(
      fc.property(events, (rows) => {
        const given = log(
          rows.map(([item]) => item),
          rows.map(([, action]) => action),
        );
        const before = given.items.slice();
        const expected = rows.map(([item, action]) => (action === impression ? 0 : item));
        expect([...ownItems(given)]).toEqual(expected);
        expect(rows.map((_, event) => ownItem(given, event))).toEqual(expected);
        expect(given.items).toEqual(before);
      }),
      { seed: 7, numRuns: 300 },
    );
  });

  test("of a log without impressions are the very same array", () => {
    const given = log([1, 2, 3], [view, click, view]);
    expect(ownItems(given)).toBe(given.items);
    expect(withOwnItems(given)).toBe(given);
  });

  test("what was only shown is held out of nobody as the next item, a click on it is", () => {
    const shown = leaveLastOut(log([1, 2, 3, 4], [view, view, view, impression]));
    expect([...shown.targets]).toEqual([3]);
    expect([...shown.train.items]).toEqual([1, 2]);
    const clicked = leaveLastOut(log([1, 2, 4, 4], [view, view, impression, click]));
    expect([...clicked.targets]).toEqual([4]);
    expect([...clicked.train.items]).toEqual([1, 2, 0]); // the shop showed it; the customer had looked at 1 and 2
  });
});
