/**
 * Comparing the coordinator's ledger with the node's own copy, and taking over what is new.
 *
 * The last line that both hold must be the same line (the chain covers everything before it). New lines that hold this node's own
 * signature under a vote that it doesn't remember mean that its store is an old backup: it can't know what it spent (DESIGN §5).
 */
import { fail } from "@tributary/errors";
import { type Entry, parseLine } from "@tributary/ledger";
import { baseVersion, type Message, verifyMessage } from "@tributary/protocol";
import type { LedgerCopy } from "../home/ledger-copy.ts";
import type { Home } from "../home/open.ts";
import type { CoordinatorClient, RetryOptions } from "../transport/http.ts";

/**
 * Lines that the coordinator has and the copy lacks.
 * @throws TRB_NODE_LEDGER_FORKED when the two don't share the copy's last line
 */
export async function fetchNewLines(copy: LedgerCopy, client: CoordinatorClient, options?: RetryOptions): Promise<string[]> {
  const own = copy.lines();
  const last = own.length - 1;
  const theirs = await client.ledger(Math.max(0, last), options);
  if (last < 0) return theirs;
  if (theirs[0] !== own[last]) throw fail("TRB_NODE_LEDGER_FORKED", { entry: last });
  return theirs.slice(1);
}

/** @throws TRB_NODE_STALE_STORE */
export function requireRemembered(home: Home, lines: readonly string[]): void {
  for (const line of lines) {
    const entry = parseLine(line);
    if (entry.kind === "round" && holdsForgottenVote(home, entry)) {
      throw fail("TRB_NODE_STALE_STORE", { round: entry.round, home: home.layout.home });
    }
  }
}

function holdsForgottenVote(
  { membership, database, identity, crypto }: Home,
  entry: Extract<Entry, { kind: "round" }>,
): boolean {
  const own = entry.votes.find(({ node }) => node === membership.node);
  if (own === undefined || database.remembersVote(entry.round, own.signature)) return false;
  const vote: Message = {
    version: entry.protocol ?? baseVersion,
    federation: membership.federation,
    planHash: entry.planHash,
    modelHash: entry.modelHash,
    round: entry.round,
    sender: membership.node,
    step: "vote",
    body: { h1: entry.h1, choice: { for: "survivors", sharers: entry.sharers, survivors: entry.survivors } },
    signature: own.signature,
  };
  return verifyMessage(crypto, vote, identity.key); // a forged one is the reducer's to refuse
}
