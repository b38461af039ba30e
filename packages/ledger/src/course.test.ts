/** What entries decide about those after them, held to rules that are written down once more, in full, over whole histories. */
import { chooseScale } from "@tributary/dp";
import { type Decimal, metricCoordinates, type NodeId, type Plan, type Release, type Sha256 } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import { type KeptModel, keptAfter } from "./acceptance.ts";
import {
  type Course,
  courseAfterPromotion,
  courseAfterRollback,
  courseAfterRound,
  courseOf,
  isStopped,
  keptAfterRollback,
  promotionDue,
  rollbackFault,
  stopOf,
} from "./course.ts";

const decimal = (text: string) => text as Decimal;
const dimension = metricCoordinates.length;
const shape = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier: "3", dimension, touched: dimension } as const;
const { scale } = chooseScale({ ...shape, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
const metrics: Release = {
  ...{ ...shape, kind: "metrics", rounds: 1, fractionBits: 8, samplingRate: decimal("1"), scale: decimal(scale) },
  ...{ clipNorm: decimal("2.8285"), noiseMultiplier: decimal("3") },
};
const base = examplePlan();
const [training] = base.releases as [Release];
const plan: Plan = {
  ...{ ...base, releases: [metrics, training], metrics: { heldOut: decimal("0.1"), lossBound: decimal("12") } },
  earlyStop: { metric: "mrr", patience: 3, leastGain: decimal("0.02") },
};
const survivors = ["a", "b", "c", "d"] as NodeId[];
const hash = (name: string) => name as Sha256;
const looked = (model: Sha256, rank: number, customers = 400) => ({
  ...{ round: 1, release: 0, survivors, modelHash: model, nextModelHash: model },
  sum: [customers, 0, 0, customers * rank, 0, 0, 0, 0].map((units) => Math.round(units * Number(scale))),
});
const trained = (from: Sha256, to: Sha256) => ({ round: 1, release: 1, survivors, modelHash: from, nextModelHash: to });
const ranks = fc.array(fc.oneof(fc.constant(null), fc.integer({ min: 0, max: 100 })), { maxLength: 25 });

describe("an early stop", () => {
  test("comes exactly when so many looks in a row were below every mark before them and the least gain (seed 4604)", () => {
    fc.assert(
      fc.property(ranks, (list) => {
        let course = courseOf(plan);
        const estimates: (number | null)[] = [];
        for (const rank of list) {
          // nothing can be said of 5 customers in a noise of 17
          course = courseAfterRound(plan, course, rank === null ? looked(hash("m"), 0.5, 5) : looked(hash("m"), rank / 100));
          estimates.push(rank === null ? null : rank / 100);
          // the slow way: from the beginning, which looks were gains
          let best: number | undefined;
          const gains = estimates.map((estimate) => {
            const gain = estimate !== null && (best === undefined || estimate >= best + 0.02 - 1e-6);
            if (gain) best = estimate ?? undefined;
            return gain;
          });
          // ranks are hundredths and the least gain two of them: rounding to units is far below what could tip one
          const ahead = gains.length - 1 - gains.lastIndexOf(true);
          expect(course.stale).toBe(ahead);
          expect(isStopped(plan, course)).toBe(ahead >= 3);
          expect(stopOf(plan, course)?.rule).toBe(ahead >= 3 ? "earlyStop" : undefined);
        }
      }),
      { seed: 4604, numRuns: 200 },
    );
  });

  test("never comes to a plan without the rule", () => {
    const { earlyStop: _, ...rest } = plan;
    const without: Plan = rest;
    const course = [0.5, 0.4, 0.3, 0.2, 0.1].reduce<Course>(
      (before, rank) => courseAfterRound(without, before, looked(hash("m"), rank)),
      courseOf(without),
    );
    expect([isStopped(without, course), stopOf(without, course)]).toEqual([false, undefined]);
  });
});

describe("a way back", () => {
  const back = (
    course: Course,
    modelHash: string,
    standing: string,
    kept: KeptModel | null = null,
    optimiser: "reset" | "kept" = "reset",
  ) => rollbackFault(plan, course, { modelHash: hash(modelHash), optimiser }, { modelHash: hash(standing), kept });

  test("leads to the last 64 models that training left, each once, and to none that statistics left behind", () => {
    let course = courseOf(plan);
    for (let i = 0; i < 70; i++) course = courseAfterRound(plan, course, trained(hash(`m${i}`), hash(`m${i + 1}`)));
    expect(course.models.length).toBe(64);
    expect([back(course, "m7", "m70"), back(course, "m69", "m70")]).toEqual([undefined, undefined]);
    expect(back(course, "m6", "m70")).toBeDefined();
    expect(courseAfterRound(plan, course, trained(hash("m70"), hash("m20"))).models.filter((one) => one === "m20").length).toBe(
      1,
    );
    const counting: Plan = { ...plan, releases: [{ ...training, kind: "pairs" }, training] };
    const counted = courseAfterRound(counting, courseOf(counting), {
      ...trained(base.initialModelHash, hash("counted")),
      release: 0,
    });
    expect([back(counted, base.initialModelHash, "x"), back(counted, "counted", "x")]).toEqual([expect.any(String), undefined]);
  });

  test("takes the optimiser's state of a kept model only, and forgets what was kept besides", () => {
    const course = courseAfterRound(plan, courseOf(plan), trained(base.initialModelHash, hash("a")));
    const kept: KeptModel = { modelHash: base.initialModelHash, interval: [0.3, 0.4] };
    expect(back(course, base.initialModelHash, "a", kept, "kept")).toBeUndefined();
    expect(back(course, base.initialModelHash, "a", null, "kept")).toContain("was not kept");
    expect(back(course, "a", "a")).toContain("stands");
    expect([keptAfterRollback(kept, base.initialModelHash), keptAfterRollback(kept, hash("a"))]).toEqual([kept, null]);
    const far: Course = { ...course, best: 0.5, stale: 2, trained: 4 };
    expect(courseAfterRollback(far)).toEqual({ ...course, best: null, stale: 0, trained: 0 });
    expect(back({ ...course, stale: 3 }, base.initialModelHash, "a")).toContain("ended");
  });
});

describe("a promotion", () => {
  test("by rounds is due after every so many, whatever stands between them (seed 4605)", () => {
    const promoting: Plan = { ...plan, promotion: { rule: "rounds", every: 3 } };
    fc.assert(
      fc.property(fc.array(fc.boolean(), { maxLength: 40 }), (steps) => {
        let [course, model, sinceLast, promoted] = [courseOf(promoting), hash("m0"), 0, 0];
        for (const [i, trains] of steps.entries()) {
          const next = hash(`m${i + 1}`);
          course = courseAfterRound(promoting, course, trains ? trained(model, next) : looked(model, 0.5));
          if (trains) [model, sinceLast] = [next, sinceLast + 1];
          const due = promotionDue(promoting, course, { modelHash: model, kept: null });
          expect(due).toEqual(sinceLast === 3 ? { modelHash: model, rule: "rounds" } : undefined);
          if (due === undefined) continue;
          course = courseAfterPromotion(course, due, null);
          [sinceLast, promoted] = [0, promoted + 1];
          expect(promotionDue(promoting, course, { modelHash: model, kept: null })).toBeUndefined();
        }
        expect(promoted).toBe(Math.floor(steps.filter(Boolean).length / 3));
      }),
      { seed: 4605, numRuns: 200 },
    );
  });

  test("by metrics is of what was kept, each once, and only if it is surely better than the one before (seed 4606)", () => {
    const promoting: Plan = {
      ...{ ...plan, acceptance: { metric: "mrr", tolerance: decimal("0") } },
      promotion: { rule: "acceptance", leastGain: decimal("0.05") },
    };
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 100 }), { maxLength: 20 }), (list) => {
        let course = courseOf(promoting);
        let kept: KeptModel | null = null;
        const lowers: number[] = [];
        const before = new Set<string>();
        for (const [i, rank] of list.entries()) {
          const entry = looked(hash(`m${i}`), rank / 100);
          kept = keptAfter(promoting, kept, entry);
          course = courseAfterRound(promoting, course, entry);
          const due = promotionDue(promoting, course, { modelHash: entry.modelHash, kept });
          const lower = kept?.interval?.[0] ?? 0;
          const last = lowers.at(-1);
          const isNew =
            kept !== null && kept.modelHash !== course.promoted?.modelHash && kept.modelHash !== course.promoted?.kept;
          expect(due !== undefined).toBe(isNew && (last === undefined || lower >= last + 0.05));
          if (due === undefined) continue;
          expect([due.modelHash, before.has(due.modelHash)]).toEqual([kept?.modelHash, false]);
          before.add(due.modelHash);
          lowers.push(lower);
          course = courseAfterPromotion(course, due, kept);
        }
      }),
      { seed: 4606, numRuns: 200 },
    );
  });

  test("by an operator's hand stands until metrics keep another model", () => {
    const promoting: Plan = { ...plan, promotion: { rule: "acceptance", leastGain: decimal("0") } };
    const kept: KeptModel = { modelHash: hash("kept"), interval: [0.3, 0.4] };
    const latest = courseAfterPromotion(courseOf(plan), { modelHash: hash("latest") }, kept);
    expect(promotionDue(promoting, latest, { modelHash: hash("latest"), kept })).toBeUndefined();
    const better: KeptModel = { modelHash: hash("better"), interval: [0.1, 0.2] };
    expect(promotionDue(promoting, latest, { modelHash: hash("better"), kept: better })?.modelHash).toBe("better");
  });
});
