/**
 * Before a node takes part in a first round after its start, enough peers confirm that the coordinator shows the whole ledger
 * (`stale-store.ts` of `@tributary/federation`): else a store from an old backup would pay for rounds a second time.
 */
import { isTributaryError } from "@tributary/errors";
import {
  type Confirmation,
  confirmLedger,
  countedPeers,
  knownRound,
  type NodeState,
  type ShownLedger,
} from "@tributary/federation";
import { emptyHead, lineHash } from "@tributary/ledger";
import { type Crypto, type HeadStatement, type NodeId, type Signer, signHead } from "@tributary/protocol";
import { freshNonce, randomBelow } from "../random.ts";
import type { Party } from "./begin-state.ts";
import type { LedgerCopy } from "./ledger-chain.ts";

export type AskHeads = (nonce: string, peers: readonly NodeId[]) => Promise<readonly HeadStatement[]>;

/** Peers asked beyond twice as many as must answer: large federations don't ask everybody for everybody's sake. */
const sparePeers = 8;

/**
 * Asks peers, with a fresh nonce, and compares: some at random, and all of them where too few of those answer.
 * @throws TRB_NODE_PEERS_MISSING, TRB_NODE_LEDGER_WITHHELD, TRB_NODE_LEDGER_FORKED
 */
async function askAndCompare(
  { crypto }: Pick<Party, "crypto">,
  copy: LedgerCopy,
  state: Pick<NodeState, "self" | "plan" | "roster" | "rosterChanges" | "settledRound" | "policy">,
  ask: AskHeads,
): Promise<Confirmation> {
  const peers = countedPeers(state, state.policy, crypto);
  const compare = async (asked: readonly NodeId[]) => {
    const nonce = freshNonce();
    const heads = await ask(nonce, asked);
    return confirmLedger(shownBy(copy, crypto), { nonce, heads }, state, crypto);
  };
  const some = sample(peers, 2 * (state.plan.maxCorrupt + 1) + sparePeers);
  try {
    return await compare(some);
  } catch (error) {
    const tooFew = isTributaryError(error) && error.code === "TRB_NODE_PEERS_MISSING";
    if (!tooFew || some.length === peers.length) throw error;
    return compare(peers);
  }
}

/** So many of them, uniformly: the one who passes questions on can't know who will be asked. */
export function sample(peers: readonly NodeId[], most: number): NodeId[] {
  const rest = [...peers];
  const drawn: NodeId[] = [];
  while (drawn.length < most && rest.length > 0) drawn.push(...rest.splice(randomBelow(rest.length), 1));
  return drawn;
}

/** The copy as peers' heads are held to it. A peer that is slower than this node states the head of an empty ledger. */
export function shownBy(copy: Pick<LedgerCopy, "lines">, crypto: Crypto): ShownLedger {
  const lines = copy.lines();
  const hashAfter = (entries: number) => {
    const line = lines[entries - 1];
    return line === undefined ? emptyHead.hash : lineHash(crypto, line);
  };
  return { entries: lines.length, hashAfter };
}

/**
 * The same, after one more look at the coordinator's ledger where a peer knows more: an entry may just have been written.
 * @param catchUp takes over what the coordinator's ledger has more
 * @throws TRB_NODE_PEERS_MISSING, TRB_NODE_LEDGER_WITHHELD, TRB_NODE_LEDGER_FORKED, and what `catchUp` throws
 */
export async function confirmWithPeers(
  home: Pick<Party, "crypto">,
  copy: LedgerCopy,
  state: Pick<NodeState, "self" | "plan" | "roster" | "rosterChanges" | "settledRound" | "policy">,
  ask: AskHeads,
  catchUp: () => Promise<void>,
): Promise<Confirmation> {
  try {
    return await askAndCompare(home, copy, state, ask);
  } catch (error) {
    if (!isTributaryError(error) || error.code !== "TRB_NODE_LEDGER_WITHHELD") throw error;
    await catchUp();
    return askAndCompare(home, copy, state, ask);
  }
}

/** What this node knows of the ledger, for a peer that asks. */
export function ownHead(
  { membership }: Pick<Party, "membership">,
  signer: Signer,
  copy: LedgerCopy,
  nonce: string,
  state: NodeState | undefined,
): HeadStatement {
  const { entries, hash } = copy.head();
  const { federation, node } = membership;
  return signHead(signer, federation, nonce, {
    node,
    entries,
    head: hash,
    round: state === undefined ? 0 : knownRound(state),
  });
}
