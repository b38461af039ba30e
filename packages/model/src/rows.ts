/** Which row of the item table an item has: a public rule, the same everywhere and for ever. */
import type { ModelSpec } from "./spec.ts";

/**
 * Row of a catalogue number, both counted from 1; 0 (no item) stays 0. The first `spec.items` items have a row of their own;
 * the items beyond them, if the catalogue is larger than the table, share those rows by a fixed hash.
 */
export function itemRow(item: number, spec: ModelSpec): number {
  if (item <= spec.items) return item;
  return 1 + (scrambled(item) % spec.items);
}

/** MurmurHash3's 32-bit finaliser (Appleby, public domain): a bijection of 32-bit integers in which every bit matters. */
export function scrambled(value: number): number {
  let h = value | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
