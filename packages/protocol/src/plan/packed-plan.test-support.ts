/** The example plan for devices, whose updates are sent in few bits; other rooms' tests take it as well. */
import { choosePackedSum, type PackedBits } from "@tributary/dp";
import { formatDecimal } from "../canonical/decimals.ts";
import { type Decimal, decimal } from "../identifiers.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import type { Plan, Release } from "./schema.ts";

/** Four devices of 1,000 numbers each, two of them counted on. */
export function packedPlan(coordinatorKey?: string, bits: PackedBits = 16, noiseMultiplier = "8"): Plan {
  const plan = examplePlan(coordinatorKey);
  const [training] = plan.releases as [Release];
  const { scale, mostSquared } = choosePackedSum({
    ...{ bits, dimension: 1000, clipNorm: 0.5, noiseMultiplier: Number(noiseMultiplier), maxNodes: 4, honestMinimum: 2 },
  });
  const release: Release = {
    ...training,
    ...{ arithmetic: "exact", samplingRate: "1" as Decimal, noiseMultiplier: decimal.parse(noiseMultiplier) as Decimal },
    ...{ scale: formatDecimal(scale), fractionBits: 20, packing: { bits, squaredSensitivity: mostSquared } },
  };
  const whole: Plan = {
    ...plan,
    unit: "node",
    customerQuota: 1,
    minCustomers: 4,
    delta: "1e-6" as Decimal,
    releases: [release],
  };
  return { ...whole, epsilon: formatDecimal(planCost(whole).epsilon, "up") as Decimal };
}
