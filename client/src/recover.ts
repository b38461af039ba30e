/**
 * `tributary node recover`: makes an old backup usable again, by counting everything that this node may have spent since it was made.
 *
 *   whole ledger, verified ─▶ peers confirm that it is whole ─▶ charges, votes, round number into node.sqlite ─▶ round secrets erased
 *
 * What is counted is final and at most too much. It may be repeated: a second time there is nothing left to count.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fail, isTributaryError } from "@tributary/errors";
import { type Charge, type Confirmation, decodeNodeState, forkOfLines, recoverCharges } from "@tributary/federation";
import { lineHash, parseLine, verifyLedger } from "@tributary/ledger";
import { fingerprintOf } from "@tributary/protocol";
import { budgetOf, type NodeBudget } from "./budget.ts";
import { joinCharges } from "./charges.ts";
import { removeFile } from "./home/durable.ts";
import { type Layout, makeFolders } from "./home/layout.ts";
import { openLedgerCopy } from "./home/ledger-copy.ts";
import { lockHome } from "./home/lock.ts";
import { type Home, withHome } from "./home/open.ts";
import { readPolicy } from "./home/policy.ts";
import { nodePolicyOf } from "./policy-document.ts";
import { beginState } from "./running/begin-state.ts";
import { type AskHeads, confirmWithPeers } from "./running/confirm.ts";
import type { Transport } from "./running/start.ts";
import { withoutSelections } from "./selected-parts.ts";
import { shareBudget } from "./shared-budget/share.ts";
import { connectHttp } from "./transport/http.ts";
import type { CoordinatorClient } from "./transport/requests.ts";
import { connectSocket } from "./transport/socket.ts";

export interface Recovered {
  /** Rounds that are counted now and were not before. */
  readonly rounds: readonly number[];
  /** How many peers confirmed the ledger, and how many entries it has. */
  readonly heads: number;
  readonly entries: number;
  readonly budget: NodeBudget;
}

/** How long the coordinator may take to accept the connection, in milliseconds. */
const patience = 30_000;

/**
 * @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_BUSY, TRB_NODE_COORDINATOR_UNREACHABLE, TRB_NODE_LEDGER_INVALID, TRB_NODE_LEDGER_FORKED,
 *   TRB_NODE_LEDGER_WITHHELD, TRB_NODE_PEERS_MISSING
 */
export function recoverNode(options: { readonly home: string }): Promise<Recovered> {
  return recoverOver(options, { connectHttp, connectSocket });
}

/** The same, with the coordinator reached as a test wants it. */
export function recoverOver({ home }: { readonly home: string }, transport: Transport): Promise<Recovered> {
  return withHome(home, async (opened) => {
    makeFolders(opened.layout);
    const lock = lockHome(opened.layout);
    const client = transport.connectHttp(opened.membership.url, opened.membership);
    try {
      return await recover(opened, client, transport);
    } finally {
      await client.close();
      lock.release();
    }
  });
}

async function recover(home: Home, client: CoordinatorClient, transport: Transport): Promise<Recovered> {
  const { layout, database, plan, membership } = home;
  let lines = await wholeLedger(home, client);
  const [first] = lines;
  if (first === undefined) return { rounds: [], heads: 0, entries: 0, budget: budgetOf(home) }; // it hasn't begun
  const founding = beginState(home, nodePolicyOf(withoutSelections(readPolicy(layout), home)), first);

  const copy = {
    lines: () => lines,
    head: () => ({ entries: lines.length, hash: lineHash(home.crypto, lines.at(-1) ?? "") }),
    append: () => undefined,
  };
  const confirmation = await whileConnected(home, transport, (ask) =>
    confirmWithPeers(home, copy, founding, ask, async () => {
      lines = await wholeLedger(home, client);
    }),
  );

  const before = storedRounds(home);
  const { charges, votes, lastRound } = recoverCharges(
    lines.map(parseLine),
    { self: membership.node, plan },
    before,
    confirmation.round,
  );
  for (const charge of [...before.charges, ...charges]) {
    database.charge({ ...charge, standing: "open" });
    if (charge.standing !== "open") database.settle(charge.round, charge.standing, charge.settledAt);
  }
  for (const vote of votes) database.recallVote(vote);
  database.reachRound(lastRound);
  // other homes hear of it before this one takes part again
  const share = shareBudget(home);
  try {
    share.follow(readPolicy(layout), database.charges());
  } finally {
    share.close();
  }
  if (charges.length > 0 || lastRound > before.lastRound) eraseRounds(layout); // secrets of rounds that are over long since
  return {
    rounds: charges.map(({ round }) => round),
    heads: confirmation.heads,
    entries: lines.length,
    budget: budgetOf(home),
  };
}

/** Verified as an auditor would, by the key that the invite named; this home's own copy is its beginning. */
async function wholeLedger({ layout, membership, crypto }: Home, client: CoordinatorClient): Promise<string[]> {
  const lines = await client.ledger(0);
  if (lines.length > 0) {
    const key = fingerprintOf(crypto, membership.coordinatorKey);
    const { failures } = verifyLedger(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")), { crypto, key });
    const [failure] = failures;
    if (failure !== undefined) throw fail("TRB_NODE_LEDGER_INVALID", { entry: failure.entry, reason: failure.code });
  }
  const own = openLedgerCopy(layout).lines();
  const other = own.findIndex((line, place) => line !== lines[place]);
  const held = own[other];
  if (held !== undefined) throw forkOfLines(other, { own: held, shown: lines[other] }, membership.coordinatorKey, crypto);
  return lines;
}

/** Connects as this node for one question. Rounds that are offered meanwhile are refused. */
async function whileConnected(
  { membership, identity }: Home,
  transport: Transport,
  work: (ask: AskHeads) => Promise<Confirmation>,
): Promise<Confirmation> {
  const { url, federation, node } = membership;
  const connected = Promise.withResolvers<void>();
  const timer = setTimeout(
    () => connected.reject(fail("TRB_NODE_COORDINATOR_UNREACHABLE", { url, reason: "no connection" })),
    patience,
  );
  const socket = transport.connectSocket(
    { url, federation, node, sign: identity.sign, channel: membership },
    {
      connected: () => connected.resolve(),
      disconnected: () => undefined,
      message: () => Promise.reject(fail("TRB_NODE_CLOSED")),
      ledger: () => undefined,
      head: () => undefined,
      refused: (error) => connected.reject(error),
    },
  );
  try {
    await connected.promise;
    return await work((nonce, peers) => socket.heads(nonce, peers));
  } finally {
    clearTimeout(timer);
    socket.close();
  }
}

/** What this home remembers, whichever of its two files has more. */
function storedRounds({ layout, database }: Home): { readonly charges: readonly Charge[]; readonly lastRound: number } {
  const state = storedState(layout);
  const charges = joinCharges(database.charges(), state?.charges ?? []);
  const numbers = [database.lastRound(), state?.lastRound ?? 0, ...charges.map(({ round }) => round)];
  return { charges, lastRound: Math.max(...numbers) };
}

function storedState(layout: Layout) {
  if (!existsSync(layout.state)) return undefined;
  try {
    return decodeNodeState(readFileSync(layout.state, "utf8"));
  } catch (error) {
    if (isTributaryError(error)) return undefined; // another version's, or torn: node.sqlite has the charges
    throw error;
  }
}

function eraseRounds({ rounds }: Layout): void {
  for (const name of readdirSync(rounds)) if (name !== "CACHEDIR.TAG") removeFile(join(rounds, name));
}
