/**
 * Inputs of two kinds. The first octet says which: even, and the rest is what the parser is fed, as libFuzzer mutates it; odd, and the rest is a row of
 * choices by which a target changes a valid document and writes it, so that mutations reach behind JSON parsers, checksums and signatures.
 */

/** Draws from an input's octets; behind their end everything is 0, so that every row of choices means something. */
export interface Choices {
  /** Whole, from 0 to below the bound; the bound is at most 65536. */
  readonly below: (bound: number) => number;
  readonly of: <Item>(items: readonly Item[]) => Item;
  /** Octets as they stand, fewer at the end. */
  readonly octets: (count: number) => Uint8Array;
  readonly left: () => number;
}

export function choicesOf(bytes: Uint8Array): Choices {
  let at = 0;
  const below = (bound: number): number => {
    let value = bytes[at++] ?? 0;
    if (bound > 256) value += 256 * (bytes[at++] ?? 0);
    return bound <= 1 ? 0 : value % bound;
  };
  return {
    below,
    of: (items) => {
      const item = items[below(items.length)];
      if (item === undefined && items.length === 0) throw new Error("nothing to choose from");
      return item as (typeof items)[number];
    },
    octets: (count) => {
      const taken = bytes.slice(at, at + count);
      at += count;
      return taken;
    },
    left: () => Math.max(0, bytes.length - at),
  };
}

/** @returns what the parser is fed */
export function fedBy(input: Uint8Array, structured: ((choices: Choices) => Uint8Array) | undefined): Uint8Array {
  const rest = input.subarray(1);
  return structured !== undefined && (input[0] ?? 0) % 2 === 1 ? structured(choicesOf(rest)) : rest;
}

/** The input by which a parser is fed these bytes. */
export function inputOf(fed: Uint8Array): Uint8Array {
  const input = new Uint8Array(fed.length + 1);
  input.set(fed, 1);
  return input;
}
