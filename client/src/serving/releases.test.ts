/** Which of the models in a ledger serves. */
import type { Entry } from "@tributary/ledger";
import type { Plan, Release, Sha256 } from "@tributary/protocol";
import { expect, test } from "vitest";
import { servedRelease } from "./releases.ts";

const hash = (model: string) => model as Sha256;
const planOf = (kinds: readonly Release["kind"][], change: Partial<Plan> = {}) =>
  ({ initialModelHash: hash("initial"), releases: kinds.map((kind) => ({ kind })), ...change }) as unknown as Plan;
const round = (number: number, release: number, from: string, to: string, sum?: readonly number[]) =>
  ({
    ...{ kind: "round", round: number, release, modelHash: hash(from), nextModelHash: hash(to) },
    ...(sum === undefined ? {} : { sum }),
  }) as unknown as Entry;
const note = (kind: "promotion" | "rollback", model: string) => ({ kind, modelHash: hash(model) }) as unknown as Entry;
const served = (plan: Plan, ...entries: Entry[]) => servedRelease(plan, entries);

const trained = planOf(["training", "metrics"]);
const promoting = planOf(["popularity", "training"], { promotion: { rule: "rounds", every: 1 } });

test("the latest that a round made; none before, and metrics make none", () => {
  expect(served(trained)).toBeUndefined();
  expect(served(trained, round(1, 1, "initial", "initial", [1]))).toBeUndefined();
  expect(served(trained, round(1, 0, "initial", "a"), round(2, 0, "a", "b"), round(3, 1, "b", "b", [1]))).toEqual({
    ...{ hash: "b", round: 2, trained: true },
  });
});

test("not one that metrics gave up: the one that they kept, with the round that made it", () => {
  const given = [round(1, 0, "initial", "a"), round(2, 1, "a", "a", [1]), round(3, 0, "a", "b"), round(4, 1, "b", "a", [1])];
  expect(served(trained, ...given)).toEqual({ hash: "a", round: 1, trained: true });
});

test("not one that training went back from", () => {
  const back = [round(1, 0, "initial", "a"), round(2, 0, "a", "b"), note("rollback", "a")];
  expect(served(trained, ...back)).toEqual({ hash: "a", round: 1, trained: true });
  expect(served(trained, ...back, round(3, 0, "a", "c"))).toEqual({ hash: "c", round: 3, trained: true });
  expect(served(trained, round(1, 0, "initial", "a"), note("rollback", "initial"))).toEqual({
    ...{ hash: "initial", round: 0, trained: false },
  });
});

test("where a rule promotes models, promoted ones only, and statistics until there is one", () => {
  const counted = round(1, 0, "initial", "counted");
  const candidate = [counted, round(2, 1, "counted", "a")];
  expect(served(promoting, ...candidate)).toEqual({ hash: "counted", round: 1, trained: false });
  const promoted = [...candidate, note("promotion", "a"), round(3, 1, "a", "b")];
  expect(served(promoting, ...promoted)).toEqual({ hash: "a", round: 2, trained: true });
  expect(served(promoting, ...promoted, note("promotion", "b"))).toEqual({ hash: "b", round: 3, trained: true });
  const byHand = [round(1, 0, "initial", "a"), note("promotion", "a"), round(2, 0, "a", "b")];
  expect(served(trained, ...byHand)).toMatchObject({ hash: "b" }); // without a rule an operator's word is for the platform
  expect(
    served(planOf(["training"], { promotion: { rule: "rounds", every: 9 } }), round(1, 0, "initial", "a")),
  ).toBeUndefined();
});
