/** What the homes that share a budget have spent together, for `node budget` and `node check`. Reads, and changes nothing. */
import { isTributaryError, type TributaryError } from "@tributary/errors";
import type { Charge } from "@tributary/federation";
import type { NodeId } from "@tributary/protocol";
import type { Home } from "../home/open.ts";
import type { Policy } from "../policy-document.ts";
import {
  composedEpsilon,
  countedCharges,
  enrolled,
  roundedUp,
  type SharedContents,
  type SharedCost,
  type SharedHome,
  type SharedLimits,
  sharedRefusal,
} from "./contents.ts";
import { openSharedBudget } from "./file.ts";
import { costsOf, sharedFileOf, sharedHomeOf } from "./share.ts";

/** ε of some rounds, by all homes' vectors at the δ of the limit that binds. */
interface Spending {
  /** Of those that count in the limit's period. */
  readonly spent: number;
  readonly rounds: number;
  /** Of those: accepted or paid, and not settled. */
  readonly reserved: number;
}

export interface SharedSummary {
  readonly file: string;
  /** The limit that leaves least, and whose policy sets it. */
  readonly limit: number;
  readonly owner: string;
  readonly delta: number;
  readonly periodDays: number | null;
  readonly spent: number;
  /** Without a period. */
  readonly lifetime: number;
  /** What accepted and unsettled rounds add. */
  readonly reserved: { readonly rounds: number; readonly epsilon: number };
  readonly left: number;
  readonly homes: readonly (Spending & {
    readonly federation: string;
    readonly node: NodeId;
    /** This home. */
    readonly own: boolean;
    readonly lifetime: number;
  })[];
  readonly byKind: readonly (Spending & { readonly kind: SharedCost["kind"] })[];
}

/** The shared file as it will be once this home has entered what it has. @throws TRB_NODE_BUDGET_UNREADABLE */
function contentsWith(home: Home, policy: Policy, charges: readonly Charge[], file: string): SharedContents & { file: string } {
  const shared = openSharedBudget(file);
  try {
    return { ...enrolled(shared.contents(), sharedHomeOf(home, policy), costsOf(home), charges), file };
  } finally {
    shared.close();
  }
}

/** Null where the policy shares none. @throws TRB_NODE_BUDGET_UNREADABLE */
export function sharedSummary(home: Home, policy: Policy, charges: readonly Charge[], now: string): SharedSummary | null {
  const file = sharedFileOf(home, policy);
  if (file === undefined) return null;
  const contents = contentsWith(home, policy, charges, file);
  const { limits, owner } = tightest(contents, now);
  const { maxEpsilon, delta, periodDays } = limits;
  const counted = countedCharges(contents.charges, periodDays, now);
  const ever = countedCharges(contents.charges, null, now);
  const epsilonOf = (some: typeof counted) => roundedUp(composedEpsilon(contents, some, delta));
  const settled = (some: typeof counted) => some.filter(({ standing }) => standing !== "open");
  const spending = (some: typeof counted): Spending => ({
    ...{ spent: epsilonOf(some), rounds: some.filter(({ round }) => round > 0).length },
    reserved: some.length - settled(some).length,
  });
  const kindOf = new Map(contents.costs.map(({ plan, release, kind }) => [`${plan} ${release}`, kind]));
  const kinds = [...new Set(contents.costs.map(({ kind }) => kind))];
  const spent = epsilonOf(counted);
  return {
    ...{ file, owner, delta, periodDays, limit: maxEpsilon, spent, lifetime: epsilonOf(ever) },
    reserved: { rounds: counted.length - settled(counted).length, epsilon: spent - epsilonOf(settled(counted)) },
    left: Math.max(0, maxEpsilon - spent),
    homes: contents.homes.map(({ home: key, federation, node }) => ({
      ...{ federation, node, own: key === sharedHomeOf(home, policy).home },
      ...spending(counted.filter((one) => one.home === key)),
      lifetime: epsilonOf(ever.filter((one) => one.home === key)),
    })),
    byKind: kinds.map((kind) => ({
      kind,
      ...spending(counted.filter(({ plan, release }) => kindOf.get(`${plan} ${release}`) === kind)),
    })),
  };
}

/** The limit that leaves least. */
function tightest(
  contents: SharedContents & { file: string },
  now: string,
): { readonly limits: SharedLimits; readonly owner: string } {
  const all = contents.homes.flatMap(({ limits, federation, node }: SharedHome) => {
    if (limits === null) return [];
    const spent = composedEpsilon(contents, countedCharges(contents.charges, limits.periodDays, now), limits.delta);
    return [{ limits, owner: `${federation}/${node}`, left: limits.maxEpsilon - spent }];
  });
  return all.reduce((least, one) => (one.left < least.left ? one : least)); // this home is one of them
}

/** Why one more round of a release would be refused for what the homes together have spent; undefined where it wouldn't. */
export function sharedRefusalNow(
  home: Home,
  policy: Policy,
  charges: readonly Charge[],
  place: number,
  now: string,
): TributaryError | undefined {
  const file = sharedFileOf(home, policy);
  if (file === undefined) return undefined;
  try {
    const contents = contentsWith(home, policy, charges, file);
    const { home: key, plan } = sharedHomeOf(home, policy);
    // a round that this home has not begun: whatever is reserved for another counts
    return sharedRefusal(contents, { home: key, plan, release: place, round: Number.MAX_SAFE_INTEGER }, now);
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
}
