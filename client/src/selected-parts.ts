/**
 * What this node has paid for selections of a catalogue. One whose part the joined plan holds is part of what the plan costs, and of what its ledger says;
 * any other was paid beside it, for instance a selection that was made again, or that went to another federation. Both count against the merchant's limit.
 */
import { type CataloguePart, parseDecimal, type Sha256 } from "@tributary/protocol";
import type { Home } from "./home/open.ts";
import type { Policy } from "./policy-document.ts";

export interface SelectionSpent {
  readonly epsilon: number;
  readonly delta: number;
  readonly maxItems: number;
  readonly chargedAt: string;
  /** SHA-256 of the part; null where nothing came of it. It is charged all the same. */
  readonly part: Sha256 | null;
  readonly inPlan: boolean;
}

export function selectionsOf({ database, plan, identity }: Pick<Home, "database" | "plan" | "identity">): SelectionSpent[] {
  const declared = new Set(
    (plan.catalogueParts ?? []).flatMap(({ key, part, selection }) =>
      key === identity.first && selection !== undefined ? [nameOf(part, selection)] : [],
    ),
  );
  return database.selections().map(({ epsilon, delta, maxItems, chargedAt, part }) => {
    // the same bytes may have been selected twice, and even at one price: the plan pays for one
    const inPlan = part !== null && declared.delete(nameOf(part, { epsilon, delta, maxItems }));
    return { epsilon: parseDecimal(epsilon), delta: parseDecimal(delta), maxItems, chargedAt, part, inPlan };
  });
}

/** A part and what it cost: what a plan declares and a node has charged. */
const nameOf = (part: Sha256, { epsilon, delta, maxItems }: Required<CataloguePart>["selection"]): string =>
  JSON.stringify([part, epsilon, delta, maxItems]);

/** The policy with what was paid beside the plan taken from its limit. */
export function withoutSelections(policy: Policy, home: Pick<Home, "database" | "plan" | "identity">): Policy {
  const beside = selectionsOf(home).filter(({ inPlan }) => !inPlan);
  const epsilon = beside.reduce((sum, one) => sum + one.epsilon, 0);
  return epsilon === 0 ? policy : { ...policy, maxEpsilon: policy.maxEpsilon - epsilon };
}
