/**
 * What several homes of one merchant have spent together. The same person may be a customer in each of their federations, so what the federations
 * release about that person composes, whatever the coordinators know of each other.
 *
 * Rényi divergences add up order by order, over plans as over rounds: with the counted rounds n of each release, its cost r(α) nats a round,
 *
 *   ε(δ) = min over the common orders α of [ Σ n·r(α) + ln(1 − 1/α) − ln(δ′α)/(α − 1) ]      (`epsilonFromRdp`)
 *
 * with δ′ = δ less what private selections of catalogues took of it, which happened once a plan and before its first round.
 *
 * A plan whose own accountant is `lattice` counts here by its Rényi divergences, which hold as well and cost 4 to 7 % more: no curve is known that
 * composes with the others' (docs/privacy/periods.md). Everything here is a plain value and pure; `file.ts` keeps it on disk.
 */
import { composeRdp, epsilonFromRdp, rdpIntegerOrders, rdpPure } from "@tributary/dp";
import { fail, type TributaryError } from "@tributary/errors";
import { affordableFrom, type Charge, chargesInPeriod } from "@tributary/federation";
import {
  formatDecimal,
  isSpentBefore,
  type NodeId,
  type Plan,
  parseDecimal,
  partsCost,
  planCost,
  type Release,
  type Sha256,
} from "@tributary/protocol";

/** A home that shares the budget. */
export interface SharedHome {
  /** Fingerprint of the node's first identity key: another folder with the same key is the same home. */
  readonly home: Sha256;
  readonly federation: string;
  readonly node: NodeId;
  readonly plan: Sha256;
  /** What its policy permits all homes together; null once it has left. What it charged stays. */
  readonly limits: SharedLimits | null;
}

export interface SharedLimits {
  readonly maxEpsilon: number;
  readonly delta: number;
  readonly periodDays: number | null;
}

/** The place of what a plan cost before its first round (private tuning, selected parts of the catalogue), in nobody's list of releases. */
export const beforeFirstRound = -1;

/** What one round of a release costs: `rdp[i]` nats at `orders[i]`. */
export interface SharedCost {
  readonly plan: Sha256;
  /** In `plan.releases`, or `beforeFirstRound`. */
  readonly release: number;
  readonly kind: Release["kind"] | "selection";
  readonly orders: readonly number[];
  readonly rdp: readonly number[];
  /** Outside of so much probability; 0 for rounds. */
  readonly delta: number;
}

/**
 * `reserved` an accepted round that is not paid for yet, `released` one that never was; the others as in `Charge`. Reserved and open ones count in
 * every period.
 */
export type SharedStanding = Charge["standing"] | "reserved" | "released";

export interface SharedCharge {
  readonly home: Sha256;
  /** 0: before the first. */
  readonly round: number;
  readonly plan: Sha256;
  readonly release: number;
  readonly standing: SharedStanding;
  readonly chargedAt?: string;
  readonly settledAt?: string;
}

export interface SharedContents {
  readonly homes: readonly SharedHome[];
  readonly costs: readonly SharedCost[];
  readonly charges: readonly SharedCharge[];
}

/** What each round of a plan costs, and what was paid before the first; all that other homes need to know of it. */
export function sharedCosts(plan: Plan, hash: Sha256): SharedCost[] {
  const { selection: _, catalogueParts: __, ...rounds } = plan;
  const bare: Plan = { ...rounds, accountant: "rdp-integer" };
  const costs = plan.releases.map(({ kind }, release): SharedCost => {
    const { orders, rdp } = planCost(
      bare,
      plan.releases.map((_, place) => (place === release ? 1 : 0)),
    );
    return { plan: hash, release, kind, orders, rdp, delta: 0 };
  });
  if (!isSpentBefore(plan)) return costs;
  const none = plan.releases.map(() => 0);
  const { orders, rdp } = planCost({ ...plan, accountant: "rdp-integer" }, none);
  const before = { release: beforeFirstRound, kind: "selection", delta: partsCost(plan)?.delta ?? 0 } as const;
  return [...costs, { plan: hash, ...before, orders, rdp }];
}

