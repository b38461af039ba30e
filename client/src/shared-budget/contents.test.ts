/** Several homes, one budget: held to one accountant over everything that ran, and to every interval of the period. */
import { account, rdpIntegerOrders, sampledGaussian } from "@tributary/dp";
import { affordableFrom, type Charge } from "@tributary/federation";
import { type Decimal, formatDecimal, nodeId, type Plan, planCost, type Sha256 } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { testPlan } from "../coordinator.test-support.ts";
import {
  beforeFirstRound,
  besideCosts,
  composedEpsilon,
  countedCharges,
  enrolled,
  type SharedCharge,
  type SharedContents,
  type SharedHome,
  sharedCosts,
  sharedRefusal,
} from "./contents.ts";

const delta = 1e-6;
const file = "/shop/budget.sqlite";
const hash = (digit: string) => digit.repeat(64) as Sha256;
const hour = 3_600_000;
const at = (hours: number) => new Date(Date.UTC(2026, 0, 1) + hours * hour).toISOString();

/** Releases of a plan by their sampling rates and noise multipliers. */
function planWith(...releases: readonly (readonly [number, number])[]): Plan {
  const base = testPlan();
  const [one] = base.releases;
  if (one === undefined) throw new Error("the test plan has a release");
  const written = releases.map(([samplingRate, noiseMultiplier]) => ({
    ...{ ...one, rounds: 100 },
    samplingRate: formatDecimal(samplingRate),
    noiseMultiplier: formatDecimal(noiseMultiplier),
  }));
  return { ...base, releases: written };
}

const plans = [planWith([0.2, 3], [1, 12]), planWith([0.05, 1.1]), planWith([1, 9], [0.4, 4], [0.01, 0.8])] as const;

const homeOf = (i: number, limits: SharedHome["limits"]): SharedHome => ({
  ...{ home: hash(String(i)), federation: `federation-${i}`, node: nodeId.parse("shop"), plan: hash("abc"[i] ?? "d") },
  limits,
});

const charge = (round: number, release: number, change: Partial<Charge> = {}): Charge => ({
  ...{ round, release, standing: "open", cohort: [], h1: hash("0") },
  ...change,
});

const nothing: SharedContents = { homes: [], costs: [], charges: [] };

/** Rounds of each release of each plan, as counts. */
const countsOf = fc.tuple(...plans.map(({ releases }) => fc.tuple(...releases.map(() => fc.integer({ min: 0, max: 60 })))));

function contentsOf(counts: readonly (readonly number[])[], limits: SharedHome["limits"] = null): SharedContents {
  return plans.reduce<SharedContents>((contents, plan, i) => {
    const home = homeOf(i, limits);
    let round = 0;
    const charges = (counts[i] ?? []).flatMap((count, release) =>
      Array.from({ length: count }, () => charge(++round, release, { standing: round % 2 === 0 ? "open" : "final" })),
    );
    return enrolled(contents, home, sharedCosts(plan, home.plan), charges);
  }, nothing);
}

const epsilonOf = (contents: SharedContents, periodDays: number | null = null, now = at(0)) =>
  composedEpsilon({ ...contents, file }, countedCharges(contents.charges, periodDays, now), delta);

