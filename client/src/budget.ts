/**
 * `tributary node budget`: what this node's customers have spent. Counted from the node's own charges, open ones included; a
 * refund needs a quorum of the cohort. Joining or importing again changes none of it.
 */
import { existsSync, readFileSync } from "node:fs";
import { type Charge, decodeNodeState } from "@tributary/federation";
import { spentAfter } from "@tributary/ledger";
import { isSpentBefore, parseDecimal, type Release } from "@tributary/protocol";
import { type Home, withHome } from "./home/open.ts";
import { readPolicy } from "./home/policy.ts";
import { type SelectionSpent, selectionsOf } from "./selected-parts.ts";

export interface NodeBudget {
  /** The policy's limit. */
  readonly limit: number;
  /** ε at the plan's δ, rounded up. */
  readonly spent: number;
  readonly delta: number;
  /** Selections of a catalogue that this node has paid for. Those of the plan's own parts are in `spent`; the others take from the limit beside it. */
  readonly selections: readonly SelectionSpent[];
  /** Charged rounds left in the plan, all kinds together. */
  readonly roundsLeft: number;
  readonly byKind: readonly {
    readonly kind: Release["kind"];
    readonly charged: number;
    /** Of those charged: what became of them isn't known yet. */
    readonly open: number;
    readonly refunded: number;
    readonly left: number;
  }[];
}

/** @throws TRB_NODE_NOT_JOINED */
export function nodeBudget(options: { readonly home: string }): Promise<NodeBudget> {
  return withHome(options.home, budgetOf);
}

export function budgetOf(home: Home): NodeBudget {
  const { plan, layout } = home;
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
  const charged = byPlace.map((row) => row.charged);
  return {
    limit: readPolicy(layout).maxEpsilon,
    selections: selectionsOf(home),
    spent: charged.some((rounds) => rounds > 0) || isSpentBefore(plan) ? parseDecimal(spentAfter(plan, charged).epsilon) : 0,
    delta: parseDecimal(plan.delta),
    roundsLeft: byPlace.reduce((sum, row) => sum + row.left, 0),
    byKind: joinKinds(byPlace),
  };
}

/** One row a kind: a plan may list several releases of it, of different sizes. */
function joinKinds(rows: NodeBudget["byKind"]): NodeBudget["byKind"] {
  const joined = new Map<Release["kind"], NodeBudget["byKind"][number]>();
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

/**
 * The charges of node.sqlite, and one that a crash kept from getting there: the round's state is synced first, and a vector whose
 * state is on disk will be uploaded.
 */
function allCharges({ layout, database }: Pick<Home, "layout" | "database">): Charge[] {
  const known = database.charges();
  if (!existsSync(layout.state)) return known;
  return joinCharges(known, decodeNodeState(readFileSync(layout.state, "utf8")).charges);
}

/** Both lists' rounds, ascending. Where they differ, settled beats open, and final beats refunded: nothing is forgiven by a crash. */
export function joinCharges(some: readonly Charge[], others: readonly Charge[]): Charge[] {
  const rank = { open: 0, refunded: 1, final: 2 } as const;
  const joined = new Map<number, Charge>();
  for (const charge of [...some, ...others]) {
    const before = joined.get(charge.round);
    if (before === undefined || rank[charge.standing] > rank[before.standing]) joined.set(charge.round, charge);
  }
  return [...joined.values()].sort((a, b) => a.round - b.round);
}
