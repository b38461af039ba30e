/**
 * The right system passes, and each planted fault is found. Seeds are fixed, so that nothing here is left to chance; of fresh seeds the test of a
 * system that is as claimed is wrong at most once in twenty by proof. More seeds: `pnpm test:long`.
 */
import { commitInclusion } from "@tributary/dp";
import { fromHex, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { type AuditedMarket, type AuditFaults, type AuditOptions, auditRun } from "./audit-run.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
const seeds = (few: number) => Array.from({ length: long ? 20 : few }, (_, seed) => seed + 1);
/** Of twenty seeds nineteen, of few all. */
const found = (count: number) => (long ? 19 : count);

const crypto = nodeCrypto();
const executor = onnxruntimeExecutor();
const market: AuditedMarket = { customers: 1000, items: 100, merchants: 4, epsilon: 4, delta: 1e-6, rounds: 4, width: 8 };

const audit = (seed: number, faults: AuditFaults, wishes: Partial<AuditOptions> = {}, changed: Partial<AuditedMarket> = {}) =>
  auditRun(
    { market: { ...market, ...changed }, canaries: 1000, seed: new Uint8Array(32).fill(seed), crypto, executor, ...wishes },
    { gradientOnly: true, ...faults },
  );

async function refutations(
  few: number,
  ...[faults, wishes, changed]: [AuditFaults, Partial<AuditOptions>?, Partial<AuditedMarket>?]
) {
  let refuted = 0;
  for (const seed of seeds(few)) {
    const { consistent, empirical, theoretical } = await audit(seed, faults, wishes, changed);
    if (!consistent) refuted += 1;
    // a bound below the truth, whoever is right
    if (Object.keys(faults).length === 0) expect(empirical.epsilonLowerBound).toBeLessThan(theoretical.epsilon);
  }
  return refuted;
}

describe("at q = 1", { timeout: 300_000 }, () => {
  test("the system as it is passes, and attackers are better than guessing", async () => {
    expect(await refutations(2, {})).toBe(0);
    const { empirical } = await audit(1, {});
    expect(empirical.epsilonLowerBound).toBeGreaterThan(0.5);
  });

  test("half the noise is refuted by as many canaries as the command plants", async () => {
    const usual = 1500;
    const refuted = await refutations(2, { noise: "0.5" }, { canaries: usual }, { customers: usual });
    expect(refuted).toBeGreaterThanOrEqual(found(2));
  });

  test("a person at two merchants is refuted where the plan claims one", async () => {
    expect(await refutations(2, { canaryMerchants: 2 })).toBeGreaterThanOrEqual(found(2));
  });

  test("a person at two merchants is what a plan for two allows", async () => {
    expect(await refutations(2, {}, {}, { merchantsPerCustomer: 2 })).toBe(0);
  });

  test("customers who are not clipped are refuted", async () => {
    expect(await refutations(2, { clipped: false })).toBe(long ? 20 : 2);
  });

  test("lists of samples tell nothing where everybody takes part", async () => {
    expect(await refutations(1, {}, { sampleLists: true })).toBe(0);
  });
});

describe("where the plan claims that sampling amplifies", { timeout: 600_000 }, () => {
  const sampled = { samplingRate: 0.05, rounds: 40 };

  test("secret sampling keeps the claim", async () => {
    expect(await refutations(1, {}, {}, sampled)).toBe(0);
  });

  test("sampling that the attacker is told of is refuted", async () => {
    expect(await refutations(1, {}, { sampleLists: true }, sampled)).toBeGreaterThanOrEqual(found(1));
  });
});

test("coins are committed to before the first round, opened after the last, and a seed makes the same audit", async () => {
  const order: string[] = [];
  const report = await auditRun({
    ...{
      market: { ...market, customers: 60, items: 40, rounds: 2 },
      canaries: 30,
      seed: new Uint8Array(32).fill(5),
      crypto,
      executor,
    },
    onCommitment: (sha256) => order.push(sha256),
    onRound: (what) => order.push(what),
  });
  expect(order).toEqual([
    report.commitment.sha256,
    ...[
      "rounds with gradient canaries",
      "rounds with gradient canaries",
      "rounds with input canaries",
      "rounds with input canaries",
    ],
  ]);
  const included = Uint8Array.from(report.commitment.coins, Number);
  expect(included.length).toBe(30);
  expect(included.reduce((sum, coin) => sum + coin, 0)).toBe(report.federation.included);
  const opened = commitInclusion({ included, salt: fromHex(report.commitment.salt) }, crypto.sha256);
  expect(toHex(opened)).toBe(report.commitment.sha256);
  expect(report.empirical.attacks.map(({ threatModel, canaries }) => `${threatModel}, ${canaries}`)).toEqual([
    ...["every iterate, gradient", "final model, gradient", "final model, input"],
  ]);
  // what the tests share is 5 %
  expect(report.empirical.attacks.reduce((sum, { significance }) => sum + significance, 0)).toBeCloseTo(
    report.familyWiseError,
    12,
  );
});

test("more canaries than customers, or than a model has numbers, are refused", async () => {
  await expect(audit(1, {}, { canaries: 1001 })).rejects.toMatchObject({ code: "TRB_AUDIT_TOO_MANY_CANARIES" });
  await expect(audit(1, {}, { canaries: 1000 }, { items: 12, width: 4 })).rejects.toMatchObject({
    code: "TRB_AUDIT_CANARIES_UNFIT",
  });
});
