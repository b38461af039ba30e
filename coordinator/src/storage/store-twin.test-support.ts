/** The store in memory, as plainly as it can be said: what both engines are held to. It has no database, and nothing in it ever fails half way. */
import { fail } from "@tributary/errors";
import type { Note } from "@tributary/federation";
import { type NodeId, type RosterMember, sha256Hex } from "@tributary/protocol";
import type { Standstill } from "../rounds/refusals.ts";
import type { RoundFigures } from "./round-table.ts";
import type { LedgerLine, Persisted, Presence, Store } from "./store.ts";

export type StoreTwin = Omit<Store, "plan" | "found" | "database" | "close">;

type Invite = Parameters<Store["addInvite"]>[0] & { readonly key: string | null };

export function storeTwin(): StoreTwin {
  let state: string | undefined;
  let shares: string | undefined;
  let leader = { replica: "", fence: 0 };
  let standstill: Standstill | undefined;
  const ledger: LedgerLine[] = [];
  const members = new Map<NodeId, RosterMember>();
  const invites = new Map<string, Invite>();
  const presence = new Map<string, readonly Pick<Presence, "node" | "version">[]>();
  let requests: { readonly id: number; readonly note: Note }[] = [];
  let asked = 0;
  const rounds = new Map<number, RoundFigures>();

  const settle = ({ entry }: LedgerLine) => {
    if (entry.kind !== "round" && entry.kind !== "aborted") return;
    const figures = rounds.get(entry.round);
    if (figures === undefined) return;
    const epsilon = Number(entry.spent.epsilon);
    const settled =
      entry.kind === "round"
        ? { released: true, modelHash: entry.nextModelHash, code: null }
        : { released: false, modelHash: entry.modelHash, code: entry.code };
    rounds.set(entry.round, { ...figures, ...settled, epsilon });
  };

  const requireLeadership = (fence: number) => {
    if (fence !== leader.fence) throw fail("TRB_COORDINATOR_FENCED", { fence });
  };

  return {
    state: async () => state,
    shares: async () => shares,
    async persist({ state: next, entries = [], shares: others, settled = [], fence }: Persisted) {
      requireLeadership(fence);
      for (const [place, { entry }] of entries.entries()) {
        const entriesBefore = ledger.length + place;
        if (entry.index !== entriesBefore) {
          throw fail("TRB_COORDINATOR_LEDGER_FORKED", { place: entry.index, entries: entriesBefore });
        }
      }
      ledger.push(...entries);
      for (const line of entries) settle(line);
      requests = requests.filter(({ id }) => !settled.includes(id));
      state = next;
      shares = others ?? shares;
    },
    async takeLeadership(replica) {
      leader = { replica, fence: leader.fence + 1 };
      return leader.fence;
    },
    leader: async () => (leader.fence === 0 ? undefined : leader),
    ledgerSize: async () => ledger.length,
    ledgerLines: async (from, to) => ledger.slice(from, to).map(({ line }) => line),
    ledgerHead: async () => ({ entries: ledger.length, head: ledger.at(-1)?.hash ?? sha256Hex.parse("0".repeat(64)) }),
    members: async () => [...members.values()].toSorted((a, b) => (a.node < b.node ? -1 : 1)),
    member: async (node) => members.get(node),
    async admit(tokenHash, member) {
      const invite = invites.get(tokenHash);
      if (invite === undefined || invite.key !== null) return false;
      if (members.has(member.node) || [...members.values()].some(({ key }) => key === member.key)) {
        throw fail("TRB_COORDINATOR_NODE_TAKEN", { node: member.node });
      }
      invites.set(tokenHash, { ...invite, key: member.key });
      members.set(member.node, member);
      return true;
    },
    async addInvite(invite) {
      if (!invites.has(invite.tokenHash)) invites.set(invite.tokenHash, { ...invite, key: null });
    },
    invite: async (tokenHash) => invites.get(tokenHash),
    async setConnected(replica, nodes) {
      presence.set(replica, nodes);
    },
    async connected() {
      const all = [...presence].flatMap(([replica, nodes]) => nodes.map((node) => ({ ...node, replica, seen: 0 })));
      const place = ({ node, replica }: Presence) => `${node} ${replica}`;
      return all.toSorted((a, b) => (place(a) < place(b) ? -1 : 1));
    },
    async forgetReplica(replica) {
      presence.delete(replica);
    },
    async setStandstill(why, fence) {
      requireLeadership(fence);
      standstill = why;
    },
    standstill: async () => standstill,
    async request(note) {
      if (requests.some((known) => JSON.stringify(known.note) === JSON.stringify(note))) return;
      asked += 1;
      requests.push({ id: asked, note });
    },
    requests: async () => requests,
    async settleRequest(id, fence) {
      requireLeadership(fence);
      requests = requests.filter((known) => known.id !== id);
    },
    rounds: {
      async begin(round, { at: startedAt, nodes }, fence) {
        requireLeadership(fence);
        const nothing = {
          seconds: null,
          bytesIn: null,
          bytesOut: null,
          released: null,
          modelHash: null,
          epsilon: null,
          code: null,
        };
        if (!rounds.has(round)) rounds.set(round, { round, startedAt, nodes, ...nothing });
      },
      async end(round, { at, bytesIn, bytesOut }, fence) {
        requireLeadership(fence);
        const figures = rounds.get(round);
        if (figures === undefined || figures.seconds !== null) return;
        const seconds = (Date.parse(at) - Date.parse(figures.startedAt)) / 1000;
        rounds.set(round, { ...figures, seconds, bytesIn, bytesOut });
      },
      one: async (round) => rounds.get(round),
      all: async () => [...rounds.values()].toSorted((a, b) => a.round - b.round),
      async figures() {
        const over = [...rounds.values()].filter(({ released, seconds }) => released === true && seconds !== null);
        const mean = (of: (figures: RoundFigures) => number) =>
          over.length === 0 ? null : over.reduce((sum, figures) => sum + of(figures), 0) / over.length;
        return {
          bytesInPerRoundPerNode: mean(({ bytesIn, nodes }) => (bytesIn ?? 0) / (nodes ?? 1)),
          bytesOutPerRoundPerNode: mean(({ bytesOut, nodes }) => (bytesOut ?? 0) / (nodes ?? 1)),
          secondsPerRound: mean(({ seconds }) => seconds ?? 0),
        };
      },
    },
  };
}
