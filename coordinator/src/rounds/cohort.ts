/**
 * Whom a round is offered to, when more are connected than are wanted. By a public rule that looks at no data: everybody with the ledger, and the list of who was connected, comes
 * to the same. Who takes part can bias what is learnt, never what it costs: noise and ε are of the plan's minimum cohort.
 *
 *   1. left out: who is barred or no member (the reducer's to say), and who said of the last offers that its hours are others, for a while
 *   2. how many: the fewest m with P[Binomial(m, 1 − d) ≥ wanted] ≥ 0.99, d the share of those invited that dropped out lately, (dropped + 1)/(invited + 2); never more than `most`
 *   3. who: in the order of SHA-256("tributary cohort", plan hash, round, node), or, where cohorts are to be stable, survivors of the last released round first, each in that order
 */
import { type Crypto, type NodeId, type Sha256, toHex } from "@tributary/protocol";

export interface CohortWish {
  /** How many survivors are wanted; without it everybody is invited. */
  readonly size?: number;
  /** Never more are invited, whatever the dropouts: as many as the plan's integers were chosen for, say. */
  readonly most?: number;
  /** The same nodes again where they are there, so that what is kept between rounds (noise shares that cancel, warmed caches) keeps its worth. */
  readonly stable?: boolean;
}

export interface CohortView {
  /** Members that are connected. */
  readonly online: readonly NodeId[];
  /** Who survived the last released round. */
  readonly survivors: readonly NodeId[];
  /** Over the last rounds: how many were invited, and how many of those did not survive. */
  readonly turnout: { readonly invited: number; readonly dropped: number };
  readonly planHash: Sha256;
  readonly round: number;
  /** n_min: never fewer are invited, if so many are there. */
  readonly minCohort: number;
}

/** Ascending by name. */
export function chooseCohort(
  crypto: Pick<Crypto, "sha256">,
  { size, most, stable = false }: CohortWish,
  view: CohortView,
): NodeId[] {
  const { online, survivors, turnout, planHash, round, minCohort } = view;
  if (size === undefined && most === undefined) return [...online];
  const there = Math.min(online.length, Math.max(most ?? online.length, minCohort));
  const wanted = Math.max(size ?? there, minCohort);
  const many = invitations(wanted, (turnout.dropped + 1) / (turnout.invited + 2), there);
  const encoder = new TextEncoder();
  const rank = (node: NodeId) => toHex(crypto.sha256(encoder.encode(`tributary cohort\n${planHash}\n${round}\n${node}`)));
  const known = new Set(stable ? survivors : []);
  const ranked = online.map((node) => ({ node, key: `${known.has(node) ? 0 : 1}${rank(node)}` }));
  ranked.sort((a, b) => (a.key < b.key ? -1 : 1));
  return ranked
    .slice(0, many)
    .map(({ node }) => node)
    .sort();
}

/** How likely it has to be that enough survive. */
const confidence = 0.99;

/**
 * How many to invite so that `wanted` survive.
 * @param dropout share of those invited that don't survive, each by itself, above 0 and below 1
 * @param most as many as there are
 */
export function invitations(wanted: number, dropout: number, most: number): number {
  for (let many = wanted; many < most; many++) if (atLeast(wanted, many, 1 - dropout) >= confidence) return many;
  return most;
}

/** P[Binomial(trials, chance) ≥ least], from the smallest term of the tail that is left out on. */
function atLeast(least: number, trials: number, chance: number): number {
  const [win, lose] = [Math.log(chance), Math.log1p(-chance)];
  let [term, below] = [trials * lose, 0]; // log P[X = 0]
  for (let hits = 0; hits < least; hits++) {
    below += Math.exp(term);
    term += Math.log((trials - hits) / (hits + 1)) + win - lose;
  }
  return 1 - below;
}

/** Codes with which a node says that its hours are others, or that it rests: the same offer would be refused in a moment, and answered later. */
const resting: readonly string[] = ["TRB_POLICY_OUTSIDE_HOURS", "TRB_POLICY_PAUSED"];
/** For so long nobody asks it again, in milliseconds. */
const rest = 10 * 60_000;

export interface Availability {
  refused(node: NodeId, code: string, now: number): void;
  /** It connected anew, and may have changed its mind. */
  back(node: NodeId): void;
  /** Of these nodes those who may be asked. */
  among(nodes: readonly NodeId[], now: number): NodeId[];
  /** When the first of those left out may be asked again; undefined: nobody is left out. */
  nextChange(now: number): number | undefined;
}

export function trackAvailability(): Availability {
  const until = new Map<NodeId, number>();
  const rests = (time: number, now: number) => time > now && time <= now + rest; // more is left only where the clock was set back
  const isResting = (node: NodeId, now: number) => rests(until.get(node) ?? 0, now);
  return {
    refused(node, code, now) {
      if (resting.includes(code)) until.set(node, now + rest);
    },
    back: (node) => void until.delete(node),
    among: (nodes, now) => nodes.filter((node) => !isResting(node, now)),
    nextChange(now) {
      const coming = [...until.values()].filter((time) => rests(time, now));
      return coming.length === 0 ? undefined : Math.min(...coming);
    },
  };
}

/** Turnout over the last rounds that came to an agreement, for `chooseCohort`. */
export function turnoutOf(
  rounds: readonly { readonly invited: number; readonly survivors: number }[],
  last = 20,
): CohortView["turnout"] {
  const recent = rounds.slice(-last);
  const sum = (of: (round: (typeof rounds)[number]) => number) => recent.reduce((total, round) => total + of(round), 0);
  return { invited: sum(({ invited }) => invited), dropped: sum(({ invited, survivors }) => invited - survivors) };
}
