/** What a released sum of metrics says, and that the ledger holds the sum to its hash. */

import { createHash } from "node:crypto";
import { addCustomer, chooseScale, fromModular, noisyVector, type RandomSource, sumQueryParameters } from "@tributary/dp";
import {
  type Decimal,
  formatDecimal,
  metricCoordinates,
  type Plan,
  planCost,
  planHash,
  sumQueryOf,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { describe, expect, test } from "vitest";
import { examplePlan } from "../../protocol/src/plan/example-plan.ts";
import type { EntryOf } from "./entries.ts";
import { asBytes, exampleFederation, genesisDraft, roundDraft, votesFor, writeLedger } from "./example-ledger.ts";
import { mechanismOf } from "./mechanism.ts";
import { metricsOf, ratio } from "./metrics.ts";
import { spentAfter } from "./spending.ts";
import { summarizeLedger } from "./summary.ts";
import { verifyLedger } from "./verify.ts";

const crypto = nodeCrypto();
const decimal = (text: string) => text as Decimal;
const [nodes, quota] = [4, 64];

/** The example plan with a release of metrics behind its training; z = 3. */
function measuredPlan(key?: string): Plan {
  const base = key === undefined ? examplePlan() : examplePlan(key);
  const dimension = metricCoordinates.length;
  const common = { arithmetic: "exact", clipNorm: "2.8285", noiseMultiplier: "3", dimension, touched: dimension } as const;
  const { scale } = chooseScale({ ...common, totalQuota: nodes * quota, maxNodes: nodes, honestMinimum: 2 });
  const plan: Plan = {
    ...base,
    releases: [
      ...base.releases,
      {
        ...{
          ...common,
          kind: "metrics",
          clipNorm: decimal("2.8285"),
          noiseMultiplier: decimal("3"),
          samplingRate: decimal("1"),
        },
        ...{ rounds: 1, scale: decimal(scale), fractionBits: 8 },
      },
    ],
    metrics: { heldOut: decimal("0.1"), lossBound: decimal("10") },
  };
  return { ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") };
}

/** A stream of bytes from a label: SHA-256 in counter mode. */
function stream(label: string): RandomSource {
  let [counter, rest] = [0, Buffer.alloc(0)];
  return {
    fill(out) {
      for (let at = 0; at < out.length; ) {
        if (rest.length === 0) rest = createHash("sha512").update(`${label}/${counter++}`).digest();
        const part = rest.subarray(0, out.length - at);
        out.set(part, at);
        at += part.length;
        rest = rest.subarray(part.length);
      }
    },
  };
}

describe("the interval of a ratio", () => {
  test("is Fieller's: both ends are where (N − rD)² = z²σ²(1 + r²)", () => {
    const { estimate, interval } = ratio(120, 400, 9);
    expect(estimate).toBe(0.3);
    for (const end of interval ?? []) {
      expect((120 - end * 400) ** 2).toBeCloseTo(1.959963984540054 ** 2 * 81 * (1 + end * end), 6);
    }
    expect(interval?.[0]).toBeLessThan(0.3);
    expect(interval?.[1]).toBeGreaterThan(0.3);
  });

  test("stays within what the metric can be, and nothing is said where the count drowns", () => {
    expect(ratio(5, 400, 9).interval?.[0]).toBe(0);
    expect(ratio(399, 400, 9).interval?.[1]).toBe(1);
    expect(ratio(200, 400, 9, 10).estimate).toBe(5);
    for (const count of [-50, 0, 17.6]) expect(ratio(5, count, 9)).toEqual({ estimate: null, interval: null });
  });

  // 6000 rounds at a time, seeds 0 … 5999; 0.95 ± 6.5·√(0.95·0.05/6000): by Chernoff's bound the chance of a false alarm is below 1e-9.
  // A deviation that is 10 % too small covers 0.922, 10 % too large 0.969: both are found.
  test("covers the true value in 95 % of rounds, with the nodes' own noise, dither and grid", () => {
    const plan = measuredPlan();
    const parameters = sumQueryParameters(sumQueryOf(plan, 1));
    const truth = [90, 36, 20, 18.5, 41, 60, 15, 7];
    const share = truth.map((sum) => sum / (nodes * 15));
    const totals = Array.from({ length: nodes }, () => {
      const total = new Float64Array(truth.length);
      // fifteen like customers a node, whose parts add up to the truth
      for (let customer = 0; customer < 15; customer++) {
        addCustomer(total, Float64Array.from(share), parameters.grid, truth.length);
      }
      return total;
    });
    const covered = { customers: 0, hr10: 0, loss: 0, newItems: 0 };
    const rounds = 6000;
    const within = (value: number, ends: readonly [number, number] | null) =>
      ends && ends[0] <= value && value <= ends[1] ? 1 : 0;
    for (let seed = 0; seed < rounds; seed++) {
      const sum = new Uint32Array(truth.length);
      for (const [node, total] of totals.entries()) {
        const random = { rounding: stream(`${seed} ${node} r`), noise: stream(`${seed} ${node} n`) };
        const vector = noisyVector(total.slice(), parameters, random);
        for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] ?? 0) + (vector[i] ?? 0);
      }
      const survivors = Array.from({ length: nodes }, (_, n) => `shop-${n}`) as EntryOf<"round">["survivors"];
      const entry = { round: 1, release: 1, modelHash: plan.graphHash, survivors, sum: [...fromModular(sum)] };
      const metrics = metricsOf(plan, entry);
      covered.customers += within(90, metrics?.customers.interval ?? null);
      covered.hr10 += within(36 / 90, metrics?.hr10.interval ?? null);
      covered.loss += within((10 * 41) / 90, metrics?.loss.interval ?? null);
      covered.newItems += within(15 / 60, metrics?.newItems.hr10.interval ?? null);
    }
    const slack = 6.5 * Math.sqrt((0.95 * 0.05) / rounds);
    for (const [what, count] of Object.entries(covered)) expect(Math.abs(count / rounds - 0.95), what).toBeLessThan(slack);
  }, 60_000);
});

