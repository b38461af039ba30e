import { type ModelSpec, serverStep } from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import { describe, expect, expectTypeOf, test } from "vitest";
import { crypto, dimension, identity, planOf } from "./harness.test-support.ts";
import { applySum, negativesSource, roundParameters, sumUploads } from "./release.ts";

const plan = planOf(identity("coordinator").key);

test("a plan's model is a model's spec, and the other way round", () => {
  expectTypeOf<Plan["model"]>().toExtend<ModelSpec>();
  expectTypeOf<ModelSpec>().toExtend<Plan["model"]>();
});

describe("the next model", () => {
  test("is the server's step along the signed sum over scale, sampling rate and the declared number of customers", () => {
    const signed = Int32Array.from({ length: dimension }, (_, i) => (i - 12) * 1_000_003);
    const parameters = Float32Array.from({ length: dimension }, (_, i) => i / 8);
    const next = applySum({ plan, release: 0, sum: new Uint32Array(signed.slice().buffer), parameters, optimiserState: null });
    // 1000 units of scale · 0.1 · 1000 customers
    const mean = Float64Array.from(signed, (units) => units / 100_000);
    const expected = serverStep({ name: "fedavg", learningRate: 1, momentum: 0 }, parameters, null, mean);
    for (let i = 0; i < dimension; i++) expect(next.parameters[i]).toBeCloseTo(expected.parameters[i] ?? Number.NaN, 5);
    expect(Math.sign((next.parameters[0] ?? 0) - (parameters[0] ?? 0))).toBe(1); // a negative gradient raises the weight
    expect(next.optimiserState.steps).toBe(1);
  });

  test("of an adaptive optimiser takes its numbers from the plan", () => {
    const number = (text: string) => text as Plan["epsilon"];
    const optimiser = {
      name: "fedadam",
      learningRate: number("0.5"),
      beta1: number("0.9"),
      beta2: number("0.99"),
      epsilon: number("0.001"),
    } as const;
    const step = { plan: { ...plan, optimiser }, release: 0, parameters: new Float32Array(dimension), optimiserState: null };
    const sum = new Uint32Array(dimension).fill(100_000); // a mean gradient of one
    expect(applySum({ ...step, sum }).parameters[0]).toBeCloseTo(-0.5 / 1.001, 6);
  });
});

test("what training takes from the plan is what the ledger states", () => {
  const { clampBound, honestNodes, customerQuota, nodeVariance, grid } = roundParameters(plan, 0);
  expect({ clampBound, honestNodes, customerQuota }).toEqual({ clampBound: 64 * 1000 * 16, honestNodes: 3, customerQuota: 64 });
  expect(grid.unitsPerOne).toBe(16_000);
  // σ_u² = z²Δ²/h with Δ = 1000·(1 + 2⁻¹⁰) + √24, rounded up at 2⁻²⁰
  const sensitivity = 1000 * (1 + 2 ** -10) + Math.sqrt(dimension);
  expect(Number(nodeVariance.numerator) / Number(nodeVariance.denominator)).toBeCloseTo(sensitivity ** 2 / 3, 2);
});

test("everybody draws the same negatives in a round, and others in the next", () => {
  const bytes = (round: number, hash = plan.graphHash) => {
    const out = new Uint8Array(32);
    negativesSource(crypto, hash, round).fill(out);
    return [...out];
  };
  expect(bytes(1)).toEqual(bytes(1));
  expect(bytes(1)).not.toEqual(bytes(2));
  expect(bytes(1)).not.toEqual(bytes(1, plan.catalogueHash));
});

test("an upload of another length ends the sum", async () => {
  const sum = {
    round: 1,
    length: 3,
    uploads: [{ node: "node-a", sha256: plan.graphHash }],
    unmasking: { ownMasks: [], pairMasks: [] },
  };
  const asked = { ...sum, uploads: sum.uploads as unknown as Parameters<typeof sumUploads>[0]["uploads"] };
  await expect(sumUploads(asked, async () => new Uint32Array(4), crypto)).rejects.toMatchObject({
    code: "TRB_SECAGG_VECTOR_MISMATCHED",
  });
});
