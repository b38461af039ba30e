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

/** Each on an item of its own, unless items are said. */
const after = (done: readonly number[], items = done.map((_, n) => 100 + n)) => ({
  items: Int32Array.from(items),
  actions: Uint8Array.from(done),
});

describe("the chain of actions", () => {
  const rows = Array.from({ length: 5 }, () => [view, cart, buy]);

  test("is the smoothed counts, by hand, where the customer's own say nothing more", () => {
    const chain = { ...actionChain(historiesOf(rows), actions.length, 5), ownSmoothing: Number.POSITIVE_INFINITY };
    const none = (5 + 1 / 10) / (15 + 1); // of each of the three, smoothed by one uniform event
    const first = (5 + 10 * none) / (5 + 10);
    const second = (5 + 10 * first) / 15;
    expect(nextActionOf(chain, after([]))[buy]).toBeCloseTo(none, 12);
    expect(nextActionOf(chain, after([cart]))[buy]).toBeCloseTo(first, 12);
    expect(nextActionOf(chain, after([view, cart]))[buy]).toBeCloseTo(second, 12); // never on two items: no longer context
    expect(nextActionOf(chain, after([view, cart], [1, 1]))[buy]).toBeCloseTo((5 + 10 * second) / 15, 12);
    for (const done of [[], [cart], [view, cart], [buy, buy]])
      expect(nextActionOf(chain, after(done)).reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
  });

  test("what the customer itself did after its last action weighs by m_u, by hand", () => {
    const chain = actionChain(historiesOf(rows), actions.length, 5);
    const plain = nextActionOf({ ...chain, ownSmoothing: Number.POSITIVE_INFINITY }, after([cart, view, cart]));
    const own = nextActionOf({ ...chain, ownSmoothing: 8 }, after([cart, view, cart])); // a view came after its only cart so far
    expect(own[view]).toBeCloseTo((1 + 8 * (plain[view] ?? 0)) / 9, 12);
    expect(own[buy]).toBeCloseTo((8 * (plain[buy] ?? 0)) / 9, 12);
  });

  test("habits that differ are told to matter, and are not where all are alike", () => {
    const habits = Array.from({ length: 60 }, (_, n) =>
      Array.from({ length: 12 }, () => [cart, n % 2 === 0 ? buy : view]).flat(),
    );
    const chain = actionChain(historiesOf(habits), actions.length);
    expect(chain.ownSmoothing).toBeLessThan(10);
    expect(nextActionOf(chain, after([cart, buy, cart, buy, cart]))[buy]).toBeGreaterThan(0.7);
    expect(nextActionOf(chain, after([cart, view, cart, view, cart]))[buy]).toBeLessThan(0.3);
  });

  test("two actions tell more than the last one where enough customers had them", () => {
    const mixed = Array.from({ length: 40 }, (_, n) => (n % 2 === 0 ? [view, view, buy] : [cart, view, view]));
    const chain = actionChain(historiesOf(mixed), actions.length);
    expect(nextActionOf(chain, after([view, view]))[buy]).toBeGreaterThan(nextActionOf(chain, after([cart, view]))[buy] ?? 1);
  });

  test("a context that fewer than minSupport customers had says nothing, however often they had it", () => {
    const rare = Array.from({ length: 4 }, () => Array.from({ length: 50 }, () => [8, 9]).flat());
    const common = Array.from({ length: 20 }, () => [view, cart]);
    const chain = actionChain(historiesOf([...rare, ...common]), actions.length, 5);
    const [, pairs, lasts] = chain.contexts;
    expect([lasts?.[8], pairs?.[8 * actions.length + 9]]).toEqual([undefined, undefined]);
    expect(lasts?.[view]).toBeDefined();
    expect(nextActionOf(chain, after([8]))).toEqual(nextActionOf(chain, after([])));
    expect(actionChain(historiesOf([...rare, ...common]), actions.length, 4).contexts[2]?.[8]).toBeDefined();
  });
});
