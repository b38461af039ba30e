/** Plans whose updates are sent in 16 to 20 bits: what they have to be, what they cost, and what they may not be. */
import {
  distributedGaussianRdp,
  packedBits,
  rdpIntegerOrders,
  roundedNormBound,
  sumQueryParameters,
  toNumber,
} from "@tributary/dp";
import { describe, expect, test } from "vitest";
import { formatDecimal, parseDecimal } from "../canonical/decimals.ts";
import type { Decimal } from "../identifiers.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { explainPlan } from "./explain.ts";
import { lintPlan } from "./lint.ts";
import { packedPlan } from "./packed-plan.test-support.ts";
import { wireFormOf } from "./packing.ts";
import { parsePlan } from "./parse.ts";
import type { Plan, Release } from "./schema.ts";
import { sumQueryOf } from "./sum-query.ts";

const plan = packedPlan();
const [release] = plan.releases as [Release];
const packing = release.packing ?? { bits: 16 as const, squaredSensitivity: 0 };
const findings = (changed: Plan, nodes = 4) => lintPlan(changed, { nodes }).map(({ code, path }) => `${code} ${path}`);
const withRelease = (change: Partial<Release>, rest: Partial<Plan> = {}): Plan => ({
  ...plan,
  ...rest,
  releases: [{ ...release, ...change }],
});
const unfit = "TRB_PLAN_PACKING_UNFIT releases.0.packing";

describe("a packed plan", () => {
  test.each(packedBits)("of %d bits is sound, and is read as it was written", (bits) => {
    const written = packedPlan(undefined, bits);
    expect(findings(written)).toEqual([]);
    expect(parsePlan(JSON.parse(JSON.stringify(written)))).toEqual(written);
    expect(wireFormOf(written, 0)).toEqual({ coordinates: 1024, bits, words: 32 * bits });
  });

  test("has another form of nothing else: without packing a vector is sent as it is", () => {
    expect(wireFormOf(examplePlan(), 0)).toEqual({ coordinates: 1000, bits: 32, words: 1000 });
    const parameters = sumQueryParameters(sumQueryOf(examplePlan(), 0));
    expect("packed" in parameters).toBe(false);
  });

  test("runs on the Δ that it states: exactly the noise that follows, and the exact formula's ε", () => {
    const parameters = sumQueryParameters(sumQueryOf(plan, 0));
    const { squaredSensitivity } = packing;
    expect(toNumber(parameters.sensitivity) ** 2 / squaredSensitivity).toBeCloseTo(1, 8);
    // z = 8, two honest nodes: 64·⌊Δ²⌋/2 is a whole number
    expect(parameters.nodeVariance).toEqual({ numerator: BigInt(32 * squaredSensitivity) << 20n, denominator: 1n << 20n });
    const length = parseDecimal(release.scale) * 0.5;
    expect(squaredSensitivity / roundedNormBound(length, 1024, Math.exp(-0.5)) ** 2).toBeCloseTo(1, 6);
    const noise = {
      nodes: 2,
      nodeVariance: 32 * squaredSensitivity,
      sensitivity: Math.sqrt(squaredSensitivity),
      dimension: 1024,
    };
    const { rdp, epsilon } = planCost(plan);
    for (const [i, cost] of distributedGaussianRdp(noise).entries()) expect((rdp[i] ?? 0) / (40 * cost)).toBeCloseTo(1, 12);
    // at σ_u ≥ 4 that is the Gaussian's of z: α/2z² a round
    for (const [i, order] of rdpIntegerOrders.entries()) expect((rdp[i] ?? 0) / ((40 * order) / 128)).toBeCloseTo(1, 9);
    expect(Number(plan.epsilon)).toBeGreaterThanOrEqual(epsilon * (1 - 1e-11));
  });

  test("says in words what it saves, and what it takes", () => {
    const lines = explainPlan(plan).filter((line) => line.includes("in 16 bits a number"));
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("costs accuracy and no privacy");
    expect(explainPlan(examplePlan()).filter((line) => line.includes("bits a number"))).toEqual([]);
  });
});

describe("the linter refuses", () => {
  test("a Δ that is smaller than rounding needs, and lets a larger one pass that has room", () => {
    const planted = withRelease({
      packing: { ...packing, squaredSensitivity: Math.floor(packing.squaredSensitivity * 0.999) },
    });
    expect(findings(planted)).toEqual([`${unfit}.squaredSensitivity`]);
    const larger = { ...packing, squaredSensitivity: Math.ceil(packing.squaredSensitivity * 1.01) };
    expect(findings(withRelease({ packing: larger }))).toEqual(["TRB_PLAN_SCALE_TOO_LARGE releases.0.scale"]);
    // noise is of the stated Δ, so a coarser grid has more than it needs and no less room
    expect(findings(withRelease({ scale: formatDecimal(parseDecimal(release.scale) * 0.98) }))).toEqual([]);
  });

  test("a scale that leaves less room than four deviations, or nodes that it has none for", () => {
    const scale = formatDecimal(parseDecimal(release.scale) * 1.01);
    const { squaredSensitivity } = packing;
    const wider = { ...packing, squaredSensitivity: Math.ceil(squaredSensitivity * 1.03) };
    expect(findings(withRelease({ packing: wider, scale }))).toEqual(["TRB_PLAN_SCALE_TOO_LARGE releases.0.scale"]);
    expect(lintPlan(plan, { nodes: 5 }).map(({ code }) => code)).toContain("TRB_PLAN_SCALE_TOO_LARGE");
  });

  test("an ε that is understated by a millionth", () => {
    const epsilon = formatDecimal(parseDecimal(plan.epsilon) * (1 - 1e-6)) as Decimal;
    expect(findings({ ...plan, epsilon })).toEqual(["TRB_PLAN_EPSILON_UNDERSTATED epsilon"]);
  });

  test("so much too little noise that shares are no Gaussian together", () => {
    expect(findings(withRelease({ noiseMultiplier: "0.0001" as Decimal }))).toContain("TRB_DP_NOISE_TOO_SMALL releases.0");
  });

  test.each<[string, Plan]>([
    ["customers' vectors", { ...plan, unit: "customer" }],
    ["samples", withRelease({ samplingRate: "0.5" as Decimal })],
    ["bucketed arithmetic", withRelease({ arithmetic: "bucketed" })],
    ["some coordinates only", withRelease({ touched: 10 })],
    ["the accountant lattice", { ...plan, accountant: "lattice" }],
    ["so few coordinates", withRelease({ dimension: 8, touched: 8 })],
    ["an extension's query", withRelease({ kind: "query", query: "visits" })],
  ])("%s", (_, changed) => {
    const found = lintPlan(changed, { nodes: 4 }).map(({ code }) => code);
    expect(found.some((code) => ["TRB_PLAN_PACKING_UNFIT", "TRB_DP_PARAMETER_INVALID"].includes(code))).toBe(true);
  });

  test("central noise, inside a simulation as well", () => {
    const found = lintPlan({ ...plan, noiseMode: "central" }, { nodes: 4, simulation: true }).map(({ code }) => code);
    expect(found).toContain("TRB_PLAN_PACKING_UNFIT");
  });

  test.each([{ bits: 17 }, { bits: 32 }, { squaredSensitivity: 0 }, { squaredSensitivity: 1.5 }, { rotation: "none" }])(
    "a form with %o",
    (change) => {
      const document = { ...plan, releases: [{ ...release, packing: { ...packing, ...change } }] };
      expect(() => parsePlan(document)).toThrowError(expect.objectContaining({ code: "TRB_PLAN_INVALID" }));
    },
  );
});
