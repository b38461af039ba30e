/** A limit over a period, weighed round by round, and its slow twin: every interval of that length, by what was released in it. */
import { isTributaryError } from "@tributary/errors";
import { spentAfter } from "@tributary/ledger";
import { type Decimal, formatDecimal, type Plan, parseDecimal } from "@tributary/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { affordableFrom, chargesInPeriod } from "./budget-period.ts";
import { createWorld } from "./harness.test-support.ts";
import type { Charge, NodePolicy } from "./node-state.ts";
import { requireAffordable } from "./steps/offer.ts";

const hour = 3_600_000;
const at = (hours: number) => new Date(Date.UTC(2026, 0, 1) + hours * hour).toISOString();

const world = createWorld({ rounds: 200 });
/** Two releases of different cost, so that an interval's composition is no count. */
const plan: Plan = {
  ...world.plan,
  releases: world.plan.releases.flatMap((r) => [r, { ...r, samplingRate: "0.02" as Decimal }]),
};
const ofFive = spentAfter(plan, [5, 0]).epsilon;

const charge = (round: number, release: number, times: Partial<Charge>): Charge => ({
  ...{ round, release, standing: "final", cohort: [], h1: "0".repeat(64) as Charge["h1"] },
  ...times,
});

const policy = (periodDays: number | null, maxEpsilon: Decimal = ofFive): NodePolicy => ({
  ...{ maxEpsilon, delta: plan.delta, minCohort: 3, releases: ["training"], trustedPeers: [], periodDays },
});

/** What a node answers to the offer of one more round: nothing, or its refusal. */
function refusalOf(charges: readonly Charge[], limits: NodePolicy, release: number, now: string) {
  try {
    requireAffordable({ plan, policy: limits, charges, ledgerCharged: [0, 0] }, release, now);
    return undefined;
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
}

/** A round as it may come: how long after the one before, which release, when its sum is known, when the node hears of it. */
const rounds = fc.array(
  fc.record({
    pause: fc.integer({ min: 0, max: 12 }),
    release: fc.integer({ min: 0, max: 1 }),
    known: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 20 })),
    heard: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 60 })),
    ends: fc.constantFrom("final", "final", "final", "refunded", "open"),
  }),
  { minLength: 20, maxLength: 60 },
);

