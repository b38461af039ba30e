/** plan.json in, `Plan` out; and the hash that everything of a federation is bound to. */
import { hashOf } from "../canonical/canonical.ts";
import type { Crypto } from "../crypto/crypto.ts";
import type { Sha256 } from "../identifiers.ts";
import { parseWith } from "../parsing.ts";
import { type Plan, planSchema } from "./schema.ts";

/** Strict: unknown keys are refused. @throws TRB_PLAN_INVALID with the path of the first fault and its reason */
export function parsePlan(value: unknown): Plan {
  return parseWith(planSchema, value, "TRB_PLAN_INVALID");
}

/** SHA-256 of the plan's canonical bytes. */
export function planHash(crypto: Pick<Crypto, "sha256">, plan: Plan): Sha256 {
  return hashOf(crypto, plan);
}
