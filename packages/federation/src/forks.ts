/** Two ledgers where there should be one: at which entry, and who signed which of the two. What a node says of it is what it shows to the other merchants. */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { lineHash, parseLine } from "@tributary/ledger";
import { type Crypto, type HeadStatement, type IdentityKey, type Sha256, verifyDocument } from "@tributary/protocol";

/**
 * One entry, two lines: the coordinator's key is under the one that this node took in, and, if it is, under the other.
 * @param lines.shown undefined where the coordinator shows no such entry any more
 */
export function forkOfLines(
  entry: number,
  lines: { readonly own: string; readonly shown: string | undefined },
  coordinator: IdentityKey,
  crypto: Crypto,
): TributaryError {
  const own = lineHash(crypto, lines.own);
  if (lines.shown === undefined) {
    const found = `this node's copy has ${own}, and the coordinator shows none`;
    return fail("TRB_NODE_LEDGER_FORKED", { entry, own, found });
  }
  const shown = lineHash(crypto, lines.shown);
  const [first, second] = [lines.own, lines.shown].map((line) => isSigned(line, coordinator, crypto));
  const found =
    first === true && second === true
      ? `the coordinator signed both ${own}, which this node's copy has, and ${shown}, which it shows now`
      : `this node's copy has ${own}, ${word(first)}; shown now is ${shown}, ${word(second)}`;
  return fail("TRB_NODE_LEDGER_FORKED", { entry, own, shown, found });
}

const word = (signed: boolean | undefined) =>
  signed === true ? "signed by the coordinator" : "which the coordinator did not sign";

function isSigned(line: string, key: IdentityKey, crypto: Crypto): boolean {
  try {
    return verifyDocument(crypto, parseLine(line), key);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    return false;
  }
}

/**
 * Peers hold other entries than the coordinator shows. Every peer is named with what it signed, those who agree as well.
 * @param heads genuine ones, none of more entries than are shown
 * @returns undefined where all of them agree
 */
export function forkOfHeads(
  hashAfter: (entries: number) => Sha256,
  heads: readonly HeadStatement[],
): TributaryError | undefined {
  const others = heads.filter(({ entries, head }) => hashAfter(entries) !== head);
  const [first] = others.toSorted((a, b) => a.entries - b.entries);
  if (first === undefined) return undefined;
  const agreeing = heads.filter((head) => !others.includes(head)).map(({ node, entries }) => `${node} (${entries} entries)`);
  const signed = others.map(({ node, entries, head }) => `${node} signed ${head} after ${entries} entries`);
  const shown = hashAfter(first.entries);
  const found = [
    `the coordinator shows this node ${shown} after ${first.entries} entries`,
    ...signed,
    ...(agreeing.length === 0 ? [] : [`what this node is shown is what ${agreeing.join(", ")} signed`]),
  ].join("; ");
  const details = { entry: first.entries - 1, shown, others: others.map(({ node }) => node), agreeing, found };
  return fail("TRB_NODE_LEDGER_FORKED", details);
}
