/** The parties of one world and what they agreed on: identities, plan, roster, the ledger's first entry, policies. */
import { type Context, genesisEntry, type NodePolicy, type Purpose } from "@tributary/federation";
import { type EntryOf, type LedgerHead, spentAfter } from "@tributary/ledger";
import {
  type Crypto,
  type Decimal,
  fingerprintOf,
  type NodeId,
  type Plan,
  type Roster,
  type Sha256,
  signMember,
} from "@tributary/protocol";
import { planOf } from "../../packages/federation/src/parties.test-support.ts";
import { type Identity, identityOf, rememberingCrypto } from "./crypto.ts";
import { stream } from "./randomness.ts";
import type { Scenario } from "./scenario.ts";

/** Words in a vector. */
const dimension = 8;

/** Virtual milliseconds. A message takes about 10 of them. */
const deadlines = { keys: 150, shares: 150, uploadOffset: 40, masked: 150, consistency: 150, unmask: 150, grace: 300 };

export interface Federation {
  readonly crypto: Crypto;
  readonly plan: Plan;
  /** The founders. */
  readonly roster: Roster;
  readonly coordinator: Identity;
  /** Everybody, under the key that each began with; those after the founders wait to be admitted. */
  readonly members: readonly { readonly id: NodeId; readonly identity: Identity }[];
  readonly honest: readonly NodeId[];
  readonly corrupt: readonly NodeId[];
  /** Whom honest nodes trust, themselves included. */
  readonly trusted: ReadonlySet<NodeId>;
  readonly genesis: { readonly entry: EntryOf<"genesis">; readonly line: string; readonly head: LedgerHead };
  readonly policy: NodePolicy;
}

export function federationOf(scenario: Scenario): Federation {
  const { nodes, newcomers, minCohort, maxCorrupt, rounds, retries, sybils } = scenario;
  const crypto = rememberingCrypto();
  const coordinator = identityOf(crypto, "coordinator");
  const graph = scenario.graph === undefined ? {} : { graph: { dropoutRate: "0.1" as Decimal, dropouts: scenario.graph } };
  const base = planOf(coordinator.key, { minCohort, maxCorrupt, deadlines, ...graph });
  const releases = base.releases.map((release) => ({
    ...release,
    ...{ rounds, dimension, touched: dimension },
    ...(retries === 0 ? {} : { retries }),
  }));
  const { epsilon } = spentAfter({ ...base, releases }, [rounds]);
  const { promoteEvery: every } = scenario;
  const promotion = every === undefined ? {} : { promotion: { rule: "rounds" as const, every } };
  const plan: Plan = { ...base, releases, epsilon, ...promotion };
  const members = Array.from({ length: nodes + newcomers }, (_, place) => {
    const id = `node-${String.fromCharCode(97 + place)}` as NodeId;
    return { id, identity: identityOf(crypto, id) };
  });
  const roster = members
    .slice(0, nodes)
    .map(({ id, identity: { key, sign } }) => signMember({ sign }, plan.federation, { node: id, key, kind: "merchant" }));
  const places = new Set(scenario.corrupt.map(({ place }) => place));
  const known = members.filter((_, place) => !sybils.includes(place));
  return {
    crypto,
    plan,
    roster,
    coordinator,
    members,
    honest: members.filter((_, place) => !places.has(place)).map(({ id }) => id),
    corrupt: members.filter((_, place) => places.has(place)).map(({ id }) => id),
    trusted: new Set(known.map(({ id }) => id)),
    genesis: genesisEntry({ plan, roster }, { crypto, sign: coordinator.sign, now: timeAt(0), software }),
    policy: {
      maxEpsilon: epsilon,
      delta: plan.delta,
      minCohort,
      releases: ["training"],
      trustedPeers: known.map(({ identity: { key } }) => fingerprintOf(crypto, key)),
    },
  };
}

/** What everybody says that they run. */
export const software = "5f".repeat(32) as Sha256;

/** RFC 3339 time of a virtual millisecond. */
export function timeAt(milliseconds: number): string {
  return new Date(Date.UTC(2026, 0, 1) + Math.floor(milliseconds)).toISOString();
}

/** What a step is handed. `label` differs from step to step: nothing is drawn twice. */
export function contextOf(
  { crypto }: Pick<Federation, "crypto">,
  by: Pick<Identity, "sign">,
  label: string,
  at: number,
): Context {
  return {
    crypto,
    sign: by.sign,
    now: timeAt(at),
    software,
    random: (round: number, purpose: Purpose) => stream(`${label} ${round} ${purpose}`),
  };
}

/**
 * ⌊(n + n_corrupt)/2⌋ + 1, written down once more: what is checked must not lean on what is checked.
 * Source: DESIGN §5.
 */
export function quorumOf(cohort: number, { maxCorrupt }: Pick<Plan, "maxCorrupt">): number {
  return 1 + (cohort + maxCorrupt - ((cohort + maxCorrupt) % 2)) / 2;
}

/** How many nodes' noise, none of them the coordinator's, is in every sum that anybody learns. Source: DESIGN §4, "Noise share". */
export function leastHonest({ minCohort, maxCorrupt }: Pick<Plan, "minCohort" | "maxCorrupt">): number {
  return minCohort - maxCorrupt;
}
