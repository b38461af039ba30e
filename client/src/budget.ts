/**
 * `tributary node budget`: what this node's customers have spent. Counted from the node's own charges, open ones included; a
 * refund needs a quorum of the cohort. Joining or importing again changes none of it. What a period forgets is the merchant's policy, not the
 * customers' loss: `spent` is always of all time.
 */
import { existsSync, readFileSync } from "node:fs";
import { isTributaryError, type TributaryError } from "@tributary/errors";
import { type Charge, chargesInPeriod, decodeNodeState, leavesPeriodAt, type NodeState } from "@tributary/federation";
import { type Plan, parseDecimal, type Release } from "@tributary/protocol";
import { epsilonSpent, joinCharges } from "./charges.ts";
import { type Home, withHome } from "./home/open.ts";
import { readPolicy } from "./home/policy.ts";
import type { Policy } from "./policy-document.ts";
import { type SelectionSpent, selectionsOf, withoutSelections } from "./selected-parts.ts";
import { type SharedSummary, sharedSummary } from "./shared-budget/summary.ts";

export interface NodeBudget {
  /** The policy's limit. */
  readonly limit: number;
  /** ε at the plan's δ, rounded up. */
  readonly spent: number;
  readonly delta: number;
  /** Selections of a catalogue that this node has paid for. Those of the plan's own parts are in `spent`; the others take from the limit beside it. */
  readonly selections: readonly SelectionSpent[];
  /** ε that the limit leaves: of the period where it has one, else of all; less what was paid beside the plan. The shared budget may leave less. */
  readonly left: number;
  /** Rounds that were paid for, while nobody knows yet what became of them: part of `spent`, and by how much. */
  readonly reserved: { readonly rounds: number; readonly epsilon: number };
  /** What counts in the policy's period; null where the limit is for ever. */
  readonly period: {
    readonly days: number;
    readonly spent: number;
    readonly rounds: number;
    readonly left: number;
    /** When the next round leaves it, ISO 8601; null while none is known to. */
    readonly nextLeaves: string | null;
  } | null;
  /** What all homes that share the budget have spent; null where the policy shares none. */
  readonly shared: SharedSummary | { readonly file: string; readonly error: ReturnType<TributaryError["toJSON"]> } | null;
  /** Charged rounds left in the plan, all kinds together. */
  readonly roundsLeft: number;
  readonly byKind: readonly {
    readonly kind: Release["kind"];
    readonly charged: number;
    /** Of those charged: what became of them isn't known yet. */
    readonly open: number;
    readonly refunded: number;
    readonly left: number;
    /** ε of this kind alone; the kinds' don't add up to `spent`, which is less. */
    readonly epsilon: number;
  }[];
}

/** A row of `byKind` for one place in the plan. */
type PlaceRow = Omit<NodeBudget["byKind"][number], "epsilon">;

/** @throws TRB_NODE_NOT_JOINED */
export function nodeBudget(options: { readonly home: string }): Promise<NodeBudget> {
  return withHome(options.home, budgetOf);
}

/** @param now whose period it is */
export function budgetOf(home: Home, now = new Date()): NodeBudget {
  const { plan, layout } = home;
  const policy = readPolicy(layout);
  const charges = allCharges(home);
  const byPlace = plan.releases.map(({ kind, rounds }, release) => {
    const mine = charges.filter((charge) => charge.release === release);
    const charged = mine.filter(({ standing }) => standing !== "refunded").length;
    return {
      kind,
      charged,
      open: mine.filter(({ standing }) => standing === "open").length,
      refunded: mine.length - charged,
      left: Math.max(0, rounds - charged),
    };
  });
  const spent = epsilonSpent(plan, charges);
  const period = periodOf(home, policy, charges, now);
  const settled = charges.filter(({ standing }) => standing !== "open");
  return {
    limit: policy.maxEpsilon,
    selections: selectionsOf(home),
    spent,
    delta: parseDecimal(plan.delta),
    left: period?.left ?? Math.max(0, withoutSelections(policy, home).maxEpsilon - spent),
    reserved: { rounds: charges.length - settled.length, epsilon: spent - epsilonSpent(plan, settled) },
    period,
    shared: sharedOf(home, policy, charges, now),
    roundsLeft: byPlace.reduce((sum, row) => sum + row.left, 0),
    byKind: joinKinds(byPlace).map((row) => ({ ...row, epsilon: epsilonOfKind(plan, charges, row.kind) })),
  };
}

