import { epsilonFromRdp } from "@tributary/dp";
import { describe, expect, it } from "vitest";
import { formatDecimal, parseDecimal } from "../canonical/decimals.ts";
import { toHex } from "../canonical/hex.ts";
import { nodeCrypto } from "../crypto/node.ts";
import { type Decimal, identityKey, sha256Hex } from "../identifiers.ts";
import { type CataloguePart, declarePart, falselySignedParts, isSpentBefore, provenanceOf } from "./catalogue-parts.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { explainPlan } from "./explain.ts";
import { lintPlan } from "./lint.ts";
import { parsePlan } from "./parse.ts";
import type { Plan } from "./schema.ts";

const crypto = nodeCrypto();
const base = examplePlan("aa".repeat(32));

function partOf(name: string, selection?: { epsilon: string; delta: string }): CataloguePart {
  const secret = new Uint8Array(32).fill(name.charCodeAt(0));
  const signer = {
    key: identityKey.parse(toHex(crypto.signingPublicKey(secret))),
    sign: (message: Uint8Array) => crypto.sign(message, secret),
  };
  const facts = { name, part: sha256Hex.parse("ab".repeat(32)), items: 3 };
  if (selection === undefined) return declarePart(signer, { ...facts, provenance: "public" });
  const cost = { epsilon: selection.epsilon as Decimal, delta: selection.delta as Decimal, maxItems: 2 };
  return declarePart(signer, { ...facts, provenance: "dp-selection", selection: cost });
}

const publicPart = partOf("alpha");
const [small, large] = [partOf("beta", { epsilon: "0.25", delta: "1e-9" }), partOf("gamma", { epsilon: "0.5", delta: "1e-8" })];

function planOf(parts: readonly CataloguePart[], change: Partial<Plan> = {}): Plan {
  const plan = { ...base, catalogueParts: [...parts], catalogueProvenance: provenanceOf(parts), ...change };
  return parsePlan({ ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") });
}

const codes = (plan: Plan) => lintPlan(plan).map(({ code, path }) => `${code} ${path}`);

describe("parts of a catalogue", () => {
  it("that are public cost nothing; one that was selected is part of what the plan costs from the start", () => {
    expect(planCost(planOf([publicPart])).epsilon).toBe(planCost(base).epsilon);
    expect(isSpentBefore(planOf([publicPart]))).toBe(false);
    const plan = planOf([publicPart, large]);
    expect(lintPlan(plan)).toEqual([]);
    expect(isSpentBefore(plan)).toBe(true);
    const nothing = planCost(
      plan,
      plan.releases.map(() => 0),
    ).epsilon;
    // alone it is worth its ε, up to what Rényi orders lose; with the rounds less than both together
    expect(nothing).toBeGreaterThan(0.2);
    expect(nothing).toBeLessThanOrEqual(0.5 * (1 + 1e-9));
    const whole = planCost(plan).epsilon;
    expect(whole).toBeGreaterThan(planCost(base).epsilon);
    // at order 2 randomised response with ε = ½ costs ln((e + e^(−½))/(1 + e^½)) nats
    const response = Math.log((Math.E + Math.exp(-0.5)) / (1 + Math.exp(0.5)));
    expect((planCost(plan).rdp[0] ?? 0) - (planCost(base).rdp[0] ?? 0)).toBeCloseTo(response, 9);
    const delta = parseDecimal(base.delta) - 1e-8;
    const { orders, rdp } = planCost(base);
    const rounds = epsilonFromRdp(orders, rdp, delta).epsilon;
    expect(whole).toBeLessThanOrEqual(rounds + 0.5 + 1e-9);
    expect(whole).toBeGreaterThan(rounds + 0.02);
  });

  it("are paid for by who is a customer of their merchant: the dearest one, or the k dearest", () => {
    const cost = (parts: readonly CataloguePart[], k: number) => {
      const plan = { ...base, catalogueParts: [...parts], maxMerchantsPerCustomer: k };
      return planCost(
        plan,
        plan.releases.map(() => 0),
      ).epsilon;
    };
    expect(cost([small, large], 1)).toBe(cost([large], 1));
    expect(cost([small, large], 2)).toBeGreaterThan(cost([large], 2));
    expect(cost([small, large], 3)).toBe(cost([small, large], 2));
  });

  it("by lattice are simply added, at what they leave of δ", () => {
    const alone = planCost({ ...base, accountant: "lattice", releases: everybody(base) });
    const plan: Plan = { ...base, accountant: "lattice", releases: everybody(base), catalogueParts: [large] };
    expect(planCost(plan).epsilon).toBeGreaterThan(alone.epsilon + 0.5);
    expect(planCost(plan).epsilon).toBeLessThan(alone.epsilon + 0.5 + 0.05);
  });

  it("are refused where the plan says otherwise, or where nobody's word stands for a selection", () => {
    expect(codes({ ...base, catalogueProvenance: "dp-selection" })).toContain(
      "TRB_PLAN_CATALOGUE_PARTS_UNFIT catalogueProvenance",
    );
    expect(codes(planOf([large], { catalogueProvenance: "public" }))).toContain(
      "TRB_PLAN_CATALOGUE_PARTS_UNFIT catalogueProvenance",
    );
    expect(codes(planOf([large, large]))).toContain("TRB_PLAN_CATALOGUE_PARTS_UNFIT catalogueParts");
    const { selection: _, ...without } = large;
    expect(codes({ ...planOf([large]), catalogueParts: [without] })).toContain(
      "TRB_PLAN_CATALOGUE_PARTS_UNFIT catalogueParts.0",
    );
    const understated = { ...planOf([large]), epsilon: base.epsilon };
    expect(codes(understated)).toContain("TRB_PLAN_EPSILON_UNDERSTATED epsilon");
    const greedy = { ...planOf([large]), catalogueParts: [partOf("delta", { epsilon: "0.5", delta: base.delta })] };
    expect(lintPlan(greedy).map(({ path }) => path)).toContain("epsilon"); // nothing is left of the plan's δ
    expect(() => parsePlan({ ...base, catalogueParts: [{ ...large, why: "x" }] })).toThrow();
  });

  it("have their merchant's signature: any change of a declaration is found by its name", () => {
    expect(falselySignedParts(crypto, [publicPart, small, large])).toEqual([]);
    const cheaper = { ...large, selection: { epsilon: "0.1" as Decimal, delta: "1e-9" as Decimal, maxItems: 2 } };
    const other = { ...publicPart, part: sha256Hex.parse("cd".repeat(32)) };
    const stranger = { ...small, key: large.key };
    expect(falselySignedParts(crypto, [publicPart, cheaper, other, stranger])).toEqual(["gamma", "alpha", "beta"]);
  });

  it("are explained, with what they cost and whom", () => {
    const text = explainPlan(planOf([publicPart, large])).join("\n");
    expect(text).toContain("alpha (3 items), gamma (3 items)");
    expect(text).toContain("gamma at ε = 0.5, δ = 1e-8");
    expect(text).toContain("a merchant's customers pay at most ε = 0.5");
    expect(explainPlan(base).join("\n")).not.toContain("signed word");
  });
});

const everybody = ({ releases }: Plan): Plan["releases"] => releases.map((one) => ({ ...one, samplingRate: "1" as Decimal }));
