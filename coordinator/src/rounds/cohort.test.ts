/** Whom a round is offered to. */
import type { NodeId, Sha256 } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type CohortView, chooseCohort, invitations, trackAvailability, turnoutOf } from "./cohort.ts";

const crypto = nodeCrypto();
const names = (count: number) => Array.from({ length: count }, (_, i) => `node-${String(i).padStart(3, "0")}` as NodeId);
const view = (change: Partial<CohortView> = {}): CohortView => ({
  ...{ online: names(100), survivors: [], turnout: { invited: 1000, dropped: 50 } },
  ...{ planHash: "ab".repeat(32) as Sha256, round: 1, minCohort: 4, ...change },
});

test("without a wish everybody is invited", () => {
  expect(chooseCohort(crypto, {}, view())).toEqual(names(100));
});

test("the margin follows from the dropouts that were measured", () => {
  expect(chooseCohort(crypto, { size: 20 }, view()).length).toBe(24); // P[Bin(24, 0.949) ≥ 20] = 0.993, of 23 it is 0.973
  expect(invitations(20, 0.001, 100)).toBe(21);
  expect(invitations(20, 0.5, 1000)).toBe(57);
  expect(invitations(20, 0.5, 30)).toBe(30); // as many as there are
  expect(chooseCohort(crypto, { size: 2 }, view()).length).toBeGreaterThanOrEqual(4); // never below what a round needs
});

test("no more are invited than an operator wants at most, and never fewer than a round needs", () => {
  expect(chooseCohort(crypto, { most: 30 }, view()).length).toBe(30);
  expect(chooseCohort(crypto, { size: 20, most: 22 }, view()).length).toBe(22);
  expect(chooseCohort(crypto, { size: 20, most: 60 }, view()).length).toBe(24);
  expect(chooseCohort(crypto, { most: 2 }, view()).length).toBe(4);
  expect(chooseCohort(crypto, { most: 200 }, view()).length).toBe(100);
});

test("the margin is enough in as many rounds as it promises, whatever drops out (seed 4602)", () => {
  const numbers = fc.record({ wanted: fc.integer({ min: 1, max: 60 }), dropout: fc.integer({ min: 1, max: 60 }) });
  fc.assert(
    fc.property(numbers, ({ wanted, dropout }) => {
      const [share, many] = [dropout / 100, invitations(wanted, dropout / 100, 100_000)];
      // the tail by the recurrence over trials, which shares nothing with ours
      const enough = (trials: number) => {
        let chances = [1];
        for (let i = 0; i < trials; i++) {
          chances = Array.from(
            { length: chances.length + 1 },
            (_, k) => (chances[k] ?? 0) * share + (chances[k - 1] ?? 0) * (1 - share),
          );
        }
        return chances.slice(wanted).reduce((sum, chance) => sum + chance, 0);
      };
      expect(enough(many)).toBeGreaterThanOrEqual(0.99 - 1e-9);
      if (many > wanted) expect(enough(many - 1)).toBeLessThan(0.99 + 1e-9);
    }),
    { seed: 4602, numRuns: 60 },
  );
});

test("who it is follows from plan, round and names alone, and changes from round to round", () => {
  const one = chooseCohort(crypto, { size: 20 }, view());
  expect(chooseCohort(crypto, { size: 20 }, view({ online: names(100).toReversed(), survivors: names(3) }))).toEqual(one);
  const next = chooseCohort(crypto, { size: 20 }, view({ round: 2 }));
  expect(next).not.toEqual(one);
  expect(next).toEqual([...next].sort());
  const often = new Map<NodeId, number>();
  for (let round = 1; round <= 400; round++) {
    for (const node of chooseCohort(crypto, { size: 20 }, view({ round }))) often.set(node, (often.get(node) ?? 0) + 1);
  }
  // each node's count is Binomial(400, 0.24): beyond 96 ± 60, which is 7 σ, once in 3·10⁻¹² for each of 100
  for (const node of names(100)) expect(Math.abs((often.get(node) ?? 0) - 96)).toBeLessThan(60);
});

test("a stable cohort keeps who survived, as far as they are there", () => {
  const survivors = names(100).slice(40, 60);
  const again = chooseCohort(crypto, { size: 20, stable: true }, view({ survivors }));
  for (const node of survivors) expect(again).toContain(node);
  const away = view({ survivors, online: names(100).slice(50) });
  const fewer = chooseCohort(crypto, { size: 20, stable: true }, away);
  expect(fewer.filter((node) => survivors.includes(node))).toEqual(survivors.slice(10));
  expect(fewer.length).toBe(24);
});

test("who rests is not asked for a while, or until it connects anew", () => {
  const availability = trackAvailability();
  const [a, b, c] = names(3) as [NodeId, NodeId, NodeId];
  availability.refused(a, "TRB_POLICY_OUTSIDE_HOURS", 1_000);
  availability.refused(b, "TRB_POLICY_PAUSED", 2_000);
  availability.refused(c, "TRB_POLICY_EPSILON_EXCEEDED", 2_000);
  expect(availability.among(names(3), 3_000)).toEqual([c]);
  expect(availability.nextChange(3_000)).toBe(601_000);
  availability.back(a);
  expect(availability.among(names(3), 3_000)).toEqual([a, c]);
  expect(availability.among(names(3), 602_000)).toEqual(names(3));
  expect(availability.nextChange(602_000)).toBeUndefined();
  // nor for longer when the clock is set back meanwhile
  availability.refused(a, "TRB_POLICY_PAUSED", 86_400_000);
  expect(availability.among(names(3), 3_000)).toEqual(names(3).filter((node) => node !== b));
  expect(availability.nextChange(3_000)).toBe(602_000);
});

test("turnout is of the last rounds", () => {
  const rounds = [{ invited: 9, survivors: 0 }, ...Array.from({ length: 20 }, () => ({ invited: 10, survivors: 8 }))];
  expect(turnoutOf(rounds)).toEqual({ invited: 200, dropped: 40 });
  expect(turnoutOf([])).toEqual({ invited: 0, dropped: 0 });
});
