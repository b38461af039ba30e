/** What a statement needs of a ledger, read once from its first entry to its last. It verifies nothing: `verifyLedger` does. */
import { fail } from "@tributary/errors";
import type { NodeId, Sha256 } from "@tributary/protocol";
import type { Entry, EntryOf } from "../entries.ts";
import { decodeLine, parseLine, splitLines } from "../parsing.ts";
import { type RosterChanges, withRosterEntry } from "../roster-changes.ts";

/** Of one place in `plan.releases`. */
export interface ReleaseCount {
  /** Sums that became known. */
  released: number;
  /** Rounds given up whose noisy vectors may have been seen. */
  abortedCharged: number;
  abortedRefunded: number;
}

/** How often one member signed something that stands in the ledger. */
interface Signed {
  votes: number;
  heads: number;
}

export interface LedgerFacts {
  readonly genesis: EntryOf<"genesis">;
  readonly entries: number;
  /** `at` of the first entry and of the last: what the coordinator's clock said. */
  readonly from: string;
  readonly to: string;
  /** `[releases]` */
  readonly releases: readonly ReleaseCount[];
  /** `[releases]` charged rounds in whose cohort the node was, for each who was ever in the roster. A cohort that the ledger doesn't know may have had anybody. */
  readonly chargedWith: ReadonlyMap<NodeId, readonly number[]>;
  readonly signed: ReadonlyMap<NodeId, Signed>;
  /** What the coordinator says that it ran, from which entry on: the first thousand. */
  readonly software: readonly { readonly sha256: Sha256; readonly from: number }[];
  /** How often it was another than before. */
  readonly softwareChanges: number;
  readonly revoked: ReadonlySet<NodeId>;
  readonly rosterChanges: RosterChanges;
  /** Notes of nodes that they erased customers. */
  readonly erasures: number;
  readonly closed: boolean;
}

/** Facts of entries that come one after another, for a ledger that is read bit by bit: what is kept doesn't grow with it. */
export interface FactsReader {
  readonly take: (entry: Entry) => void;
  /** Of all that were taken. @throws TRB_LEDGER_EMPTY, TRB_LEDGER_NO_GENESIS when the first was no genesis */
  readonly facts: () => LedgerFacts;
}

export function readFacts(): FactsReader {
  let facts: Counting | "no genesis" | undefined;
  return {
    take(entry) {
      facts ??= entry.kind === "genesis" ? beginning(entry) : "no genesis";
      if (facts !== "no genesis") count(facts, entry);
    },
    facts() {
      if (facts === undefined) throw fail("TRB_LEDGER_EMPTY");
      if (facts === "no genesis") throw fail("TRB_LEDGER_NO_GENESIS");
      return facts;
    },
  };
}

/** @throws TRB_LEDGER_EMPTY, TRB_LEDGER_NO_GENESIS, TRB_LEDGER_LINE_INVALID, TRB_LEDGER_NOT_CANONICAL */
export function ledgerFacts(bytes: Uint8Array): LedgerFacts {
  const { take, facts } = readFacts();
  for (const line of splitLines(bytes).lines) take(parseLine(decodeLine(line)));
  return facts();
}

/** So many changes are told, the first ones; all are counted. */
const mostChanges = 1000;

interface Counting extends LedgerFacts {
  entries: number;
  to: string;
  chargedWith: Map<NodeId, number[]>;
  signed: Map<NodeId, Signed>;
  software: { readonly sha256: Sha256; readonly from: number }[];
  softwareChanges: number;
  lastSoftware: Sha256;
  revoked: Set<NodeId>;
  rosterChanges: RosterChanges;
  erasures: number;
  closed: boolean;
}

function beginning(genesis: EntryOf<"genesis">): Counting {
  const { plan, roster, at, software } = genesis;
  return {
    genesis,
    entries: 0,
    from: at,
    to: at,
    releases: plan.releases.map(() => ({ released: 0, abortedCharged: 0, abortedRefunded: 0 })),
    chargedWith: new Map(roster.map(({ node }) => [node, plan.releases.map(() => 0)])),
    signed: new Map(roster.map(({ node }) => [node, { votes: 0, heads: 0 }])),
    software: [{ sha256: software, from: 0 }],
    softwareChanges: 0,
    lastSoftware: software,
    revoked: new Set(),
    rosterChanges: [],
    erasures: 0,
    closed: false,
  };
}

function count(facts: Counting, entry: Entry): void {
  facts.entries += 1;
  facts.to = entry.at;
  if (facts.lastSoftware !== entry.software) {
    facts.lastSoftware = entry.software;
    facts.softwareChanges += 1;
    if (facts.software.length < mostChanges) facts.software.push({ sha256: entry.software, from: entry.index });
  }
  switch (entry.kind) {
    case "round":
    case "aborted":
      countRound(facts, entry);
      return;
    case "roster":
      for (const node of entry.revoked) facts.revoked.add(node);
      countChange(facts, entry);
      return;
    case "erasure":
      facts.erasures += 1;
      return;
    case "closing":
      facts.closed = true;
      return;
    default: // who founded it stands in the roster; pauses and promotions cost nothing
  }
}

function countChange(facts: Counting, entry: EntryOf<"roster">): void {
  const after = withRosterEntry(facts.rosterChanges, entry);
  for (const { member } of after.slice(facts.rosterChanges.length)) {
    if (facts.signed.has(member.node)) continue;
    facts.chargedWith.set(
      member.node,
      facts.releases.map(() => 0),
    );
    facts.signed.set(member.node, { votes: 0, heads: 0 });
  }
  facts.rosterChanges = after;
}

function countRound(facts: Counting, entry: EntryOf<"round"> | EntryOf<"aborted">): void {
  const counts = facts.releases[entry.release];
  if (counts !== undefined) {
    if (entry.kind === "round") counts.released += 1;
    else if (entry.charged) counts.abortedCharged += 1;
    else counts.abortedRefunded += 1;
  }
  for (const { node } of entry.votes) {
    const signed = facts.signed.get(node);
    if (signed !== undefined) signed.votes += 1;
  }
  for (const { node } of entry.kind === "round" ? entry.heads : []) {
    const signed = facts.signed.get(node);
    if (signed !== undefined) signed.heads += 1;
  }
  if (entry.kind === "aborted" && !entry.charged) return;
  for (const node of entry.cohort ?? facts.chargedWith.keys()) {
    const charged = facts.chargedWith.get(node);
    const before = charged?.[entry.release];
    if (charged !== undefined && before !== undefined) charged[entry.release] = before + 1;
  }
}