describe("what homes have spent together", () => {
  test("is what one accountant says of all their rounds, whichever home ran them", () => {
    fc.assert(
      fc.property(countsOf, (counts) => {
        let all = account("rdp-integer");
        for (const [i, { releases }] of plans.entries()) {
          for (const [place, { samplingRate, noiseMultiplier }] of releases.entries()) {
            const count = counts[i]?.[place] ?? 0;
            if (count === 0) continue;
            all = all.add(sampledGaussian(Number(samplingRate), Number(noiseMultiplier)), count);
          }
        }
        const together = epsilonOf(contentsOf(counts));
        if (counts.flat().every((count) => count === 0)) expect(together).toBe(0);
        else expect(together / all.epsilon(delta).epsilon).toBeCloseTo(1, 9);
      }),
      { numRuns: 40, seed: 372 },
    );
  });

  test("is what the plan's own account says where there is one home, to the last bit: a default limit lets the whole plan run", () => {
    for (const [i, plan] of plans.entries()) {
      const counts = plans.map(({ releases }, j) => releases.map(() => (i === j ? 7 : 0)));
      expect(epsilonOf(contentsOf(counts))).toBe(planCost(plan, counts[i]).epsilon);
    }
  });

  test("of a plan that is charged by lattice is its Rényi divergences, and so no less than it says itself", () => {
    const all = { releases: plans[0].releases.map((release) => ({ ...release, samplingRate: "1" as Decimal })) };
    const plan: Plan = { ...plans[0], ...all, accountant: "lattice" };
    const home = homeOf(0, null);
    const contents = enrolled(nothing, home, sharedCosts(plan, home.plan), [charge(1, 0), charge(2, 1)]);
    const [own, renyi] = [planCost(plan, [1, 1]).epsilon, planCost({ ...plan, accountant: "rdp-integer" }, [1, 1]).epsilon];
    expect(epsilonOf(contents)).toBe(renyi);
    expect(renyi / own).toBeGreaterThan(1.03);
    expect(renyi / own).toBeLessThan(1.15);
  });

  test("counts what a plan cost before its first round once, and in every period", () => {
    const selection = { distribution: "poisson", mean: "5", noiseMultiplier: "20" } as Plan["selection"];
    const plan = { ...plans[1], selection } as Plan;
    const home = homeOf(1, null);
    const rounds = [charge(1, 0, { standing: "final", settledAt: at(0) })];
    const contents = enrolled(nothing, home, sharedCosts(plan, home.plan), rounds);
    expect(contents.charges.map(({ release }) => release)).toEqual([beforeFirstRound, 0]);
    expect(epsilonOf(contents) / planCost(plan, [1]).epsilon).toBeCloseTo(1, 12);
    expect(epsilonOf(contents, 1, at(1000)) / planCost(plan, [0]).epsilon).toBeCloseTo(1, 12);
  });

  test("of selected parts of a catalogue is at the δ that their selection left, and infinite where it left none", () => {
    const part = (own: string) =>
      ({ selection: { epsilon: "0.1", delta: own, maxItems: 5 } }) as NonNullable<Plan["catalogueParts"]>[number];
    const planOf = (own: string): Plan => ({ ...plans[1], catalogueParts: [part(own)] });
    const home = homeOf(1, null);
    const plan = planOf("0.0000001");
    const contents = enrolled(nothing, home, sharedCosts(plan, home.plan), [charge(1, 0)]);
    expect(epsilonOf(contents)).toBeGreaterThan(planCost(plans[1], [1]).epsilon);
    expect(epsilonOf(contents)).toBeGreaterThanOrEqual(planCost(plan, [1]).epsilon); // which may add ε, where that is less
    expect(composedEpsilon({ ...contents, file }, contents.charges, 1e-7)).toBe(Number.POSITIVE_INFINITY);
  });

  test("holds what a home paid beside its plan for lists of items, in every period, and takes their δ", () => {
    const home = homeOf(1, null);
    const selections = [
      { epsilon: 0.5, delta: 1e-7 },
      { epsilon: 0.25, delta: 2e-7 },
    ];
    const costs = [...sharedCosts(plans[1], home.plan), ...besideCosts(home.home, selections)];
    const contents = enrolled(nothing, home, costs, [charge(1, 0, { standing: "final", settledAt: at(0) })]);
    const later = epsilonOf(contents, 1, at(1000));
    expect(contents.charges.map(({ round }) => round).sort()).toEqual([-1, -2, 1]);
    expect(later).toBeLessThan(epsilonOf(contents));
    expect(later).toBeGreaterThan(0);
    // as integrals over both outputs of randomised response, at the order that is best
    const divergence = (epsilon: number, order: number) => {
      const [often, seldom] = [1 / (1 + Math.exp(-epsilon)), 1 / (1 + Math.exp(epsilon))];
      const term = (p: number, q: number) => Math.exp(order * Math.log(p) + (1 - order) * Math.log(q));
      return Math.log(term(often, seldom) + term(seldom, often)) / (order - 1);
    };
    const bounds = rdpIntegerOrders.map((order) => {
      const rdp = divergence(0.5, order) + divergence(0.25, order);
      return rdp + Math.log1p(-1 / order) - Math.log(7e-7 * order) / (order - 1);
    });
    expect(later / Math.min(...bounds)).toBeCloseTo(1, 6);
    expect(composedEpsilon({ ...contents, file }, contents.charges, 3e-7)).toBe(Number.POSITIVE_INFINITY);
  });

  test("can't be said where a charge's cost isn't known, or the costs have no order in common", () => {
    const contents = contentsOf([[1, 0], [1], []]);
    const unreadable = expect.objectContaining({ code: "TRB_NODE_BUDGET_UNREADABLE" });
    expect(() => epsilonOf({ ...contents, costs: [] })).toThrow(unreadable);
    const foreign = contents.costs.map((cost, i) =>
      i === 0 ? { ...cost, orders: cost.orders.map((order) => order + 0.5) } : cost,
    );
    expect(() => epsilonOf({ ...contents, costs: foreign })).toThrow(unreadable);
  });
});

/** An offer to one of the homes, and what becomes of its round. */
const offers = fc.array(
  fc.record({
    home: fc.integer({ min: 0, max: 2 }),
    pause: fc.integer({ min: 0, max: 10 }),
    known: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 })),
    heard: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 40 })),
    paid: fc.boolean(),
  }),
  { minLength: 20, maxLength: 50 },
);