/**
 * Selections of a catalogue that a home paid for beside its plan (`selected-parts.ts`): each (ε, δ)-private, and so as private as randomised response
 * outside of a probability of δ. They stand under the home's own fingerprint, by their place, and never age.
 */
export function besideCosts(
  home: Sha256,
  selections: readonly { readonly epsilon: number; readonly delta: number }[],
): SharedCost[] {
  return selections.map(({ epsilon, delta }, place) => {
    const rdp = rdpIntegerOrders.map((order) => rdpPure(epsilon, order) * (1 + 1e-12));
    return { plan: home, release: place, kind: "selection", orders: rdpIntegerOrders, rdp, delta };
  });
}

/** The charges of which some is spent, in the words of one home's own. */
const asCharges = (charges: readonly SharedCharge[]) =>
  charges.map((charge) => {
    const { standing } = charge;
    const own = standing === "reserved" ? "open" : standing === "released" ? "refunded" : standing;
    return { ...charge, standing: own as Charge["standing"] };
  });

/** Those that count now. @param now ISO 8601 */
export const countedCharges = (charges: readonly SharedCharge[], periodDays: number | null, now: string) =>
  chargesInPeriod(asCharges(charges), periodDays, now);

/**
 * ε of these rounds together at δ, by the orders that all their costs have; 0 of none, infinite where selections have used δ up.
 * @throws TRB_NODE_BUDGET_UNREADABLE when a charge has no cost, or the costs no order in common
 */
export function composedEpsilon(
  { costs, file }: { readonly costs: readonly SharedCost[]; readonly file: string },
  charges: readonly Pick<SharedCharge, "plan" | "release">[],
  delta: number,
): number {
  const unreadable = (reason: string) => fail("TRB_NODE_BUDGET_UNREADABLE", { file, reason });
  const keyOf = ({ plan, release }: Pick<SharedCharge, "plan" | "release">) => `${plan} ${release}`;
  const known = new Map(costs.map((cost) => [keyOf(cost), cost]));
  const counts = new Map<SharedCost, number>();
  for (const charge of charges) {
    const cost = known.get(keyOf(charge));
    if (cost === undefined) throw unreadable("a charge names a release whose cost is not in it");
    counts.set(cost, (counts.get(cost) ?? 0) + 1);
  }
  const ran = [...counts].sort(([a], [b]) => (a.plan === b.plan ? a.release - b.release : a.plan < b.plan ? -1 : 1));
  const [first] = ran;
  if (first === undefined) return 0;
  const orders = first[0].orders.filter((order) => ran.every(([cost]) => cost.orders.includes(order)));
  if (orders.length === 0) throw unreadable("its plans' costs have no Rényi order in common");
  const totals = ran.map(([cost, count]) => orders.map((order) => count * (cost.rdp[cost.orders.indexOf(order)] ?? Infinity)));
  if (ran.every(([cost]) => cost.delta === 0)) return epsilonFromRdp(orders, composeRdp(...totals), delta).epsilon;
  const left = (delta - ran.reduce((sum, [cost, count]) => sum + count * cost.delta, 0)) * (1 - 1e-12);
  return left > 0 ? epsilonFromRdp(orders, composeRdp(...totals), left).epsilon : Number.POSITIVE_INFINITY;
}

/** A round that a home would pay for. */
export interface SharedRound {
  readonly home: Sha256;
  readonly plan: Sha256;
  readonly release: number;
  readonly round: number;
}

/**
 * Why the homes together can't pay for one more round: the limit that frees last, of all that the homes' policies set. Undefined: they can.
 * @param now ISO 8601
 * @throws TRB_NODE_BUDGET_UNREADABLE
 */
