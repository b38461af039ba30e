import { actions, type Histories } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { nextActionOf } from "./action-chain.ts";
import { blendedNextAction, chooseNextAction, type NextActionCases, nextActionCases, softened } from "./next-action.ts";

const [view, cart, buy] = [0, 1, 3];

/** After a cart comes a buy at some customers and a view at the others: their items, 1 or 2, say which, and the chain doesn't read items. */
const customers = 400;
const rows = Array.from({ length: customers }, (_, n) => [
  view,
  cart,
  (n >> 3) % 2 === 0 ? buy : view,
  view,
  cart,
  (n >> 3) % 2 === 0 ? buy : view,
]);
const histories: Histories = {
  customers: rows.map((_, n) => `c${String(n).padStart(3, "0")}`),
  offsets: Uint32Array.from({ length: customers + 1 }, (_, n) => 6 * n),
  items: Int32Array.from(rows.flatMap((row, n) => row.map(() => 1 + ((n >> 3) % 2)))),
  actions: Uint8Array.from(rows.flat()),
  times: Float64Array.from({ length: 6 * customers }, (_, event) => event),
};
const cases = (isUnlearnt?: (customer: string) => boolean): NextActionCases => {
  const made = nextActionCases(histories, actions.length, { minSupport: 5, isUnlearnt });
  if (made === undefined) throw new Error("there are enough");
  return made;
};

/** Logits of a head that is `sure` of an action. */
const saying = ({ stretches }: NextActionCases, of: (begin: number, n: number) => number, sure: number) =>
  stretches.map(({ begin }, n) => actions.map((_, action) => (action === of(begin, n) ? sure : 0)));

describe("the next action is said by", () => {
  test("the chain where the head says view of everything, however sure it is, and what was chosen is never worse on the other half", () => {
    for (const sure of [2, 10, 1000]) {
      const judged = cases();
      const { weight, validation } = chooseNextAction(
        judged,
        saying(judged, () => view, sure),
      );
      expect(weight).toBeLessThan(0.5);
      expect(validation.logLoss).toBeLessThanOrEqual(validation.chainLogLoss);
      expect(validation.logLoss).toBeLessThan(validation.headLogLoss);
    }
    const nonsense = cases();
    const at = (n: number) => (n * 7) % actions.length;
    expect(
      chooseNextAction(
        nonsense,
        saying(nonsense, (_, n) => at(n), 1000),
      ).weight,
    ).toBe(0);
  });

  test("the head where it knows what the chain can't, at a temperature where it is too sure of itself", () => {
    const judged = cases();
    const right = (begin: number, n: number) => (n % 10 === 9 ? buy : (judged.next[n] as number)) + 0 * begin;
    const { weight, temperature, validation } = chooseNextAction(judged, saying(judged, right, 12));
    expect(weight).toBeGreaterThan(0.5);
    expect(validation.logLoss).toBeLessThan(0.7 * Math.min(validation.chainLogLoss, validation.headLogLoss));
    const sure =
      softened(
        actions.map((_, action) => (action === buy ? 12 : 0)),
        temperature,
      )[buy] ?? 1;
    expect(weight * sure).toBeLessThan(0.97);
  });

  test("customers from whom nobody has learnt, where there are enough: neither the head nor the chain that judges has seen them", () => {
    const isUnlearnt = (customer: string) => customer < "c060";
    const judged = cases(isUnlearnt);
    expect(judged.heldOut).toBe(true);
    expect(Math.max(...judged.stretches.map(({ end }) => end))).toBeLessThan(6 * 60);
    expect(judged.stretches).toHaveLength(4 * 60);
    expect(judged.chain.none.reduce((sum, n) => sum + n, 0)).toBe(6 * (customers - 60));
    const few = cases((customer) => customer < "c005");
    expect([few.heldOut, few.stretches.length]).toEqual([false, 4 * (customers / 5)]);
    const nobody = { ...histories, customers: histories.customers.slice(0, 30), offsets: histories.offsets.subarray(0, 31) };
    expect(nextActionCases(nobody, actions.length, { minSupport: 5 })).toBeUndefined();
  });

  test("both, by w and T, by hand", () => {
    const { chain } = cases();
    const before = { items: Int32Array.of(1, 1), actions: Uint8Array.of(view, cart) };
    const chained = nextActionOf(chain, before);
    const logits = actions.map((_, action) => (action === buy ? Math.log(4) * 2 : 0));
    const said = blendedNextAction({ weight: 0.25, temperature: 2 }, logits, chained);
    expect(said[buy]).toBeCloseTo(0.25 * (4 / (actions.length - 1 + 4)) + 0.75 * (chained[buy] ?? 0), 12);
    expect(said.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12);
    expect(blendedNextAction({ weight: 0, temperature: 1 }, logits, chained)).toEqual(chained);
  });
});