describe("a limit over a period", () => {
  test("no interval of that length holds releases that cost more, whenever they became known in their rounds", () => {
    let weighed = 0;
    let refused = 0;
    fc.assert(
      fc.property(rounds, fc.integer({ min: 1, max: 3 }), (offers, days) => {
        const limits = policy(days);
        const charges: {
          readonly charge: Charge;
          readonly release: number;
          readonly hour: number;
          readonly settles: number;
        }[] = [];
        let now = 0;
        for (const [i, { pause, release, known, heard, ends }] of offers.entries()) {
          now += pause;
          const seen = charges.map(({ charge: one, settles }) =>
            settles <= now ? one : { ...one, standing: "open" as const, settledAt: undefined },
          );
          weighed++;
          if (refusalOf(seen as Charge[], limits, release, at(now)) !== undefined) {
            refused++;
            continue;
          }
          const settles = ends === "open" ? Number.POSITIVE_INFINITY : now + known + heard;
          const times = { chargedAt: at(now), ...(ends === "open" ? {} : { settledAt: at(settles) }) };
          charges.push({ charge: charge(i + 1, release, { standing: ends, ...times }), release, hour: now + known, settles });
        }
        const spent = charges.filter(({ charge: one }) => one.standing !== "refunded");
        for (const { hour: first } of spent) {
          const within = spent.filter((one) => one.hour >= first && one.hour <= first + 24 * days);
          const counts = [0, 1].map((place) => within.filter(({ release }) => release === place).length);
          expect(parseDecimal(spentAfter(plan, counts).epsilon)).toBeLessThanOrEqual(parseDecimal(ofFive));
        }
      }),
      { numRuns: 120, seed: 371 },
    );
    expect(refused / weighed).toBeGreaterThan(0.05); // the limit was reached
    expect(refused / weighed).toBeLessThan(0.95);
  });

  test("a charge counts at both ends of its period, and not a millisecond longer", () => {
    const one = charge(1, 0, { settledAt: at(0) });
    const twoDays = Date.parse(at(48));
    expect(chargesInPeriod([one], 2, new Date(twoDays).toISOString())).toEqual([one]);
    expect(chargesInPeriod([one], 2, new Date(twoDays + 1).toISOString())).toEqual([]);
    expect(chargesInPeriod([one], null, at(1e6))).toEqual([one]);
  });

  test("what is open, what nobody wrote the time of, and what the clock says is still to come, count in every period", () => {
    const open = charge(1, 0, { standing: "open", chargedAt: at(0) });
    const old = charge(2, 0, {});
    const ahead = charge(3, 0, { settledAt: at(2e6) });
    const gone = charge(4, 0, { standing: "refunded", settledAt: at(2e6) });
    expect(chargesInPeriod([open, old, ahead, gone], 1, at(1e6))).toEqual([open, old, ahead]);
  });

  test("an open charge counts whatever times are written beside it", () => {
    const open = charge(1, 0, { standing: "open", settledAt: at(0) });
    expect(chargesInPeriod([open], 1, at(1e6))).toEqual([open]);
  });

  test("what becomes affordable does so at the first moment at which enough has left, in whatever order the charges stand", () => {
    const [late, early, middle] = [40, 0, 20].map((hours, i) => charge(i + 1, 0, { settledAt: at(hours) }));
    const charges = [late, early, middle] as Charge[];
    const leaves = (hours: number) => new Date(Date.parse(at(hours + 48)) + 1).toISOString();
    const weighed: (readonly Charge[])[] = [];
    const from = (most: number) =>
      affordableFrom(charges, 2, at(40), (left) => {
        weighed.push(left);
        return left.length <= most;
      });
    expect([from(2), from(1), from(0)]).toEqual([leaves(0), leaves(20), leaves(40)]);
    expect(weighed.slice(-3)).toEqual([[late, middle], [late], []]);
    expect(from(-1)).toBeUndefined();
  });

  test("a refusal says what is spent, what the round would make of it, and when it fits again: then it does, and not before", () => {
    const charges = [0, 10, 20, 30, 40].map((hours, i) => charge(i + 1, 0, { settledAt: at(hours) }));
    const refusal = refusalOf(charges, policy(2), 0, at(41));
    expect(refusal).toMatchObject({
      code: "TRB_POLICY_PERIOD_EXCEEDED",
      details: { spent: ofFive, epsilon: spentAfter(plan, [6, 0]).epsilon, limit: ofFive, days: 2 },
    });
    const from = String(refusal?.details["from"]);
    expect(from).toBe(new Date(Date.parse(at(48)) + 1).toISOString());
    expect(refusalOf(charges, policy(2), 0, at(48))?.code).toBe("TRB_POLICY_PERIOD_EXCEEDED");
    expect(refusalOf(charges, policy(2), 0, from)).toBeUndefined();
  });

  test("a round that alone costs more never fits; and without a period time frees nothing", () => {
    const small = formatDecimal(parseDecimal(spentAfter(plan, [1, 0]).epsilon) * 0.9);
    expect(refusalOf([], policy(2, small), 0, at(0))?.details["from"]).toBe("not by itself");
    const charges = [0, 10, 20, 30, 40].map((hours, i) => charge(i + 1, 0, { settledAt: at(hours) }));
    expect(refusalOf(charges, policy(null), 0, at(1e6))).toMatchObject({
      code: "TRB_POLICY_EPSILON_EXCEEDED",
      details: { spent: ofFive },
    });
    expect(affordableFrom(charges, null, at(1e6), () => true)).toBeUndefined();
  });

  test("the plan's number of rounds ends however old they are", () => {
    const charges = Array.from({ length: 200 }, (_, i) => charge(i + 1, 0, { settledAt: at(0) }));
    expect(refusalOf(charges, policy(2), 0, at(1e6))?.code).toBe("TRB_ROUND_RELEASE_SPENT");
  });
});
