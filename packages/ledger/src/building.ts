/** How an entry is made: placed after the head, signed by the coordinator, written as one canonical line. */
import { type Crypto, canonicalBytes, type Sha256, type Signer, signDocument, toHex } from "@tributary/protocol";
import { type Entry, type EntryKind, type EntryOf, entrySchema, type LedgerHead } from "./entries.ts";

/** Hash before the first entry. */
const noHash = "0".repeat(64) as Sha256;

/** Where a ledger without entries stands. */
export const emptyHead: LedgerHead = { entries: 0, hash: noHash };

/** The two fields that place an entry after a head. */
export function placeAfter(head: LedgerHead): Pick<Entry, "index" | "previous"> {
  return { index: head.entries, previous: head.hash };
}

/** An entry without what signing adds. */
export type UnsignedEntry<Kind extends EntryKind> = Omit<EntryOf<Kind>, "signature" | "kind"> & { readonly kind: Kind };

export interface SignedEntry<Kind extends EntryKind> {
  readonly entry: EntryOf<Kind>;
  /** Canonical, without its `\n`. */
  readonly line: string;
  /** Where the ledger stands once the line is in it. */
  readonly head: LedgerHead;
}

/**
 * Signs an entry with the coordinator's identity key.
 * @throws TRB_CANONICAL_UNSUPPORTED for a value that no line can hold
 */
export function signEntry<Kind extends EntryKind>(
  context: Signer & { readonly crypto: Pick<Crypto, "sha256"> },
  unsigned: UnsignedEntry<Kind>,
): SignedEntry<Kind> {
  const entry = entrySchema.parse(signDocument(context, unsigned)) as EntryOf<Kind>;
  const line = new TextDecoder().decode(canonicalBytes(entry));
  return { entry, line, head: headAfter(context.crypto, { entries: entry.index, hash: entry.previous }, line) };
}

/** SHA-256 of a line without its `\n`. */
export function lineHash(crypto: Pick<Crypto, "sha256">, line: string): Sha256 {
  return toHex(crypto.sha256(new TextEncoder().encode(line))) as Sha256;
}

/** Where the ledger stands after one more line. */
export function headAfter(crypto: Pick<Crypto, "sha256">, head: LedgerHead, line: string): LedgerHead {
  return { entries: head.entries + 1, hash: lineHash(crypto, line) };
}
