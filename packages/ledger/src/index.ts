/** Room 7. Releases to signed, hash-chained evidence. */
export { type Entry, type EntryKind, type EntryOf, entrySchema, type LedgerHead } from "./entries.ts";
