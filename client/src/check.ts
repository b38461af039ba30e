/**
 * `tributary node check`: what the plan would do with this node's customers, what it costs, and whether the node would take part.
 * Works offline, and changes nothing.
 */
import { type ErrorCode, isTributaryError, type TributaryError } from "@tributary/errors";
import { requireAffordable } from "@tributary/federation";
import {
  customerParagraph,
  explainPlan,
  type NodeId,
  type PlanLanguage,
  planRemarks,
  type Release,
  type Sha256,
} from "@tributary/protocol";
import { declinedNow } from "./availability.ts";
import { budgetOf, type NodeBudget, spendingOf } from "./budget.ts";
import { refusalsOf, trustOf } from "./decision.ts";
import { loadAccepted } from "./extensions.ts";
import { readStored } from "./home/histories.ts";
import { type Home, withHome } from "./home/open.ts";
import { readPolicy } from "./home/policy.ts";
import { nodePolicyOf, type Policy } from "./policy-document.ts";
import { type RosterNews, rosterNews } from "./roster-news.ts";
import { withoutSelections } from "./selected-parts.ts";
import { sharedRefusalNow } from "./shared-budget/summary.ts";
import { samplerRefusals } from "./training/sampler.ts";

export interface NodeCheck {
  readonly federation: string;
  readonly node: NodeId;
  readonly planHash: Sha256;
  /** The node would take part. */
  readonly accepted: boolean;
  /** Why not, one by one. */
  readonly findings: readonly { readonly code: ErrorCode; readonly message: string; readonly advice: string }[];
  /** What of the plan is sound and could be stricter; no reason to refuse. */
  readonly remarks: NodeCheck["findings"];
  /** What a customer should know of the plan, in one paragraph. */
  readonly customers: { readonly language: PlanLanguage; readonly paragraph: string };
  /** The plan in words, in the same language. */
  readonly explanation: readonly string[];
  readonly cost: { readonly epsilon: number; readonly delta: number; readonly unit: "customer" | "node" };
  readonly budget: NodeBudget;
  /**
   * Why an offer would be declined if it came now, whatever the plan: the hour, a pause (`kind` is null), or a budget that a round of this kind doesn't
   * fit into. A pause and the hours pass; they make no finding. A budget without room for any kind is one.
   */
  readonly declines: readonly {
    readonly kind: Release["kind"] | null;
    readonly code: ErrorCode;
    readonly message: string;
    readonly advice: string;
  }[];
  readonly trust: { readonly trusted: number; readonly least: number };
  /** Who came and went since the founding, by this node's copy of the ledger. */
  readonly roster: RosterNews;
  /** Counts for the merchant's own eyes: they are not sent anywhere. Null before the first import. */
  readonly data: { readonly customers: number; readonly events: number; readonly items: number } | null;
}

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_POLICY_INVALID, TRB_NODE_STORE_UNREADABLE */
export function checkNode({
  home: folder,
  language = "en",
}: {
  readonly home: string;
  readonly language?: PlanLanguage;
}): Promise<NodeCheck> {
  return withHome(folder, async (home) => {
    const { layout, membership, plan } = home;
    const policy = readPolicy(layout);
    await loadAccepted(layout, plan, policy);
    const spent = spendingRefusals(home, policy, new Date().toISOString());
    const noRoom = spent.length > 0 && spent.every(({ error }) => error !== undefined);
    const refusals = [
      ...[...refusalsOf(home, plan, policy), ...(await samplerRefusals(plan))],
      ...(noRoom ? spent.flatMap(({ error }) => error ?? []).slice(0, 1) : []),
    ];
    const closed = declinedNow(policy, new Date());
    const declines = [...(closed === undefined ? [] : [{ kind: null, error: closed }]), ...spent];
    return {
      federation: membership.federation,
      node: membership.node,
      planHash: membership.planHash,
      accepted: refusals.length === 0,
      findings: refusals.map((refusal) => refusal.toJSON()),
      remarks: planRemarks(plan).map(({ code, message, advice }) => ({ code, message, advice })),
      customers: { language, paragraph: customerParagraph(plan, language) },
      explanation: explainPlan(plan, language),
      cost: { epsilon: Number(plan.epsilon), delta: Number(plan.delta), unit: plan.unit },
      budget: budgetOf(home),
      declines: declines.flatMap(({ kind, error }) => (error === undefined ? [] : [{ kind, ...error.toJSON() }])),
      trust: trustOf(home, plan, policy),
      roster: rosterNews(home, policy),
      data: countData(home),
    };
  });
}

/** For each kind that has rounds left: why the next one would not be paid for now; undefined where it would. */
export function spendingRefusals(
  home: Home,
  policy: Policy,
  now: string,
): readonly { readonly kind: Release["kind"]; readonly error: TributaryError | undefined }[] {
  const { plan } = home;
  const spending = spendingOf(home);
  const limits = nodePolicyOf(withoutSelections(policy, home));
  const seen = new Map<Release["kind"], TributaryError | undefined>();
  for (const [place, { kind }] of plan.releases.entries()) {
    if (seen.has(kind)) continue;
    try {
      requireAffordable({ ...spending, policy: limits }, place, now);
      seen.set(kind, sharedRefusalNow(home, policy, spending.charges, place, now));
    } catch (error) {
      if (!isTributaryError(error)) throw error;
      if (error.code !== "TRB_ROUND_RELEASE_SPENT") seen.set(kind, error);
    }
  }
  return [...seen].map(([kind, error]) => ({ kind, error }));
}

function countData({ layout }: Home): NodeCheck["data"] {
  const histories = readStored(layout);
  if (histories === undefined) return null;
  const { customers, items } = histories;
  return { customers: customers.length, events: items.length, items: new Set(items.filter((item) => item > 0)).size };
}
