/**
 * The policy as a form: what stands in policy.json, what another one would mean, and its being written. The consequences are those of the code that answers offers
 * (`decision.ts`, `availability.ts`, the reducer's `requireAffordable`, the shared budget); nothing is saved until it is asked for.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { type Charge, chargedRounds, chargesInPeriod, requireAffordable } from "@tributary/federation";
import { spentAfter } from "@tributary/ledger";
import {
  isSpentBefore,
  modelSchema,
  type PagePolicy,
  type PagePreview,
  type Plan,
  parseDecimal,
  problemOf,
  type Release,
  releaseSchema,
  sha256Hex,
} from "@tributary/protocol";
import { declinedNow } from "../availability.ts";
import { spendingOf } from "../budget.ts";
import { spendingRefusals } from "../check.ts";
import { refusalsOf, trustOf } from "../decision.ts";
import { loadAccepted } from "../extensions.ts";
import type { Layout } from "../home/layout.ts";
import type { Home } from "../home/open.ts";
import { readPolicy } from "../home/policy.ts";
import { nodePolicyOf, type Policy, parsePolicy } from "../policy-document.ts";
import { reasonOf } from "../reason.ts";
import { withoutSelections } from "../selected-parts.ts";
import { sharedFileOf } from "../shared-budget/share.ts";
import { samplerRefusals } from "../training/sampler.ts";
import { decidePolicy } from "../trust.ts";

/** Fields of a policy as a form sent them. */
type Fields = Readonly<Record<string, unknown>>;

/** @throws TRB_NODE_HOME_UNREADABLE */
export function policyForm({ layout, plan }: Pick<Home, "layout" | "plan">): PagePolicy {
  const stamp = stampOf(textOf(layout));
  const { policy, problem } = standing(layout);
  return {
    policy: policy === undefined ? null : structuredClone(policy),
    ...{ problem: problem === undefined ? null : problemOf(problem), stamp },
    kinds: [...releaseSchema.shape.kind.options],
    families: [...modelSchema.shape.family.options],
    timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    plan: {
      ...{ epsilon: parseDecimal(plan.epsilon), delta: parseDecimal(plan.delta), minCohort: plan.minCohort },
      kinds: [...new Set(plan.releases.map(({ kind }) => kind))],
      family: plan.model.family,
    },
  };
}

/**
 * What such a policy would mean now. Changes nothing.
 * @throws TRB_EXTENSION_…
 */
export async function previewPolicy(home: Home, fields: Fields, now = new Date()): Promise<PagePreview> {
  const { layout, plan } = home;
  const { policy: before } = standing(layout);
  if (before !== undefined) await loadAccepted(layout, plan, before); // whether an extension that nobody accepted yet would do is not tried
  const parsed = parsedPolicy(fields);
  const policy = isTributaryError(parsed) ? before : parsed;
  const fault = isTributaryError(parsed) ? { path: String(parsed.details["path"] ?? ""), problem: problemOf(parsed) } : null;
  if (policy === undefined) return { ...noPreview(plan), fault };
  return { ...(await consequencesOf(home, policy, now)), fault };
}

async function consequencesOf(home: Home, policy: Policy, now: Date): Promise<PagePreview> {
  const { plan } = home;
  const time = now.toISOString();
  // a shared budget that isn't there yet is made when the policy is saved, and has nothing spent in it but this home's own
  const file = sharedFileOf(home, policy);
  const weighed = file === undefined || existsSync(file) ? policy : { ...policy, budget: { ...policy.budget, file: null } };
  const limits = withoutSelections(weighed, home);
  const spending = { ...spendingOf(home), policy: nodePolicyOf(limits) };
  const refusals = [...refusalsOf(home, plan, policy), ...(await samplerRefusals(plan))];
  const declined = declinedNow(policy, now);
  const byKind = new Map(spendingRefusals(home, weighed, time).map(({ kind, error }) => [kind, error]));
  const counted = countedRounds(spending, time);
  const everLeft = roundsLeft(spending);
  const spent = epsilonOf(plan, counted);
  const all = epsilonOf(
    plan,
    counted.map((rounds, place) => rounds + (everLeft[place] ?? 0)),
  );
  const kinds = [...new Set(plan.releases.map(({ kind }) => kind))].map((kind) => {
    const places = plan.releases.flatMap((release, place) =>
      release.kind === kind ? Array.from({ length: everLeft[place] ?? 0 }, () => place) : [],
    );
    const [first] = places;
    const refusal = refusals[0] ?? declined ?? byKind.get(kind) ?? (first === undefined ? spentRelease(plan, kind) : undefined);
    const inBudget = byKind.get(kind) === undefined;
    return {
      kind,
      accepted: refusal === undefined,
      refusal: refusal === undefined ? null : problemOf(refusal),
      planned: places.length,
      affordable: inBudget ? affordableOf(spending, places, time) : 0,
      epsilonAfter:
        first === undefined
          ? null
          : epsilonOf(
              plan,
              counted.map((rounds, place) => rounds + (place === first ? 1 : 0)),
            ),
    };
  });
  return {
    fault: null,
    refusals: refusals.map(problemOf),
    declined: declined === undefined ? null : problemOf(declined),
    kinds,
    ...{ spent, limit: limits.maxEpsilon, left: Math.max(0, limits.maxEpsilon - spent) },
    planned: { epsilon: all, fits: all <= limits.maxEpsilon },
    trust: trustOf(home, plan, policy),
  };
}

