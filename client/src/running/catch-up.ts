/**
 * Comparing the coordinator's ledger with the node's own copy, and taking over what is new.
 *
 * The last line that both hold must be the same line (the chain covers everything before it). New lines that show this node in a
 * round that it doesn't remember mean that its store is an old backup: it can't know what it spent (DESIGN §5).
 */
import { fail } from "@tributary/errors";
import { forgottenRound, forkOfLines } from "@tributary/federation";
import { parseLine, rosterChangesIn } from "@tributary/ledger";
import type { Plan } from "@tributary/protocol";
import type { NodeDatabase } from "../home/database.ts";
import type { CoordinatorClient, RetryOptions } from "../transport/requests.ts";
import type { Party } from "./begin-state.ts";
import type { LedgerCopy } from "./ledger-chain.ts";

/**
 * Lines that the coordinator has and the copy lacks.
 * @throws TRB_NODE_LEDGER_FORKED when the two don't share the copy's last line
 */
export async function fetchNewLines(
  { membership, crypto }: Party,
  copy: LedgerCopy,
  client: CoordinatorClient,
  options?: RetryOptions,
): Promise<string[]> {
  const own = copy.lines();
  const last = own.length - 1;
  const theirs = await client.ledger(Math.max(0, last), options);
  if (last < 0) return theirs;
  const lines = { own: own[last] ?? "", shown: theirs[0] };
  if (lines.own !== lines.shown) throw forkOfLines(last, lines, membership.coordinatorKey, crypto);
  return theirs.slice(1);
}

export interface RoundsRemembered {
  readonly database: Pick<NodeDatabase, "lastRound" | "remembersVote">;
  /** What the store is called in the refusal. */
  readonly layout: { readonly home: string };
}

/**
 * @param from the lines from the ledger's first on, of which the genesis entry is needed
 * @throws TRB_NODE_STALE_STORE when one of the lines shows this node in a round that its store doesn't remember
 */
export function requireRemembered(
  { membership, plan, database, crypto, layout }: Party & RoundsRemembered & { readonly plan: Plan },
  from: readonly string[],
  lines: readonly string[],
): void {
  const genesis = [...from.slice(0, 1), ...lines.slice(0, 1)].map(parseLine).find(({ kind }) => kind === "genesis");
  if (genesis?.kind !== "genesis") return; // the federation hasn't begun
  const member = { self: membership.node, plan, roster: genesis.roster, rosterChanges: rosterChangesIn([...from, ...lines]) };
  const memory = { lastRound: database.lastRound(), remembersVote: database.remembersVote };
  for (const line of lines) {
    const round = forgottenRound(parseLine(line), member, memory, crypto);
    if (round !== undefined) throw fail("TRB_NODE_STALE_STORE", { round, home: layout.home });
  }
}