describe("a sum that stands in the ledger", () => {
  const federation = exampleFederation(crypto, measuredPlan);
  const { plan } = federation;
  const sum = [900_000, -3, 2 ** 31 - 1, -(2 ** 31), 0, 5, 6, 7];
  const hashOf = (words: readonly number[]) => toHex(crypto.sha256(new Uint8Array(Int32Array.from(words).buffer)));

  function draft(change: Partial<EntryOf<"round">> = {}) {
    const round = roundDraft(federation, { round: 1, charged: 1, model: 0 });
    const modelHash = plan.initialModelHash;
    const cohort = round.cohort;
    const votes = votesFor(
      federation,
      cohort,
      { round: 1, modelHash, h1: round.h1 },
      { for: "survivors", sharers: cohort, survivors: cohort },
    );
    return {
      ...{ ...round, release: 1, modelHash, nextModelHash: modelHash, planHash: planHash(crypto, plan), votes },
      ...{
        mechanism: mechanismOf(plan, 1),
        spent: spentAfter(plan, [0, 1]),
        sum,
        sumHash: hashOf(sum) as typeof round.sumHash,
      },
      ...change,
    };
  }
  const codesOf = (change: Partial<EntryOf<"round">> = {}, without?: "sum") => {
    const { sum: _, ...bare } = draft(change);
    const lines = writeLedger(federation, [genesisDraft(federation), without === undefined ? draft(change) : bare]);
    return verifyLedger(asBytes(lines), { crypto }).failures.map(({ code }) => code);
  };

  test("verifies, and says what was measured", () => {
    expect(codesOf()).toEqual([]);
    const [, row] = summarizeLedger(asBytes(writeLedger(federation, [genesisDraft(federation), draft()])), crypto);
    expect(row).toMatchObject({ what: "metrics", round: 1, metrics: { round: 1, confidence: 0.95, method: "fieller" } });
    expect(row?.metrics?.sums.count).toBe(900_000 / Number(plan.releases[1]?.scale));
  });

  test("is refused when it is another one, is missing, has another length, or moves the model", () => {
    expect(codesOf({ sum: [900_001, ...sum.slice(1)] })).toEqual(["TRB_LEDGER_SUM_MISMATCHED"]);
    expect(codesOf({}, "sum")).toEqual(["TRB_LEDGER_SUM_MISMATCHED"]);
    const longer = [...sum, 0];
    expect(codesOf({ sum: longer, sumHash: hashOf(longer) as EntryOf<"round">["sumHash"] })).toEqual([
      "TRB_LEDGER_SUM_MISMATCHED",
    ]);
    expect(codesOf({ nextModelHash: plan.graphHash })).toEqual(["TRB_LEDGER_SUM_MISMATCHED"]);
  });

  test("has no place in an entry of training", () => {
    const training = roundDraft(federation, { round: 1, charged: 1, model: 0 });
    const spent = spentAfter(plan, [1, 0]);
    const lines = (change: object) => writeLedger(federation, [genesisDraft(federation), { ...training, spent, ...change }]);
    const codes = (change: object) => verifyLedger(asBytes(lines(change)), { crypto }).failures.map(({ code }) => code);
    expect(codes({})).not.toContain("TRB_LEDGER_SUM_MISMATCHED");
    expect(codes({ sum: [1] })).toContain("TRB_LEDGER_SUM_MISMATCHED");
  });
});
