/**
 * What a node's side of the round remembers. A plain value: everything but `unpersisted` survives as JSON, and whatever the
 * reducer has not put into it (the trained vector, its noise, its sample) can't outlive the process.
 */
import { fail } from "@tributary/errors";
import {
  type Course,
  courseOf,
  type EntryOf,
  type KeptModel,
  type LedgerHead,
  type RosterChanges,
  unknownCourse,
} from "@tributary/ledger";
import {
  type Decimal,
  isGraphRound,
  type MessageOf,
  type NodeId,
  type Plan,
  type Release,
  type Roster,
  type Sha256,
} from "@tributary/protocol";

/** What the merchant permits (`policy.json`), whatever the plan says. */
export interface NodePolicy {
  /** Most ε that all charged rounds together may cost; with `periodDays`, those that count in any such period. */
  readonly maxEpsilon: Decimal;
  /** Days, or null: for ever. */
  readonly periodDays?: number | null;
  /** Largest δ at which that ε is stated. */
  readonly delta: Decimal;
  /** Smallest `plan.minCohort` that is accepted. */
  readonly minCohort: number;
  /** The kinds of release that are permitted. */
  readonly releases: readonly Release["kind"][];
  /** SHA-256 of the extensions' files that are accepted; none unless given. */
  readonly extensions?: readonly Sha256[];
  /** Fingerprints of identity keys that were verified out of band. The node itself need not be named. */
  readonly trustedPeers: readonly Sha256[];
}

/** What a node starts from, once the ledger has its first entry. */
export interface NodeInit {
  readonly self: NodeId;
  /** Parsed and verified by the shell: its plan is the one joined, and a founder stands in its roster with its own key. Others are admitted later. */
  readonly genesis: EntryOf<"genesis">;
  /** After that entry. */
  readonly head: LedgerHead;
  readonly policy: NodePolicy;
}

/**
 * One round that this node has paid for, as long as the ledger hasn't said what became of it; and how it was settled.
 * An open charge counts.
 */
export interface Charge {
  readonly round: number;
  readonly release: number;
  readonly standing: "open" | "final" | "refunded";
  /** U1 and h₁ as this node saw them: what a quorum is counted in. */
  readonly cohort: readonly NodeId[];
  readonly h1: Sha256;
  /** When the round's offer was accepted: nothing in it depends on data. Not there where nobody wrote it down. */
  readonly chargedAt?: string;
  /** When this node learnt what became of it: from then on it ages (`budget-period.ts`). */
  readonly settledAt?: string;
}

/** The secrets of one round. Hex; erased as early as the protocol allows. */
interface RoundSecrets {
  /** X25519 secret of the encryption key. Needed until the envelopes are open. */
  readonly encryptionSecret: string | null;
  /** X25519 secret of the mask key, uniform in Z_p. Gone once the masked vector is persisted. */
  readonly maskSecret: string | null;
  /** b_u, uniform in Z_p. Gone once the masked vector is persisted. */
  readonly ownSeed: string | null;
  /** What the advert commits to, 32 bytes, where the plan has a graph. Everybody's business once it is revealed. */
  readonly graphRandomness?: string;
  /** The shares that this node holds, one of each member of U2 whose envelope opened (its own among them). */
  readonly held: readonly HeldShares[];
}

export interface HeldShares {
  readonly of: NodeId;
  readonly ownMask: string;
  readonly maskKey: string;
}

/**
 * How far this node is:
 * `keys` advert sent · `reveal` randomness revealed, on a graph only · `shares` envelopes sent · `masking` U2 known, vector awaited · `masked` y persisted ·
 * `voted` · `unmasked` shares released · `left` out of the round, waiting for its ledger entry only.
 */
export type NodePhase = "keys" | "reveal" | "shares" | "masking" | "masked" | "voted" | "unmasked" | "left";

export interface NodeRound {
  readonly number: number;
  readonly release: number;
  readonly modelHash: Sha256;
  readonly phase: NodePhase;
  /** `context.now` when the offer was accepted: the upload leaves `uploadOffset` after it. */
  readonly offeredAt: string;
  readonly offer: MessageOf<"offer">;
  /** Null once there is nothing left to keep. */
  readonly secrets: RoundSecrets | null;
  /** What was said, to be repeated byte for byte. */
  readonly advert: MessageOf<"advert">;
  readonly reveal: MessageOf<"reveal"> | null;
  readonly shares: MessageOf<"shares"> | null;
  readonly masked: MessageOf<"masked"> | null;
  readonly vote: MessageOf<"vote"> | null;
  readonly unmaskShares: MessageOf<"unmaskShares"> | null;
  /** The coordinator has y. */
  readonly uploaded: boolean;
  /** U1, ascending, and h₁. */
  readonly cohort: readonly NodeId[];
  readonly h1: Sha256 | null;
  /** U1's keys; on a graph those of this node's neighbours only, as soon as it knows them. */
  readonly adverts: readonly MessageOf<"advert">[];
  /** What the graph of neighbours follows from, where there is one, once everybody has revealed. */
  readonly graphSeed: Sha256 | null;
  /** U2. */
  readonly sharers: readonly NodeId[];
}