/**
 * Writes the policy; a running node reads it at the next offer.
 * @param stamp of the file that the form was filled from
 * @throws TRB_PAGE_POLICY_CHANGED, TRB_NODE_POLICY_INVALID, TRB_NODE_BUDGET_UNREADABLE, TRB_NODE_HOME_UNWRITABLE: the old policy stays
 */
export function savePolicy(home: Home, fields: Fields, stamp: string): void {
  const { layout } = home;
  const { policy: before } = standing(layout);
  const next = parsePolicy(JSON.stringify(fields));
  if (stampOf(textOf(layout)) !== stamp) throw fail("TRB_PAGE_POLICY_CHANGED");
  decidePolicy(home, before, next);
}

type Spending = Parameters<typeof requireAffordable>[0];

/** How many of these rounds, one after the other and nothing else between them, would be accepted. Whatever is charged now counts in any period. */
function affordableOf(spending: Spending, places: readonly number[], now: string): number {
  const fits = (rounds: number): boolean => {
    const last = places[rounds - 1];
    if (last === undefined) return false;
    const charges = [...spending.charges, ...places.slice(0, rounds - 1).map((release, n) => imagined(release, n))];
    const ledgerCharged = spending.ledgerCharged.map(
      (own, at) => own + places.slice(0, rounds - 1).filter((place) => place === at).length,
    );
    try {
      requireAffordable({ ...spending, charges, ledgerCharged }, last, now);
      return true;
    } catch (error) {
      if (isTributaryError(error)) return false;
      throw error;
    }
  };
  let [some, none] = [0, places.length + 1];
  while (none - some > 1) {
    const middle = Math.floor((some + none) / 2);
    if (fits(middle)) some = middle;
    else none = middle;
  }
  return some;
}

/** A round that nobody has been in. */
const imagined = (release: number, n: number): Charge => ({
  ...{
    round: Number.MAX_SAFE_INTEGER - 1_000_000 + n,
    release,
    standing: "open",
    h1: sha256Hex.parse("0".repeat(64)),
    cohort: [],
  },
});

/** Rounds charged for each place in the plan, as the reducer weighs them. */
function countedRounds({ plan, policy, charges, ledgerCharged }: Spending, now: string): number[] {
  const { periodDays = null } = policy;
  if (periodDays !== null) return [...chargedRounds({ plan, charges: chargesInPeriod(charges, periodDays, now) })];
  return chargedRounds({ plan, charges }).map((own, place) => Math.max(own, ledgerCharged[place] ?? 0));
}

function roundsLeft({ plan, charges, ledgerCharged }: Spending): number[] {
  const charged = chargedRounds({ plan, charges });
  return plan.releases.map(({ rounds }, place) =>
    Math.max(0, rounds - Math.max(charged[place] ?? 0, ledgerCharged[place] ?? 0)),
  );
}

const epsilonOf = (plan: Plan, counts: readonly number[]): number =>
  counts.some((count) => count > 0) || isSpentBefore(plan) ? parseDecimal(spentAfter(plan, counts).epsilon) : 0;

function spentRelease({ releases }: Plan, kind: Release["kind"]): TributaryError {
  const rounds = releases.filter((release) => release.kind === kind).reduce((sum, release) => sum + release.rounds, 0);
  return fail("TRB_ROUND_RELEASE_SPENT", { rounds });
}

const noPreview = (plan: Plan): PagePreview => ({
  ...{ fault: null, refusals: [], declined: null, kinds: [], spent: 0, limit: 0, left: 0 },
  planned: { epsilon: parseDecimal(plan.epsilon), fits: false },
  trust: { trusted: 0, least: 0 },
});

/** policy.json as it is; a file that is no policy is told, so that it can be put right. */
function standing(layout: Layout): { readonly policy: Policy | undefined; readonly problem: TributaryError | undefined } {
  try {
    return { policy: readPolicy(layout), problem: undefined };
  } catch (error) {
    if (isTributaryError(error) && error.code === "TRB_NODE_POLICY_INVALID") return { policy: undefined, problem: error };
    throw error;
  }
}

function parsedPolicy(fields: Fields): Policy | TributaryError {
  try {
    return parsePolicy(JSON.stringify(fields));
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
}

function textOf(layout: Layout): string {
  try {
    return readFileSync(layout.policy, "utf8");
  } catch (cause) {
    throw fail("TRB_NODE_HOME_UNREADABLE", { file: layout.policy, reason: reasonOf(cause) }, cause);
  }
}

const stampOf = (text: string) => createHash("sha256").update(text, "utf8").digest("hex").slice(0, 32);
