/** Models that are kept or given up by released metrics: the rule itself, and a ledger that is held to it. */
import { chooseScale } from "@tributary/dp";
import { type Decimal, formatDecimal, metricCoordinates, type Plan, planCost, type Sha256, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import { judgementOf, type KeptModel, keptAfter } from "./acceptance.ts";
import { asBytes, type Draft, exampleFederation, genesisDraft, roundDraft, votesFor, writeLedger } from "./example-ledger.ts";
import { mechanismOf } from "./mechanism.ts";
import { metricsOf } from "./metrics.ts";
import { parseLine } from "./parsing.ts";
import { spentAfter } from "./spending.ts";
import { summarizeLedger } from "./summary.ts";
import { verifyLedger } from "./verify.ts";

const crypto = nodeCrypto();
const decimal = (text: string) => text as Decimal;
const dimension = metricCoordinates.length;

/** Metrics, training, metrics, training, metrics; z = 3. */
function judgedPlan(key?: string): Plan {
  const base = key === undefined ? examplePlan() : examplePlan(key);
  const common = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier: "3", dimension, touched: dimension } as const;
  const { scale } = chooseScale({ ...common, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
  const metrics = {
    ...{ ...common, clipNorm: decimal("2.8285"), noiseMultiplier: decimal("3"), samplingRate: decimal("1") },
    kind: "metrics",
    ...{ rounds: 1, scale: decimal(scale), fractionBits: 8 },
  } as const;
  const training = base.releases.map((release) => ({ ...release, rounds: 1 }));
  const plan: Plan = {
    ...base,
    minCustomers: 4000,
    releases: [metrics, ...training, metrics, ...training, metrics],
    metrics: { heldOut: decimal("0.1"), lossBound: decimal("10") },
    acceptance: { metric: "hr10", tolerance: decimal("0.05") },
  };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

const federation = exampleFederation(crypto, judgedPlan);
const { plan } = federation;
const model = (number: number) => number.toString(16).padStart(2, "0").repeat(32) as Sha256;
const everybody = federation.nodes.map(({ node }) => node);

/** What 400 customers say of a model with this HR@10, in integer units. */
function sumAt(hitRate: number, count = 400): number[] {
  const scale = Number(plan.releases[0]?.scale);
  return [count, 400 * hitRate, 0, 0, 0, 0, 0, 0].map((customers) => Math.round(customers * scale));
}
const entryAt = (hitRate: number, of: number, count?: number) => ({
  ...{ round: 1, release: 0, survivors: everybody, modelHash: model(of), sum: sumAt(hitRate, count) },
});
const kept = (before: KeptModel | null, hitRate: number, of: number, count?: number) =>
  keptAfter(plan, before, entryAt(hitRate, of, count));

describe("the rule", () => {
  const first = kept(null, 0.5, 1);

  test("keeps the first model, with the interval of the plan's metric", () => {
    expect(first).toEqual({ modelHash: model(1), interval: metricsOf(plan, entryAt(0.5, 1))?.hr10.interval });
  });

  test("gives a model up exactly where its upper end is more than the tolerance below the kept one's lower end", () => {
    const lower = first?.interval?.[0] ?? 0;
    const upperAt = (hitRate: number) => metricsOf(plan, entryAt(hitRate, 2))?.hr10.interval?.[1] ?? 0;
    const rates = Array.from({ length: 400 }, (_, hits) => hits / 400);
    const worse = rates.filter((rate) => upperAt(rate) < lower - 0.05);
    expect(worse.length).toBeGreaterThan(50);
    expect(worse.length).toBeLessThan(200);
    for (const rate of rates) {
      expect(kept(first, rate, 2)?.modelHash).toBe(model(worse.includes(rate) ? 1 : 2));
    }
  });

  test("a model of which nothing can be said is given up for one of which something can, and the other way round", () => {
    const drowned = kept(null, 0.5, 3, 1);
    expect(drowned).toEqual({ modelHash: model(3), interval: null });
    expect(kept(first, 0.9, 2, 1)).toBe(first);
    expect(kept(drowned, 0, 2)?.modelHash).toBe(model(2));
  });

  test("the same model judged again, and any round of a plan without the rule, changes nothing", () => {
    expect(kept(first, 0.1, 1)).toBe(first);
    const { acceptance: _, ...without } = plan;
    expect(keptAfter(without, null, entryAt(0.5, 1))).toBeNull();
    expect(keptAfter(plan, first, { ...entryAt(0.1, 2), release: 1 })).toBe(first);
  });
});

describe("a ledger whose models are kept by metrics", () => {
  const hashOf = (sum: readonly number[]) => toHex(crypto.sha256(new Uint8Array(Int32Array.from(sum).buffer))) as Sha256;

  /** A round of the release at this place: everybody takes part, models by hash. */
  function draft(release: number, from: Sha256, to: Sha256, sum?: readonly number[]) {
    const round = release + 1;
    const usual = roundDraft(federation, { round, charged: 1, model: 0 });
    const { h1, cohort } = usual;
    const choice = { for: "survivors", sharers: cohort, survivors: cohort } as const;
    return {
      ...{ ...usual, release, modelHash: from, nextModelHash: to, mechanism: mechanismOf(plan, release) },
      votes: votesFor(federation, cohort, { round, modelHash: from, h1 }, choice),
      spent: spentAfter(
        plan,
        plan.releases.map((_, place) => (place <= release ? 1 : 0)),
      ),
      ...(sum === undefined ? {} : { sum: [...sum], sumHash: hashOf(sum) }),
    };
  }
  const start = plan.initialModelHash;
  const [good, bad] = [model(0x41), model(0x42)];
  /** Three rounds of metrics: 0.4, then a better model at 0.6, then one at 0.1. */
  const drafts = (end: Sha256, middle: Sha256 = good): readonly Draft[] => [
    draft(0, start, start, sumAt(0.4)),
    draft(1, start, good),
    draft(2, good, middle, sumAt(0.6)),
    draft(3, middle, bad),
    draft(4, bad, end, sumAt(0.1)),
  ];
  const bytes = (end: Sha256, middle?: Sha256) =>
    asBytes(writeLedger(federation, [genesisDraft(federation), ...drafts(end, middle)]));
  const failures = (end: Sha256, middle?: Sha256) =>
    verifyLedger(bytes(end, middle), { crypto }).failures.map(({ entry, code }) => `${entry} ${code}`);

  test("verifies where the bad model is given up for the good one, and says so", () => {
    const verdict = verifyLedger(bytes(good), { crypto });
    expect(verdict).toMatchObject({ verified: true, failures: [], modelHash: good, keptModelHash: good });
    expect(summarizeLedger(bytes(good), crypto).map(({ wentBackTo }) => wentBackTo)).toEqual([
      ...[undefined, undefined, undefined, undefined, undefined],
      good,
    ]);
  });

  test("says of each model whether it was kept", () => {
    const entries = writeLedger(federation, [genesisDraft(federation), ...drafts(good)]).map(parseLine);
    const judgements = (of: Plan, seen = entries) => [start, good, bad].map((hash) => judgementOf(of, seen, hash));
    expect(judgements(plan)).toEqual(["kept", "kept", "given up"]);
    expect(judgements(plan, entries.slice(0, 5))).toEqual(["kept", "kept", "not judged"]);
    const { acceptance: _, ...without } = plan;
    expect(judgements(without)).toEqual([null, null, null]);
  });

  test("is refused where a bad model stays, training goes back further than to the kept one, or a good one is given up", () => {
    expect(failures(bad)).toEqual(["5 TRB_LEDGER_SUM_MISMATCHED"]);
    expect(failures(start)).toEqual(["5 TRB_LEDGER_SUM_MISMATCHED"]);
    expect(failures(good, start)[0]).toBe("3 TRB_LEDGER_SUM_MISMATCHED");
  });
});
