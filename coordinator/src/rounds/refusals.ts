/**
 * Offers that are refused for good. A refused round costs nobody any ε, but it costs an entry of the ledger, and a cohort whose members' policies
 * forbid the plan, or have no ε left for it, would refuse for ever. So refusals are counted: an offer counts as refused when too few are left for a
 * cohort, and for the reason that most of those who refused gave.
 */
import type { NodeId } from "@tributary/protocol";

/** Why no more rounds are offered: until somebody connects anew, who may have changed their mind, or the coordinator is started again. */
export interface Standstill {
  readonly code: "TRB_COORDINATOR_OFFERS_REFUSED";
  /** The nodes' code. */
  readonly reason: string;
  /** Offers in a row that were refused for it. */
  readonly offers: number;
  /** Who refused the last one for it. */
  readonly nodes: readonly NodeId[];
}

export interface Refusals {
  offered(round: number, nodes: number): void;
  refused(node: NodeId, round: number, code: string): void;
  /** @returns why to stop, once enough offers in a row were refused for one reason */
  ended(round: number, released: boolean): Standstill | undefined;
  /** Counts from nothing again. */
  forgive(): void;
}

/**
 * @param most offers in a row that may be refused for one reason; 0: any number
 * @param minCohort members that a round needs
 */
export function countRefusals(most: number, minCohort: number): Refusals {
  let offer = { round: 0, nodes: 0 };
  const reasons = new Map<NodeId, string>();
  let reason: string | undefined;
  let offers = 0;

  const forgive = () => {
    [reason, offers] = [undefined, 0];
    reasons.clear();
  };

  return {
    forgive,
    offered(round, nodes) {
      offer = { round, nodes };
      reasons.clear();
    },
    refused(node, round, code) {
      if (round === offer.round) reasons.set(node, code);
    },
    ended(round, released) {
      if (round !== offer.round || released || offer.nodes - reasons.size >= minCohort) {
        forgive();
        return undefined;
      }
      const common = mostCommon([...reasons.values()]);
      offers = common === reason ? offers + 1 : 1;
      reason = common;
      if (most === 0 || offers < most || common === undefined) return undefined;
      const nodes = [...reasons].flatMap(([node, code]) => (code === common ? [node] : [])).sort();
      return { code: "TRB_COORDINATOR_OFFERS_REFUSED", reason: common, offers, nodes };
    },
  };
}

/** Of codes that are as common the first in alphabetical order, so that the answer doesn't depend on who was quicker. */
function mostCommon(codes: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const code of codes) counts.set(code, (counts.get(code) ?? 0) + 1);
  return [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))[0]?.[0];
}