export interface NodeState {
  readonly version: 2;
  readonly self: NodeId;
  readonly plan: Plan;
  readonly planHash: Sha256;
  /** As founded; who takes part in a round is `rosterAt`'s to say. */
  readonly roster: Roster;
  /** By the ledger, who was admitted since, and who has another key, each from a round on. */
  readonly rosterChanges: RosterChanges;
  readonly policy: NodePolicy;
  /** Where this node's verified copy of the ledger stands, and the model it ends with. */
  readonly head: LedgerHead;
  readonly modelHash: Sha256;
  /** The model that metrics have kept last, by the ledger; null before, and where the plan keeps every model. */
  readonly kept: KeptModel | null;
  /** By the ledger, what is decided about the rounds that follow. */
  readonly course: Course;
  /** Rounds charged so far for each place in `plan.releases`, as the ledger says. */
  readonly ledgerCharged: readonly number[];
  /** The largest round number that the ledger has settled, and the largest that this node has accepted an offer for. */
  readonly settledRound: number;
  readonly lastRound: number;
  /** The closing entry is there: no round after it. */
  readonly closed: boolean;
  readonly charges: readonly Charge[];
  /** In how many rounds this node has revealed randomness, and so helped to draw a graph. */
  readonly graphsDrawn: number;
  /** Who takes part no longer, by the ledger, each with the entry that says so. */
  readonly barred: readonly { readonly node: NodeId; readonly entry: number }[];
  /** By the ledger, an operator has stopped rounds from being offered. */
  readonly paused: boolean;
  /** By the ledger, the day of each node's last note that it erased customers. */
  readonly erasures: Readonly<Record<NodeId, string>>;
  readonly round: NodeRound | null;
  /** Lost when the process ends, on purpose. */
  readonly unpersisted: { readonly vector: Uint32Array | null };
}

export function createNode({ self, genesis, head, policy }: NodeInit): NodeState {
  return {
    version: 2,
    self,
    plan: genesis.plan,
    planHash: genesis.planHash,
    roster: genesis.roster,
    rosterChanges: [],
    policy,
    head,
    modelHash: genesis.plan.initialModelHash,
    kept: null,
    course: courseOf(genesis.plan),
    ledgerCharged: genesis.plan.releases.map(() => 0),
    settledRound: 0,
    lastRound: 0,
    closed: false,
    charges: [],
    graphsDrawn: 0,
    barred: [],
    paused: false,
    erasures: {},
    round: null,
    unpersisted: { vector: null },
  };
}

/** Somebody of these who is barred, and by which entry. */
export function barredAmong(
  { barred }: Pick<NodeState, "barred">,
  nodes: readonly NodeId[],
): NodeState["barred"][number] | undefined {
  if (barred.length === 0) return undefined;
  const present = new Set(nodes);
  return barred.find(({ node }) => present.has(node));
}

/** Whether training may still be running: nothing that depends on the vector is persisted yet. */
export function isTraining({ phase }: NodeRound): boolean {
  return phase === "keys" || phase === "reveal" || phase === "shares" || phase === "masking";
}

/** Rounds that this node counts as spent on each release: everything that was not refunded. */
export function chargedRounds({ plan, charges }: Pick<NodeState, "plan" | "charges">): number[] {
  return plan.releases.map((_, release) => charges.filter((c) => c.release === release && c.standing !== "refunded").length);
}

/**
 * How many graphs somebody has seen with this node in them, and thrown away for nothing: rounds in which it revealed, and that cost
 * nothing in the end. Each is another try at a graph that suits a coordinator with corrupt nodes.
 */
export function graphAborts({ plan, charges, graphsDrawn }: Pick<NodeState, "plan" | "charges" | "graphsDrawn">): number {
  const paid = charges.filter(({ standing, cohort }) => standing !== "refunded" && isGraphRound(plan, cohort.length));
  return Math.max(0, graphsDrawn - paid.length);
}

/** JSON of everything that may be written to disk. */
export function encodeNodeState(state: NodeState): string {
  const { unpersisted: _, ...kept } = state;
  return JSON.stringify(kept);
}

/**
 * The inverse. A round whose masked vector was not persisted is left: its vector is gone, and a second one must never exist.
 * @throws TRB_FEDERATION_STATE_UNREADABLE
 */
export function decodeNodeState(text: string): NodeState {
  const { round: said, ...others } = readState<Omit<NodeState, "unpersisted">>(text);
  // written before there were rounds on a graph of neighbours, or rosters that change
  const kept = withDefaults(others, { graphsDrawn: 0, barred: [], kept: null, rosterChanges: [], course: unknownCourse });
  const round =
    said && withDefaults(said, { reveal: null, cohort: said.adverts?.map(({ sender }) => sender as NodeId), graphSeed: null });
  const lost = round !== null && isTraining(round);
  return {
    ...kept,
    round: lost ? { ...round, phase: "left", secrets: null } : round,
    unpersisted: { vector: null },
  };
}

/** What a state has, and for what it lacks the defaults, behind it. */
export function withDefaults<State extends object>(state: State, defaults: Partial<State>): State {
  const missing = Object.entries(defaults).filter(([name]) => !(name in state));
  return { ...state, ...Object.fromEntries(missing) };
}

/** A state that this version wrote. The file is the party's own, so its shape is trusted once it names the version. */
export function readState<State extends { readonly version: 2 }>(text: string): State {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw fail("TRB_FEDERATION_STATE_UNREADABLE", { reason: "it is not JSON" }, cause);
  }
  if (typeof value !== "object" || value === null || !("version" in value) || value.version !== 2) {
    throw fail("TRB_FEDERATION_STATE_UNREADABLE", { reason: "it was written by another version" });
  }
  requireRound("round" in value ? value.round : undefined);
  return value as State;
}

/** Of a round under way what is looked into while a state is read. @throws TRB_FEDERATION_STATE_UNREADABLE */
function requireRound(round: unknown): void {
  if (round === null) return;
  const adverts = isObject(round) && "adverts" in round ? (round.adverts ?? []) : [];
  if (isObject(round) && Array.isArray(adverts) && adverts.every(isObject)) return;
  throw fail("TRB_FEDERATION_STATE_UNREADABLE", { reason: "its round is none" });
}

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null && !Array.isArray(value);
