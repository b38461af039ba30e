/**
 * Who signed what an entry says: the coordinator the whole of it, the nodes their votes, the head that they had taken in, and their notes. A check of
 * signatures needs the founding and the entry alone, so the entries of a long ledger are checked in any order, on several threads.
 */
import {
  type BodyOf,
  baseVersion,
  type Crypto,
  type IdentityKey,
  type MessageOf,
  type NodeId,
  type Sha256,
  survivorChoice,
  verifyDocument,
  verifyErasure,
  verifyMessage,
  verifyTakenIn,
} from "@tributary/protocol";
import type { Entry, EntryOf } from "../entries.ts";
import { type Failure, type Founding, type Report, reporter } from "./state.ts";

type Verifying = Pick<Crypto, "verify" | "sha256">;

/** Whose keys an entry is held to: the first entry, for one, with the roster of the entry's round. */
export type Signatories = Founding & { readonly coordinatorKey: IdentityKey };

/** What of the signatures in one line doesn't hold. @param line of a form that was found to hold */
export function signatureFailures(
  line: string,
  place: number,
  signatories: Signatories,
  crypto: Verifying,
  whose: "all" | "coordinator" = "all",
): Failure[] {
  const failures: Failure[] = [];
  const report = reporter(place, failures);
  const entry = JSON.parse(line) as Entry;
  checkCoordinator(entry, signatories.coordinatorKey, crypto, report);
  if (whose === "all") checkNodes(entry, signatories, crypto, report);
  return failures;
}

/** The coordinator's, over the canonical bytes of everything else in the entry. */
export function checkCoordinator(entry: Entry, key: IdentityKey, crypto: Verifying, report: Report): void {
  if (!verifyDocument(crypto, entry, key)) report("TRB_LEDGER_SIGNATURE_INVALID");
}

/** All the nodes' in an entry. Whether they are the right nodes is not asked here; who is not in the roster can't have signed. */
export function checkNodes(entry: Entry, founding: Founding, crypto: Verifying, report: Report): void {
  switch (entry.kind) {
    case "round": {
      const { cohort, sharers, survivors, h1 } = entry;
      const choice = survivorChoice(crypto, founding.plan, cohort.length, sharers, survivors);
      checkVotes(entry, h1, choice, founding, crypto, report);
      checkHeads(entry, founding, crypto, report);
      return;
    }
    case "aborted":
      if (entry.h1 !== null) checkVotes(entry, entry.h1, { for: "abort" }, founding, crypto, report);
      return;
    case "erasure":
      checkErasureNote(entry, founding, crypto, report);
      return;
    default: // no node's word is in it, or it is held to the key that stood before (`roster.ts`)
  }
}

/** Rebuilds each vote message, whose bytes follow from the entry, and checks its signature with the roster's key. */
function checkVotes(
  { votes, planHash, modelHash, round, protocol: version = baseVersion }: EntryOf<"round"> | EntryOf<"aborted">,
  h1: Sha256,
  choice: BodyOf<"vote">["choice"],
  founding: Founding,
  crypto: Verifying,
  report: Report,
): void {
  const header = { version, federation: founding.plan.federation, planHash, modelHash, round };
  for (const { node, signature } of votes) {
    const key = keyOf(founding, node);
    const vote: MessageOf<"vote"> = { ...header, sender: node, step: "vote", body: { h1, choice }, signature };
    if (key !== undefined && verifyMessage(crypto, vote, key)) continue;
    const reason = `the signature of ${node} is not valid for what the entry says`;
    report("TRB_LEDGER_VOTES_INVALID", { reason });
  }
}

/** Each node of a round had taken in every entry before it. */
function checkHeads({ heads, index, previous }: EntryOf<"round">, founding: Founding, crypto: Verifying, report: Report): void {
  const { federation } = founding.plan;
  for (const { node, signature } of heads) {
    const key = keyOf(founding, node);
    const head = { node, entries: index, head: previous, signature };
    if (key !== undefined && verifyTakenIn(crypto, federation, head, key)) continue;
    report("TRB_LEDGER_HEADS_INVALID", { reason: `${node} did not countersign the entries before this one` });
  }
}

function checkErasureNote(
  { node, on, nodeSignature: signature }: EntryOf<"erasure">,
  founding: Founding,
  crypto: Verifying,
  report: Report,
): void {
  const key = keyOf(founding, node);
  if (key !== undefined && verifyErasure(crypto, founding.plan.federation, { node, on, signature }, key)) return;
  report("TRB_LEDGER_ERASURE_INVALID", { reason: `${node} did not sign it` });
}

/** Rounds between two changes have one roster, and every entry asks for its keys. */
const keysOf = new WeakMap<Founding["roster"], ReadonlyMap<NodeId, IdentityKey>>();

function keyOf({ roster }: Founding, node: NodeId): IdentityKey | undefined {
  const known = keysOf.get(roster) ?? new Map(roster.map((member) => [member.node, member.key]));
  keysOf.set(roster, known);
  return known.get(node);
}
