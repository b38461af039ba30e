/** The attacks find what an unprotected model knows by heart, and the protected one keeps. Seeds are fixed. */
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import type { AttackOptions } from "./attacked-model.ts";
import { attackSecrets } from "./extraction.ts";
import { attackMembership } from "./membership.ts";
import { rocOf } from "./roc.ts";

const options: AttackOptions = {
  market: {
    ...{ customers: 100, items: 48, merchants: 3, epsilon: 1, delta: 1e-6, rounds: 5, width: 16 },
    unprotectedRounds: 40,
  },
  seed: new Uint8Array(32).fill(7),
  crypto: nodeCrypto(),
  executor: onnxruntimeExecutor(),
};

test("members of an unprotected model are found, those of a protected one hardly", { timeout: 120_000 }, async () => {
  const [kept, bare] = await attackMembership(options, 3);
  expect(kept).toMatchObject({ protection: "with DP", models: 3, cases: 300 });
  expect(bare).toMatchObject({ protection: "without DP", epsilon: null });
  expect(kept?.epsilon).toBeLessThanOrEqual(1);
  // 5 standard deviations of the AUC of guesses: one in 3 million, were customers independent
  const deviation = Math.sqrt(301 / (12 * 150 * 150));
  expect(Math.abs((kept?.roc.auc ?? 1) - 0.5)).toBeLessThan(5 * deviation);
  expect(bare?.roc.auc).toBeGreaterThan(0.5 + 5 * deviation);
  expect(bare?.gap).toBeGreaterThan(0.1);
});

test("a secret of many is exposed by an unprotected model, one that nobody has by none", { timeout: 120_000 }, async () => {
  const reports = await attackSecrets(options, 6);
  for (const { groups, mostBits } of reports) {
    expect(mostBits).toBeCloseTo(Math.log2(48 * 48), 12);
    expect(groups.map(({ customers }) => customers)).toEqual([0, 1, 4, 16]);
    for (const { exposures } of groups) {
      expect(exposures.length).toBe(6);
      expect(Math.min(...exposures)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...exposures)).toBeLessThanOrEqual(mostBits);
    }
    expect(groups[0]?.mean).toBeLessThan(4);
  }
  const [kept, bare] = reports.map(({ groups }) => groups.map(({ mean }) => mean));
  expect(bare?.[3]).toBeGreaterThan((bare?.[0] ?? 99) + 4);
  expect(bare?.[2]).toBeGreaterThan((kept?.[2] ?? 99) + 2);
});

test("secrets don't share their first item", async () => {
  await expect(attackSecrets(options, 13)).rejects.toMatchObject({ code: "TRB_AUDIT_CANARIES_UNFIT" });
});

test("a receiver operating characteristic counts ties as half, and reads hits at low rates off the strictest thresholds", () => {
  const members = Uint8Array.of(1, 1, 0, 0);
  expect(rocOf(Float64Array.of(4, 3, 2, 1), members).auc).toBe(1);
  expect(rocOf(Float64Array.of(1, 2, 3, 4), members).auc).toBe(0);
  expect(rocOf(Float64Array.of(1, 1, 1, 1), members).auc).toBe(0.5);
  expect(rocOf(Float64Array.of(4, 2, 3, 1), members).auc).toBe(0.75);
  const [thousandth] = rocOf(Float64Array.of(4, 2, 3, 1), members).at;
  expect(thousandth?.truePositiveRate).toBe(0.5); // one of two before the first false alarm
  // Clopper and Pearson: 1 of 2 leaves (1.26 %, 98.74 %)
  expect(thousandth?.interval[0]).toBeCloseTo(0.012579, 5);
  expect(thousandth?.interval[1]).toBeCloseTo(0.987421, 5);
});
