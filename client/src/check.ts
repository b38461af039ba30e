/**
 * `tributary node check`: what the plan would do with this node's customers, what it costs, and whether the node would take part.
 * Works offline, and changes nothing.
 */
import type { ErrorCode } from "@tributary/errors";
import { explainPlan, type NodeId, type Sha256 } from "@tributary/protocol";
import { budgetOf, type NodeBudget } from "./budget.ts";
import { refusalsOf, trustOf } from "./decision.ts";
import { loadAccepted } from "./extensions.ts";
import { readStored } from "./home/histories.ts";
import { type Home, withHome } from "./home/open.ts";
import { readPolicy } from "./home/policy.ts";
import { samplerRefusals } from "./training/sampler.ts";

export interface NodeCheck {
  readonly federation: string;
  readonly node: NodeId;
  readonly planHash: Sha256;
  /** The node would take part. */
  readonly accepted: boolean;
  /** Why not, one by one. */
  readonly findings: readonly { readonly code: ErrorCode; readonly message: string; readonly advice: string }[];
  /** The plan in words. */
  readonly explanation: readonly string[];
  readonly cost: { readonly epsilon: number; readonly delta: number; readonly unit: "customer" | "node" };
  readonly budget: NodeBudget;
  readonly trust: { readonly trusted: number; readonly least: number };
  /** Counts for the merchant's own eyes: they are not sent anywhere. Null before the first import. */
  readonly data: { readonly customers: number; readonly events: number; readonly items: number } | null;
}

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_POLICY_INVALID, TRB_NODE_STORE_UNREADABLE */
export function checkNode(options: { readonly home: string }): Promise<NodeCheck> {
  return withHome(options.home, async (home) => {
    const { layout, membership, plan } = home;
    const policy = readPolicy(layout);
    await loadAccepted(layout, plan, policy);
    const refusals = [...refusalsOf(plan, policy), ...(await samplerRefusals(plan))];
    return {
      federation: membership.federation,
      node: membership.node,
      planHash: membership.planHash,
      accepted: refusals.length === 0,
      findings: refusals.map((refusal) => refusal.toJSON()),
      explanation: explainPlan(plan),
      cost: { epsilon: Number(plan.epsilon), delta: Number(plan.delta), unit: plan.unit },
      budget: budgetOf(home),
      trust: trustOf(plan, policy),
      data: countData(home),
    };
  });
}

function countData({ layout }: Home): NodeCheck["data"] {
  const histories = readStored(layout);
  if (histories === undefined) return null;
  const { customers, items } = histories;
  return { customers: customers.length, events: items.length, items: new Set(items.filter((item) => item > 0)).size };
}
