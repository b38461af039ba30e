/**
 * Who is a member: by the ledger as far as the store has it, by the invites that were used since, and by what operators have asked for. Every replica asks it who
 * may say hello under which key; who is revoked is turned away as soon as that is asked for, before the ledger can say so.
 */
import { fail } from "@tributary/errors";
import { type Entry, type RosterChanges, rosterAt, withRosterEntry } from "@tributary/ledger";
import type { IdentityKey, NodeId, Roster, RosterMember } from "@tributary/protocol";
import type { Logger } from "pino";
import type { Store } from "./storage/store.ts";

export interface MemberStanding {
  readonly member: RosterMember;
  /** `pending`: no round has had it yet, since its admission is to be written, or its first round to come. */
  readonly state: "member" | "pending" | "revoked";
  /** The ledger entry that says so; null as long as none does. */
  readonly entry: number | null;
  /** The first round that it could be in; null as long as nothing says which. */
  readonly from: number | null;
  /** A key that is announced and not in force yet. */
  readonly next: { readonly key: IdentityKey; readonly from: number } | null;
}

export interface Membership {
  /** Keys under which a node may speak now: the one in force, and one that is announced. Empty for strangers. @throws TRB_COORDINATOR_NODE_REVOKED */
  keysOf(node: NodeId): Promise<readonly IdentityKey[]>;
  /** Everybody who ever joined, ascending. */
  all(): Promise<readonly MemberStanding[]>;
  /** Members of the next round; before the federation has begun, who has joined. */
  roster(): Promise<Roster>;
  /** Whether anybody ever had this key. */
  isUsed(key: IdentityKey): Promise<boolean>;
  /** By the last look at what is asked for. @throws TRB_COORDINATOR_NODE_REVOKED */
  requireMember(node: NodeId): void;
  /** Looks now and every second who is revoked. @param gone said of each once, and of all again when the process starts anew */
  watch(gone: (node: NodeId) => void, log: Logger): { close(): void };
}

type MembershipStore = Pick<Store, "ledgerSize" | "ledgerLines" | "members" | "member" | "requests">;

/** How often what operators ask for is looked at, in milliseconds. */
const lookEvery = 1_000;
/** Lines that are read at a time. */
const pageOfLines = 256;

interface Followed {
  readonly entries: number;
  readonly roster: Roster | undefined;
  readonly changes: RosterChanges;
  readonly lastRound: number;
  /** Who was revoked, by which entry. */
  readonly revoked: ReadonlyMap<NodeId, number>;
}

export function openMembership(store: MembershipStore): Membership {
  let followed: Followed = { entries: 0, roster: undefined, changes: [], lastRound: 0, revoked: new Map() };
  let reading: Promise<Followed> | undefined;
  let gone: ReadonlySet<NodeId> = new Set();

  /** Together, who asks while it is read. */
  function follow(): Promise<Followed> {
    reading ??= (async () => {
      const entries = await store.ledgerSize();
      while (followed.entries < entries) {
        const from = followed.entries;
        followed = (await store.ledgerLines(from, Math.min(entries, from + pageOfLines))).reduce(withLine, followed);
      }
      return followed;
    })().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  /** By requests that no entry answers yet. */
  async function askedToGo(): Promise<ReadonlySet<NodeId>> {
    const notes = (await store.requests()).map(({ note }) => note);
    return new Set(notes.flatMap((note) => (note.kind === "roster" ? note.revoked : [])));
  }

  const revoked = (node: NodeId) => fail("TRB_COORDINATOR_NODE_REVOKED", { node });

  return {
    async keysOf(node) {
      const { revoked: out, roster, changes, lastRound } = await follow();
      if (out.has(node) || (await askedToGo()).has(node)) throw revoked(node);
      const joined = await store.member(node);
      if (roster === undefined) return joined === undefined ? [] : [joined.key];
      const changing = { roster, rosterChanges: changes };
      const keyAt = (round: number) => rosterAt(changing, round).find((member) => member.node === node)?.key;
      const [now, newest] = [keyAt(lastRound + 1), keyAt(Number.POSITIVE_INFINITY)];
      return [...new Set([now, newest ?? joined?.key].filter((key) => key !== undefined))];
    },
    async all() {
      const { roster, changes, lastRound, revoked: out } = await follow();
      const asked = await askedToGo();
      const known = new Map<NodeId, MemberStanding>();
      for (const member of await store.members()) {
        known.set(member.node, { member, state: "pending", entry: null, from: null, next: null });
      }
      for (const member of roster ?? []) {
        known.set(member.node, { member, state: "member", entry: 0, from: 1, next: null });
      }
      for (const change of changes) known.set(change.member.node, withChange(known.get(change.member.node), change, lastRound));
      for (const [node, standing] of known) {
        if (out.has(node) || asked.has(node)) known.set(node, { ...standing, state: "revoked", entry: out.get(node) ?? null });
        else if (roster === undefined) known.set(node, { ...standing, state: "member", from: 1 });
      }
      return [...known.values()].sort((a, b) => (a.member.node < b.member.node ? -1 : 1));
    },
    async roster() {
      const { roster, changes, lastRound, revoked: out } = await follow();
      if (roster === undefined) return store.members();
      return rosterAt({ roster, rosterChanges: changes }, lastRound + 1).filter(({ node }) => !out.has(node));
    },
    async isUsed(key) {
      const { roster = [], changes } = await follow();
      const members = [...roster, ...changes.map(({ member }) => member), ...(await store.members())];
      return members.some((member) => member.key === key);
    },
    requireMember(node) {
      if (gone.has(node)) throw revoked(node);
    },
    watch(tell, log) {
      const look = async () => {
        const { revoked: out } = await follow();
        const now = new Set([...out.keys(), ...(await askedToGo())]);
        const news = [...now].filter((node) => !gone.has(node));
        gone = now;
        for (const node of news) tell(node);
      };
      const seen = () => {
        look().catch((error: unknown) => log.warn({ err: error }, "who is revoked could not be looked up"));
      };
      seen();
      const timer = setInterval(seen, lookEvery).unref();
      return { close: () => clearInterval(timer) };
    },
  };
}

/** The store's own lines: their form was found to hold when they were written. */
function withLine(followed: Followed, line: string): Followed {
  const entry = JSON.parse(line) as Entry;
  const entries = followed.entries + 1;
  switch (entry.kind) {
    case "genesis":
      return { ...followed, entries, roster: entry.roster };
    case "round":
    case "aborted":
      return { ...followed, entries, lastRound: entry.round };
    case "roster": {
      const revoked = new Map(followed.revoked);
      for (const node of entry.revoked) revoked.set(node, entry.index);
      return { ...followed, entries, revoked, changes: withRosterEntry(followed.changes, entry) };
    }
    default:
      return { ...followed, entries };
  }
}

function withChange(
  before: MemberStanding | undefined,
  { member, from, entry }: RosterChanges[number],
  lastRound: number,
): MemberStanding {
  const inForce = from <= lastRound + 1;
  if (before === undefined || before.entry === null) {
    return { member, state: inForce ? "member" : "pending", entry, from, next: null };
  }
  return inForce ? { ...before, member, entry, next: null } : { ...before, next: { key: member.key, from } };
}