describe("one more round", () => {
  test("is refused before any interval of the period could hold more than the strictest limit, of all homes' rounds", () => {
    const periodDays = 2;
    const alone = composedEpsilon(
      { ...contentsOf([[6, 0], [0], [0, 0, 0]]), file },
      contentsOf([[6, 0], [0], [0, 0, 0]]).charges,
      delta,
    );
    const limits = { maxEpsilon: alone, delta, periodDays };
    let refused = 0;
    let weighed = 0;
    fc.assert(
      fc.property(offers, (sequence) => {
        const lax = { ...limits, maxEpsilon: alone * 10 };
        const base = plans.reduce<SharedContents>((contents, plan, i) => {
          const home = homeOf(i, i === 1 ? limits : lax);
          return enrolled(contents, home, sharedCosts(plan, home.plan), []);
        }, nothing);
        const ran: { readonly charge: SharedCharge; readonly known: number; readonly settles: number }[] = [];
        let now = 0;
        for (const [i, { home, pause, known, heard, paid }] of sequence.entries()) {
          now += pause;
          const { home: key, plan } = homeOf(home, limits);
          const seen = ran.map(({ charge: one, settles }): SharedCharge => {
            if (settles > now) return { ...one, standing: one.round % 2 === 0 ? "reserved" : "open" };
            return paid || one.standing === "final" ? { ...one, settledAt: at(settles) } : one;
          });
          const round = { home: key, plan, round: i + 1, release: 0 };
          weighed++;
          if (sharedRefusal({ ...base, charges: seen, file }, round, at(now)) !== undefined) {
            refused++;
            continue;
          }
          ran.push({ charge: { ...round, standing: "final" }, known: now + known, settles: now + known + heard });
        }
        for (const { known: first } of ran) {
          const within = ran.filter(({ known }) => known >= first && known <= first + 24 * periodDays);
          const together = composedEpsilon(
            { ...base, file },
            within.map((one) => one.charge),
            delta,
          );
          expect(together).toBeLessThanOrEqual(alone * (1 + 1e-11));
        }
      }),
      { numRuns: 60, seed: 373 },
    );
    expect(refused / weighed).toBeGreaterThan(0.05);
    expect(refused / weighed).toBeLessThan(0.95);
  });

  test("is refused with the limit that binds, whose it is, what is spent, what the round makes of it, and when it fits again", () => {
    const contents = contentsOf([[3, 0], [2], []]);
    const settled = contents.charges.map((one, i): SharedCharge => ({ ...one, standing: "final", settledAt: at(i) }));
    const spent = formatDecimal(epsilonOf(contents), "up");
    const homes = contents.homes.map((home, i) => ({
      ...home,
      limits: { maxEpsilon: i === 2 ? Number(spent) : 100, delta, periodDays: 3 },
    }));
    const round = { home: hash("0"), plan: homeOf(0, null).plan, round: 9, release: 0 };
    const refusal = sharedRefusal({ homes, costs: contents.costs, charges: settled, file }, round, at(10));
    expect(refusal).toMatchObject({
      code: "TRB_POLICY_SHARED_BUDGET_EXCEEDED",
      details: { spent: Number(spent), limit: Number(spent), owner: "federation-2/shop", period: "within 3 days", file },
    });
    const from = String(refusal?.details["from"]);
    const asked = (now: string) => sharedRefusal({ homes, costs: contents.costs, charges: settled, file }, round, now);
    expect(asked(from)).toBeUndefined();
    expect(asked(new Date(Date.parse(from) - 1).toISOString())?.code).toBe("TRB_POLICY_SHARED_BUDGET_EXCEEDED");
    expect(affordableFrom(countedCharges(settled, 3, at(10)), 3, at(10), () => true)).toBe(
      new Date(Date.parse(at(72)) + 1).toISOString(),
    );
  });

  test("of a home that has left sets no limit, and what it spent stays", () => {
    const contents = contentsOf([[30, 0], [0], []], { maxEpsilon: 1e-3, delta, periodDays: null });
    const round = { home: hash("1"), plan: homeOf(1, null).plan, round: 1, release: 0 };
    const refusalWith = (homes: readonly SharedHome[]) => sharedRefusal({ ...contents, homes, file }, round, at(0));
    expect(refusalWith(contents.homes)?.details["from"]).toBe("not by itself");
    const left = contents.homes.map((home) => ({ ...home, limits: null }));
    expect(refusalWith(left)).toBeUndefined();
    const limit = epsilonOf(contents);
    const own = { ...homeOf(1, { maxEpsilon: limit, delta, periodDays: null }) };
    expect(refusalWith([...left.filter(({ home }) => home !== own.home), own])?.code).toBe("TRB_POLICY_SHARED_BUDGET_EXCEEDED");
  });
});
