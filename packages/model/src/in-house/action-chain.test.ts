import { actions, type Histories } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { actionChain, nextActionOf } from "./action-chain.ts";

const [view, cart, buy] = [0, 1, 3];

const historiesOf = (rows: readonly (readonly number[])[]): Histories => {
  const offsets = Uint32Array.from([0, ...rows.map((_, n) => rows.slice(0, n + 1).flat().length)]);
  const events = rows.flat();
  return {
    customers: rows.map((_, n) => `c${n}`),
    offsets,
    items: new Int32Array(events.length).fill(1),
    actions: Uint8Array.from(events),
    times: Float64Array.from(events.keys()),
  };
};

describe("the chain of actions", () => {
  test("is the smoothed counts, by hand", () => {
    const chain = actionChain(historiesOf(Array.from({ length: 5 }, () => [view, cart, buy])), actions.length, 5);
    const none = (5 + 1 / 10) / (15 + 1); // of each of the three, smoothed by one uniform event
    const first = (5 + 10 * none) / (5 + 10);
    expect(nextActionOf(chain, [])[buy]).toBeCloseTo(none, 12);
    expect(nextActionOf(chain, [cart])[buy]).toBeCloseTo(first, 12);
    expect(nextActionOf(chain, [view, cart])[buy]).toBeCloseTo((5 + 10 * first) / 15, 12);
    for (const done of [[], [cart], [view, cart], [buy, buy]])
      expect(nextActionOf(chain, done).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
  });

  test("two actions tell more than the last one where enough customers had them", () => {
    const rows = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? [view, view, buy] : [cart, view, view]));
    const chain = actionChain(historiesOf(rows), actions.length);
    expect(nextActionOf(chain, [view, view])[buy]).toBeGreaterThan(nextActionOf(chain, [cart, view])[buy] ?? 1);
  });

  test("a context that fewer than minSupport customers had says nothing, however often they had it", () => {
    const rare = Array.from({ length: 4 }, () => Array.from({ length: 50 }, () => [8, 9]).flat());
    const common = Array.from({ length: 20 }, () => [view, cart]);
    const chain = actionChain(historiesOf([...rare, ...common]), actions.length, 5);
    expect(chain.first[8]).toBeUndefined();
    expect(chain.second[89]).toBeUndefined();
    expect(nextActionOf(chain, [8])).toEqual(nextActionOf(chain, []));
    expect(actionChain(historiesOf([...rare, ...common]), actions.length, 4).first[8]).toBeDefined();
  });
});