export function sharedRefusal(
  contents: SharedContents & { readonly file: string },
  round: SharedRound,
  now: string,
): TributaryError | undefined {
  const others = asCharges(contents.charges).filter((one) => !(one.home === round.home && one.round === round.round));
  const refusals = contents.homes.flatMap(({ limits, federation, node }) => {
    if (limits === null) return [];
    const { maxEpsilon, delta, periodDays } = limits;
    const costOf = (charges: readonly Pick<SharedCharge, "plan" | "release">[]) =>
      roundedUp(composedEpsilon(contents, charges, delta));
    const keeps = (epsilon: number) => epsilon <= maxEpsilon;
    const counted = chargesInPeriod(others, periodDays, now);
    const epsilon = costOf([...counted, round]);
    if (keeps(epsilon)) return [];
    const from = affordableFrom(others, periodDays, now, (left) => keeps(costOf([...left, round])));
    const error = fail("TRB_POLICY_SHARED_BUDGET_EXCEEDED", {
      ...{ file: contents.file, spent: costOf(counted), epsilon, limit: maxEpsilon, owner: `${federation}/${node}` },
      ...{ period: periodDays === null ? "for ever" : `within ${periodDays} days`, from: from ?? "not by itself" },
    });
    return [{ error, from: from ?? "~" }]; // after every date
  });
  return refusals.sort((a, b) => (a.from < b.from ? 1 : -1))[0]?.error;
}

/** To 12 digits, as entries of ledgers are. */
export const roundedUp = (epsilon: number) => (Number.isFinite(epsilon) ? parseDecimal(formatDecimal(epsilon, "up")) : epsilon);

/** The order in which a charge's standing can change; what is settled stays. */
const rank: Readonly<Record<SharedStanding, number>> = { released: 0, reserved: 1, open: 2, refunded: 3, final: 3 };

/** Whether a charge that is known so may become so. */
export const mayBecome = (before: SharedStanding, after: SharedStanding): boolean =>
  rank[after] > rank[before] || (before === "reserved" && after === "released");

/** What this home would add, as `file.ts` enters it: its place, its costs, its charges as they are. */
export function enrolled(
  contents: SharedContents,
  home: SharedHome,
  costs: readonly SharedCost[],
  charges: readonly Charge[],
): SharedContents {
  const known = new Set(contents.costs.map(({ plan, release }) => `${plan} ${release}`));
  const own = new Map(contents.charges.filter((charge) => charge.home === home.home).map((charge) => [charge.round, charge]));
  for (const charge of ownCharges(home, costs, charges)) {
    const before = own.get(charge.round);
    if (before === undefined || mayBecome(before.standing, charge.standing)) {
      own.set(charge.round, before === undefined ? charge : { ...charge, release: before.release });
    }
  }
  return {
    homes: [...contents.homes.filter((other) => other.home !== home.home), home],
    costs: [...contents.costs, ...costs.filter(({ plan, release }) => !known.has(`${plan} ${release}`))],
    charges: [...contents.charges.filter((charge) => charge.home !== home.home), ...own.values()],
  };
}

/** A home's charges as the others see them; what was paid before the first round, for the plan or beside it, never ages. */
export function ownCharges(
  { home, plan }: Pick<SharedHome, "home" | "plan">,
  costs: readonly SharedCost[],
  charges: readonly Charge[],
): SharedCharge[] {
  const selection = costs.some((cost) => cost.plan === plan && cost.release === beforeFirstRound);
  const first: SharedCharge = { home, plan, round: 0, release: beforeFirstRound, standing: "final" };
  const beside = costs.filter((cost) => cost.plan === home);
  return [
    ...(selection ? [first] : []),
    ...beside.map(({ release }): SharedCharge => ({ home, plan: home, round: -1 - release, release, standing: "final" })),
    ...charges.map(({ round, release, standing, chargedAt, settledAt }) => ({
      ...{ home, plan, round, release, standing },
      ...(chargedAt === undefined ? {} : { chargedAt }),
      ...(settledAt === undefined || standing === "open" ? {} : { settledAt }),
    })),
  ];
}
