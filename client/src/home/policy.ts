/**
 * policy.json: what the merchant permits, whatever a plan says. Written with the joined plan's own numbers, edited by hand or by
 * `tributary node policy` and `trust`. Unknown fields are refused, so that a misspelt limit can't go unnoticed.
 */
import { existsSync, readFileSync } from "node:fs";
import { fail } from "@tributary/errors";
import type { NodePolicy } from "@tributary/federation";
import { formatDecimal, type Plan, releaseSchema, sha256Hex } from "@tributary/protocol";
import { z } from "zod";
import { replaceFileNow } from "./durable.ts";
import { type Layout, reasonOf } from "./layout.ts";

const policySchema = z.strictObject({
  version: z.literal(1),
  /** Most ε that all charged rounds together may cost. */
  maxEpsilon: z.number().positive(),
  /** Largest δ at which that ε is stated. */
  delta: z.number().positive().lt(1),
  /** Smallest `plan.minCohort` that is accepted. */
  minCohort: z.int().min(3),
  permittedReleases: z.array(releaseSchema.shape.kind),
  /** SHA-256 of extensions' files that this node may run. */
  extensions: z.array(sha256Hex).default([]),
  /** Fingerprints of other members' identity keys, verified out of band. */
  trustedPeers: z.array(sha256Hex),
  /** For demonstrations only: a catalogue made from behaviour is itself a leak. */
  acceptLogCatalogue: z.boolean(),
});
export type Policy = z.infer<typeof policySchema>;

/** What a merchant who changes nothing has agreed to: this plan and no more. */
function defaultPolicy(plan: Plan): Policy {
  return {
    version: 1,
    maxEpsilon: Number(plan.epsilon),
    delta: Number(plan.delta),
    minCohort: plan.minCohort,
    permittedReleases: [...new Set(plan.releases.map(({ kind }) => kind))],
    extensions: [],
    trustedPeers: [],
    acceptLogCatalogue: false,
  };
}

/** @throws TRB_NODE_POLICY_INVALID, TRB_NODE_HOME_UNREADABLE */
export function readPolicy(layout: Layout): Policy {
  let text: string;
  try {
    text = readFileSync(layout.policy, "utf8");
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.policy, reason: reasonOf(cause) }, cause);
  }
  return parsePolicy(text);
}

/** @throws TRB_NODE_POLICY_INVALID */
export function parsePolicy(text: string): Policy {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail("TRB_NODE_POLICY_INVALID", { path: "(whole file)", reason: "it is not JSON" }, cause);
  }
  const parsed = policySchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw fail("TRB_NODE_POLICY_INVALID", {
    path: issue === undefined || issue.path.length === 0 ? "(whole file)" : issue.path.join("."),
    reason: issue?.message ?? "unknown",
  });
}

/** @throws TRB_NODE_POLICY_INVALID when the new value isn't a policy: the old one stays */
export function writePolicy(layout: Layout, policy: Policy): void {
  const text = `${JSON.stringify(policy, null, 2)}\n`;
  parsePolicy(text);
  replaceFileNow(layout.policy, text);
}

/** Writes the default, unless the merchant has a policy already: joining again changes nothing that was decided. */
export function writePolicyOnce(layout: Layout, plan: Plan): void {
  if (!existsSync(layout.policy)) writePolicy(layout, defaultPolicy(plan));
}

/** As the reducer takes it. Limits are rounded to nearest at 12 digits, as the plan's own are. */
export function nodePolicyOf(policy: Policy): NodePolicy {
  return {
    maxEpsilon: formatDecimal(policy.maxEpsilon),
    delta: formatDecimal(policy.delta),
    minCohort: policy.minCohort,
    releases: policy.permittedReleases,
    extensions: policy.extensions,
    trustedPeers: policy.trustedPeers,
  };
}