/** What this home's charges have cost, whatever policy.json says by now or doesn't: what is told at an end, when nobody is left to ask. */
export function costOf(home: Home): { readonly charged: number; readonly epsilon: number; readonly delta: number } {
  const charges = allCharges(home);
  const charged = charges.filter(({ standing }) => standing !== "refunded").length;
  return { charged, epsilon: epsilonSpent(home.plan, charges), delta: parseDecimal(home.plan.delta) };
}

/** The rounds of one kind, with nothing beside them. */
function epsilonOfKind(plan: Plan, charges: readonly Charge[], kind: Release["kind"]): number {
  const { selection: _, catalogueParts: __, ...rounds } = plan;
  return epsilonSpent(
    rounds,
    charges.filter(({ release }) => plan.releases[release]?.kind === kind),
  );
}

function periodOf(home: Home, policy: Policy, charges: readonly Charge[], now: Date): NodeBudget["period"] {
  const { periodDays: days } = policy.budget;
  if (days === null) return null;
  const counted = chargesInPeriod(charges, days, now.toISOString());
  const leaves = Math.min(...counted.map((charge) => leavesPeriodAt(charge, days)));
  const spent = epsilonSpent(home.plan, counted);
  return {
    ...{ days, spent, rounds: counted.length },
    left: Math.max(0, withoutSelections(policy, home).maxEpsilon - spent),
    nextLeaves: Number.isFinite(leaves) ? new Date(leaves).toISOString() : null,
  };
}

/** A file that can't be read is said so: the node's own figures are there all the same. */
function sharedOf(home: Home, policy: Policy, charges: readonly Charge[], now: Date): NodeBudget["shared"] {
  try {
    return sharedSummary(home, policy, charges, now.toISOString());
  } catch (error) {
    if (isTributaryError(error)) return { file: policy.budget.file ?? "", error: error.toJSON() };
    throw error;
  }
}

/** One row a kind: a plan may list several releases of it, of different sizes. */
function joinKinds(rows: readonly PlaceRow[]): readonly PlaceRow[] {
  const joined = new Map<Release["kind"], PlaceRow>();
  for (const row of rows) {
    const { charged, open, refunded, left } = joined.get(row.kind) ?? { charged: 0, open: 0, refunded: 0, left: 0 };
    joined.set(row.kind, {
      kind: row.kind,
      ...{ charged: charged + row.charged, open: open + row.open },
      ...{ refunded: refunded + row.refunded, left: left + row.left },
    });
  }
  return [...joined.values()];
}

/** Charges, and rounds charged for each place by the node's copy of the ledger, as the reducer weighs them. */
export function spendingOf(
  home: Pick<Home, "layout" | "database" | "plan">,
): Pick<NodeState, "plan" | "charges" | "ledgerCharged"> {
  const { layout, plan } = home;
  const none = plan.releases.map(() => 0);
  const ledgerCharged = existsSync(layout.state) ? decodeNodeState(readFileSync(layout.state, "utf8")).ledgerCharged : none;
  return { plan, charges: allCharges(home), ledgerCharged };
}

/**
 * The charges of node.sqlite, and one that a crash kept from getting there: the round's state is synced first, and a vector whose
 * state is on disk will be uploaded.
 */
export function allCharges({ layout, database }: Pick<Home, "layout" | "database">): Charge[] {
  const known = database.charges();
  if (!existsSync(layout.state)) return known;
  return joinCharges(known, decodeNodeState(readFileSync(layout.state, "utf8")).charges);
}
