/**
 * A proof to hand on: that a line is an entry of a ledger, for somebody who has no ledger. It carries the line, its path to the root over the first `size` lines, and,
 * where there is one, the entry that comes after them, whose `tree` is that root under the coordinator's signature.
 *
 *   line ── path ──▶ root  =  tree of entry `size` ◀── signature ── the coordinator's key ◀── fingerprint, known from elsewhere
 */
import { fail, isTributaryError } from "@tributary/errors";
import {
  type Crypto,
  fingerprintOf,
  identityKey,
  parseWith,
  type Sha256,
  sha256Hex,
  verifyDocument,
} from "@tributary/protocol";
import { z } from "zod";
import { decodeLine, lineReader, parseLine } from "../parsing.ts";
import { leafHash, rootOf, withLeaf } from "./hashing.ts";
import { includes, inclusionOf } from "./proofs.ts";

const lineText = z.string().max(16_000_000);

const entryProofSchema = z.strictObject({
  version: z.literal(1),
  /** Of the entry, counted from 0. */
  index: z.int().min(0),
  size: z.int().min(1),
  /** From the leaf's sibling upwards. */
  path: z.array(sha256Hex).max(64),
  /** Over the first `size` lines. */
  root: sha256Hex,
  line: lineText,
  /** The line of entry `size`; null where the ledger ends before it: then the root is to be known from elsewhere. */
  signedBy: lineText.nullable(),
  coordinatorKey: identityKey,
});
export type EntryProof = z.infer<typeof entryProofSchema>;

/**
 * @param chunks of the ledger's file, cut anywhere; 64 bytes for each line are kept
 * @param size how many lines the root is over; unless given, all but the last, so that the last one's signature is over it, or all where the entry is the last
 * @throws TRB_LEDGER_PROOF_IMPOSSIBLE, and what a line is refused for
 */
export async function proveEntry(
  crypto: Pick<Crypto, "sha256">,
  chunks: AsyncIterable<Uint8Array>,
  index: number,
  size?: number,
): Promise<EntryProof> {
  const leaves: Sha256[] = [];
  let [line, signedBy, last, first]: (string | undefined)[] = [];
  const lines = lineReader((bytes) => {
    if (bytes === "too long") throw fail("TRB_LEDGER_LINE_INVALID", { path: "the line", reason: "it is too long" });
    const text = decodeLine(bytes);
    first ??= text;
    if (leaves.length === index) line = text;
    if (leaves.length === size) signedBy = text;
    last = text;
    leaves.push(leafHash(crypto, text));
  });
  for await (const chunk of chunks) lines.take(chunk);
  if (!lines.end()) throw fail("TRB_LEDGER_UNTERMINATED");
  const entries = leaves.length;
  const over = size ?? (index === entries - 1 ? entries : entries - 1);
  if (line === undefined || over > entries || index >= over) {
    throw fail("TRB_LEDGER_PROOF_IMPOSSIBLE", { index, size: over, entries });
  }
  if (size === undefined && over === entries - 1) signedBy = last;
  const genesis = parseLine(first ?? "");
  if (genesis.kind !== "genesis") throw fail("TRB_LEDGER_NO_GENESIS");
  const within = leaves.slice(0, over);
  const root = rootOf(
    crypto,
    within.reduce<readonly Sha256[]>((frontier, leaf, place) => withLeaf(crypto, frontier, place, leaf), []),
  );
  const { path } = inclusionOf(crypto, within, index);
  const { coordinatorKey } = genesis;
  return { version: 1, index, size: over, path: [...path], root, line, signedBy: signedBy ?? null, coordinatorKey };
}

export interface EntryProofVerdict {
  /** The line is the entry at the proof's index of the ledger with the proof's root. */
  readonly included: boolean;
  /** What makes the root one to rely on; `nothing`: it is only what the proof says of itself. */
  readonly root: "known" | "signed" | "nothing";
  readonly trust: "pinned" | "unpinned";
  /** Fingerprint. */
  readonly key: Sha256;
  readonly index: number;
  readonly size: number;
  /** Why not. */
  readonly reasons: readonly string[];
}

/**
 * @param known what is known from elsewhere: the root over so many lines, the coordinator's fingerprint; hex in either case
 * @throws TRB_LEDGER_PROOF_INVALID for what is no proof at all
 */
export function checkEntryProof(
  crypto: Crypto,
  document: unknown,
  known: { readonly root?: string; readonly key?: string } = {},
): EntryProofVerdict {
  const proof = parseWith(entryProofSchema, document, "TRB_LEDGER_PROOF_INVALID");
  const key = fingerprintOf(crypto, proof.coordinatorKey);
  const reasons: string[] = [];
  if (!includes(crypto, proof.line, proof, proof.root)) reasons.push("the path doesn't lead from the line to the root");
  const [entry, witness] = [proof.line, proof.signedBy].map((line) => (line === null ? null : readable(line, reasons)));
  for (const signed of [entry, witness]) {
    if (signed && !verifyDocument(crypto, signed, proof.coordinatorKey))
      reasons.push(`entry ${signed.index} has no valid signature`);
  }
  if (entry && entry.index !== proof.index) reasons.push("the line says another index");
  if (witness && (witness.index !== proof.size || witness.tree !== proof.root))
    reasons.push("the entry after it has another tree");
  if (known.root !== undefined && known.root.toLowerCase() !== proof.root)
    reasons.push("the root is not the one that is known");
  if (known.key !== undefined && known.key.toLowerCase() !== key) reasons.push("the key is not the one that is known");
  return {
    included: reasons.length === 0,
    root: known.root !== undefined ? "known" : witness ? "signed" : "nothing",
    trust: known.key === undefined ? "unpinned" : "pinned",
    ...{ key, index: proof.index, size: proof.size, reasons },
  };
}

function readable(line: string, reasons: string[]) {
  try {
    return parseLine(line);
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    reasons.push(`${error.code}: ${error.message}`);
    return null;
  }
}
