/**
 * Whether this node takes part in a plan: what the linter finds, what the merchant's policy says, and whether the plan's training
 * graph is the one that this node builds itself. Decided before anything is computed or sent, and again at every start.
 */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { graphHashOf, isInitialModelAgreed } from "@tributary/federation";
import { spentAfter } from "@tributary/ledger";
import { graphVersion, isExtensionRegistered, trainedCount } from "@tributary/model";
import {
  type Crypto,
  type Decimal,
  falselySignedParts,
  fingerprintOf,
  type IdentityKey,
  lintPlan,
  type Plan,
  parseDecimal,
} from "@tributary/protocol";
import type { Policy } from "./policy-document.ts";

/** By whose key a node knows itself among those that it trusts. */
export interface OwnKey {
  readonly crypto: Crypto;
  readonly identity: { readonly key: IdentityKey };
}

/** Reasons to refuse; none: this node takes part. */
export function refusalsOf(own: OwnKey, plan: Plan, policy: Policy): TributaryError[] {
  const { crypto } = own;
  return [...planRefusals(crypto, plan, policy), ...policyRefusals(own, plan, policy), ...graphRefusals(crypto, plan)];
}

/**
 * What is wrong with the plan itself. A catalogue made from behaviour is a fault unless the merchant runs a demonstration; `join`
 * lets it through, because policy.json, where that is said, is made by joining.
 */
export function planRefusals(crypto: Crypto, plan: Plan, policy: Pick<Policy, "acceptLogCatalogue">): TributaryError[] {
  const counted = isBuildable(plan) ? countTrained(plan) : {};
  if (isTributaryError(counted)) return [counted];
  const findings = lintPlan(plan, { demo: policy.acceptLogCatalogue, ...counted });
  return [
    ...findings.map(({ code, details }) => fail(code, details)),
    ...falselySignedParts(crypto, plan.catalogueParts).map((name) => fail("TRB_PLAN_CATALOGUE_PART_SIGNATURE", { name })),
  ];
}

/** How many numbers training covers, or why that can't be said. */
function countTrained({ model, trained }: Plan): { readonly parameterCount: number } | TributaryError {
  try {
    return { parameterCount: trainedCount(model, trained) };
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
}

/** What the merchant doesn't permit. */
function policyRefusals(own: OwnKey, plan: Plan, policy: Policy): TributaryError[] {
  const refusals: TributaryError[] = [];
  const { epsilon } = leastCost(plan, policy);
  if (parseDecimal(epsilon) > policy.maxEpsilon) {
    refusals.push(fail("TRB_POLICY_PLAN_ABOVE_LIMIT", { epsilon, limit: policy.maxEpsilon }));
  }
  if (parseDecimal(plan.delta) > policy.delta) {
    refusals.push(fail("TRB_POLICY_DELTA_TOO_LARGE", { delta: plan.delta, limit: policy.delta }));
  }
  if (plan.minCohort < policy.minCohort) {
    refusals.push(fail("TRB_POLICY_COHORT_TOO_SMALL", { cohort: plan.minCohort, least: policy.minCohort }));
  }
  for (const kind of new Set(plan.releases.map((release) => release.kind))) {
    if (!policy.permittedReleases.includes(kind)) refusals.push(fail("TRB_POLICY_RELEASE_FORBIDDEN", { kind }));
  }
  const { permittedFamilies } = policy;
  if (permittedFamilies !== null && !permittedFamilies.includes(plan.model.family)) {
    refusals.push(fail("TRB_POLICY_FAMILY_FORBIDDEN", { family: plan.model.family }));
  }
  for (const { name, sha256 } of plan.extensions ?? []) {
    // accepted, but its file was taken away: it is to be given once more
    const usable = policy.extensions.includes(sha256) && isExtensionRegistered(name);
    if (!usable) refusals.push(fail("TRB_POLICY_EXTENSION_UNKNOWN", { name, sha256 }));
  }
  const { trusted, least } = trustOf(own, plan, policy);
  if (trusted < least) refusals.push(fail("TRB_ROUND_TOO_FEW_TRUSTED", { trusted, least }));
  return refusals;
}

/**
 * What has to fit under the limit for taking part to make sense: all that the plan permits, or, where the limit is one of a period, its dearest
 * round; the others wait until they fit.
 */
function leastCost(plan: Plan, { budget }: Policy): { readonly epsilon: Decimal } {
  if (budget.periodDays === null || !isBuildable(plan)) return plan;
  const alone = plan.releases.map((_, place) =>
    spentAfter(
      plan,
      plan.releases.map((__, other) => (other === place ? 1 : 0)),
    ),
  );
  return alone.reduce((most, one) => (parseDecimal(one.epsilon) > parseDecimal(most.epsilon) ? one : most));
}

/**
 * How many members this node trusts, itself included, and how many of a survivor set it must trust before it signs it (DESIGN §5:
 * minCohort − maxCorrupt; none where each node adds the whole noise itself). Fewer could never be enough.
 */
export function trustOf(
  { crypto, identity }: OwnKey,
  plan: Plan,
  policy: Policy,
): { readonly trusted: number; readonly least: number } {
  const trusted = new Set(policy.trustedPeers).add(fingerprintOf(crypto, identity.key)).size;
  return { trusted, least: leastTrusted(plan) };
}

/** Of a survivor set, this node itself included. */
export const leastTrusted = (plan: Plan): number => (plan.noiseMode === "local" ? 0 : plan.minCohort - plan.maxCorrupt);

/** The node never runs a graph that it was sent: it builds its own, and both sides must mean the same one. */
function graphRefusals(crypto: Crypto, plan: Plan): TributaryError[] {
  if (!isBuildable(plan)) return []; // refused above
  if (isTributaryError(countTrained(plan))) return []; // so was that
  const own = graphHashOf(crypto, plan.model, plan.trained);
  const same = own === plan.graphHash && plan.graphVersion === graphVersion;
  if (!same) return [fail("TRB_PLAN_GRAPH_MISMATCH", { graphVersion: plan.graphVersion })];
  return isInitialModelAgreed(crypto, plan) ? [] : [fail("TRB_PLAN_INITIAL_MODEL_UNDECLARED")];
}

/** A model that an extension brings can be built once it is accepted. */
const isBuildable = ({ model }: Plan) => model.family !== "extension" || isExtensionRegistered(model.extension ?? "");
