/** plan.json in, `Plan` out; and the hash that everything of a federation is bound to. */
import { fail, type TributaryError } from "@tributary/errors";
import type { z } from "zod";
import { hashOf } from "../canonical/canonical.ts";
import type { Crypto } from "../crypto/crypto.ts";
import type { Sha256 } from "../identifiers.ts";
import { nearestName } from "../nearest-name.ts";
import { shorten } from "../parsing.ts";
import { keysAt } from "./fields.ts";
import { type Plan, planSchema } from "./schema.ts";
import { unpaidMechanism } from "./unpaid-mechanisms.ts";

/**
 * Strict: unknown keys are refused.
 * @throws TRB_PLAN_MECHANISM_UNPAID for a key that asks for what no release pays for; else TRB_PLAN_INVALID with the path of the first fault and its reason
 */
export function parsePlan(value: unknown): Plan {
  const parsed = planSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { issues } = parsed.error;
  throw issues.flatMap(unpaid)[0] ?? issues.flatMap((issue) => invalid(issue, value))[0] ?? other();
}

/** SHA-256 of the plan's canonical bytes. */
export function planHash(crypto: Pick<Crypto, "sha256">, plan: Plan): Sha256 {
  return hashOf(crypto, plan);
}

const other = () => fail("TRB_PLAN_INVALID", { path: "the document", reason: "it does not fit the schema" });

/** A mechanism outranks a misspelling: somebody wants something that would cost. */
function unpaid(issue: z.core.$ZodIssue): TributaryError[] {
  if (issue.code !== "unrecognized_keys") return [];
  return issue.keys.flatMap((key) => {
    const asked = unpaidMechanism(key);
    return asked === undefined ? [] : [fail("TRB_PLAN_MECHANISM_UNPAID", { path: pathOf([...issue.path, key]), ...asked })];
  });
}

function invalid(issue: z.core.$ZodIssue, document: unknown): TributaryError[] {
  if (issue.code !== "unrecognized_keys") {
    const missing = issue.path.length > 0 && valueAt(document, issue.path) === undefined;
    const reason = missing ? `it is missing (${issue.message.replace(/, received undefined$/, "")})` : issue.message;
    return [fail("TRB_PLAN_INVALID", { path: pathOf(issue.path), reason: shorten(reason) })];
  }
  return issue.keys.map((key) => {
    const meant = nearestName(key.slice(0, 80), keysAt(issue.path));
    const reason = meant === undefined ? "the key is unknown" : `the key is unknown; did you mean ${meant}?`;
    return fail("TRB_PLAN_INVALID", { path: pathOf([...issue.path, key]), reason });
  });
}

/** A path may hold a key that somebody else chose. */
const pathOf = (path: readonly PropertyKey[]) => shorten(path.length === 0 ? "the document" : path.map(String).join("."));

function valueAt(document: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null ? Reflect.get(value, key) : undefined),
    document,
  );
}
