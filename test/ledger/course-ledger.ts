/**
 * A valid ledger in which entries decide what follows: metrics between stages of training, models kept and put forward by them, training that went back, and an end that
 * came early. Four merchants, real keys; every measure is of 400 customers, known to about ± 20.
 *
 *   0 genesis · 1 metrics of model 33: 0.3 · 2 33 promoted · 3 training: 34 · 4 metrics: 0.6 · 5 34 promoted · 6 training: 35 · 7 back to 34 ·
 *   8 metrics: 0.6 · 9 training: 36 · 10 metrics: 0.58 · 11 training: 37 · 12 metrics: 0.2, back to 36, and no gain twice · 13 closing
 */
import { chooseScale } from "@tributary/dp";
import { mechanismOf, spentAfter } from "@tributary/ledger";
import {
  type Decimal,
  formatDecimal,
  metricCoordinates,
  type Plan,
  planCost,
  type Release,
  type Sha256,
  toHex,
} from "@tributary/protocol";
import {
  type Draft,
  exampleFederation,
  genesisDraft,
  roundDraft,
  writeLedger,
} from "../../packages/ledger/src/example-ledger.ts";
import { examplePlan } from "../../packages/protocol/src/plan/example-plan.ts";
import { crypto } from "./valid-ledger.ts";

const decimal = (text: string) => text as Decimal;
const dimension = metricCoordinates.length;
const shape = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier: "3", dimension, touched: dimension } as const;
const { scale } = chooseScale({ ...shape, totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 });
const metrics: Release = {
  ...{ ...shape, kind: "metrics", rounds: 1, fractionBits: 8, samplingRate: decimal("1"), scale: decimal(scale) },
  ...{ clipNorm: decimal("2.8285"), noiseMultiplier: decimal("3") },
};

function planOf(coordinatorKey: string): Plan {
  const plan = examplePlan(coordinatorKey);
  const training = plan.releases.map((release) => ({ ...release, rounds: 1 }));
  const staged: Plan = {
    ...{ ...plan, minCustomers: 4000, metrics: { heldOut: decimal("0.1"), lossBound: decimal("12") } },
    releases: [metrics, ...Array.from({ length: 5 }, () => [...training, metrics]).flat()],
    acceptance: { metric: "mrr", tolerance: decimal("0") },
    earlyStop: { metric: "mrr", patience: 2, leastGain: decimal("0.05") },
    promotion: { rule: "acceptance", leastGain: decimal("0.01") },
  };
  return { ...staged, epsilon: formatDecimal(planCost(staged).epsilon, "up") };
}

export const courseFederation = exampleFederation(crypto, planOf);
const { plan } = courseFederation;

export const modelOf = (byte: number) => byte.toString(16).repeat(32) as Sha256;
/** The first so many releases have had their one round. */
const spentOf = (rounds: number) =>
  spentAfter(
    plan,
    plan.releases.map((_, release) => (release < rounds ? 1 : 0)),
  );

function hashOfSum(sum: readonly number[]): Sha256 {
  const bytes = new DataView(new ArrayBuffer(4 * sum.length));
  for (const [place, value] of sum.entries()) bytes.setInt32(4 * place, value, true);
  return toHex(crypto.sha256(new Uint8Array(bytes.buffer))) as Sha256;
}

/** The round of a number is that of the release before it in the plan's list. @param rank mean reciprocal rank, of metrics */
export function courseRound(round: number, from: number, to: number, rank?: number): Draft {
  const draft = roundDraft(courseFederation, { round, charged: 1, model: from });
  const sum = [400, 0, 0, 400 * (rank ?? 0), 0, 0, 0, 0].map((customers) => Math.round(customers * Number(scale)));
  return {
    ...{ ...draft, release: round - 1, nextModelHash: modelOf(to) },
    ...{ mechanism: mechanismOf(plan, round - 1), spent: spentOf(round) },
    ...(rank === undefined ? {} : { sum, sumHash: hashOfSum(sum) }),
  };
}

const promotionOf = (model: number): Draft => ({
  ...{ kind: "promotion", modelHash: modelOf(model), rule: "acceptance", operator: "coordinator" },
});

export const closingAfter = (rounds: number, model: number): Draft => ({
  ...{ kind: "closing", reason: "early stop: 2 releases of metrics in a row brought no gain in mrr", rule: "earlyStop" },
  ...{ modelHash: modelOf(model), rounds, spent: spentOf(rounds) },
});

export function courseDrafts(): Draft[] {
  return [
    genesisDraft(courseFederation),
    courseRound(1, 0x33, 0x33, 0.3),
    promotionOf(0x33),
    courseRound(2, 0x33, 0x34),
    courseRound(3, 0x34, 0x34, 0.6),
    promotionOf(0x34),
    courseRound(4, 0x34, 0x35),
    {
      kind: "rollback",
      modelHash: modelOf(0x34),
      optimiser: "kept",
      operator: "platform",
      reason: "a merchant's log was wrong",
    },
    courseRound(5, 0x34, 0x34, 0.6),
    courseRound(6, 0x34, 0x36),
    courseRound(7, 0x36, 0x36, 0.58),
    courseRound(8, 0x36, 0x37),
    courseRound(9, 0x37, 0x36, 0.2),
    closingAfter(9, 0x36),
  ];
}

export const courseLines = (): string[] => writeLedger(courseFederation, courseDrafts());
