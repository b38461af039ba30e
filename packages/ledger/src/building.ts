/** How an entry is made: placed after the head, signed by the coordinator, written as one canonical line. */
import { type Crypto, canonicalBytes, type Sha256, type Signer, signDocument, toHex } from "@tributary/protocol";
import { type Entry, type EntryKind, type EntryOf, entrySchema, type LedgerHead } from "./entries.ts";
import { leafHash, rootOf, withLeaf } from "./tree/hashing.ts";

type Hashing = Pick<Crypto, "sha256">;

/** Hash before the first entry. */
const noHash = "0".repeat(64) as Sha256;

/** Where a ledger without entries stands. */
export const emptyHead: LedgerHead = { entries: 0, hash: noHash, frontier: [] };

/** The three fields that place an entry after a head. */
export function placeAfter(crypto: Hashing, head: LedgerHead): Pick<Entry, "index" | "previous" | "tree"> {
  return { index: head.entries, previous: head.hash, tree: rootOf(crypto, head.frontier) };
}

/** An entry without what signing adds. */
export type UnsignedEntry<Kind extends EntryKind> = Omit<EntryOf<Kind>, "signature" | "kind"> & { readonly kind: Kind };

export interface SignedEntry<Kind extends EntryKind> {
  readonly entry: EntryOf<Kind>;
  /** Canonical, without its `\n`. */
  readonly line: string;
}

/** An entry that a ledger ends with. */
export interface WrittenEntry<Kind extends EntryKind> extends SignedEntry<Kind> {
  /** Where the ledger stands once the line is in it. */
  readonly head: LedgerHead;
}

/**
 * Signs an entry with the coordinator's identity key.
 * @throws TRB_CANONICAL_UNSUPPORTED for a value that no line can hold
 */
export function signEntry<Kind extends EntryKind>(signer: Signer, unsigned: UnsignedEntry<Kind>): SignedEntry<Kind> {
  const entry = entrySchema.parse(signDocument(signer, unsigned)) as EntryOf<Kind>;
  return { entry, line: new TextDecoder().decode(canonicalBytes(entry)) };
}

/** Who writes entries: a reducer's `Context` is one. */
export interface Writer extends Signer {
  readonly crypto: Hashing;
  /** RFC 3339 time in UTC. */
  readonly now: string;
  /** What the writer says that it runs. */
  readonly software: Sha256;
}

/** What an entry says, without what writing adds. */
export type EntryContent<Kind extends EntryKind> = Omit<
  UnsignedEntry<Kind>,
  "index" | "previous" | "tree" | "at" | "software"
> & { readonly kind: Kind };

/**
 * Places, dates and signs the next entry.
 * @param notBefore when the entry before it was written: a clock that was set back doesn't show
 * @throws TRB_CANONICAL_UNSUPPORTED
 */
export function writeAfter<Kind extends EntryKind>(
  writer: Writer,
  head: LedgerHead,
  content: EntryContent<Kind>,
  notBefore: string = writer.now,
): WrittenEntry<Kind> {
  const { crypto, now, software } = writer;
  const at = Date.parse(now) < Date.parse(notBefore) ? notBefore : now;
  const placed = { ...placeAfter(crypto, head), at, software, ...content } as unknown as UnsignedEntry<Kind>;
  const { entry, line } = signEntry(writer, placed);
  return { entry, line, head: headAfter(crypto, head, line) };
}

/** SHA-256 of a line without its `\n`. */
export function lineHash(crypto: Hashing, line: string): Sha256 {
  return toHex(crypto.sha256(new TextEncoder().encode(line))) as Sha256;
}

/** Where the ledger stands after one more line. */
export function headAfter(crypto: Hashing, { entries, frontier }: LedgerHead, line: string): LedgerHead {
  return {
    entries: entries + 1,
    hash: lineHash(crypto, line),
    frontier: withLeaf(crypto, frontier, entries, leafHash(crypto, line)),
  };
}
