/** Everything random in a simulation follows from its seed: who does what when (`Chance`), and what parties draw for themselves (`stream`). */
import type { RandomSource } from "@tributary/dp";

/** A generator that decides what happens. */
export interface Chance {
  /** Uniform in [0, 1), with 32 bits. */
  number(): number;
  /** Uniform integer in [0, count). */
  below(count: number): number;
  happens(probability: number): boolean;
  /** Uniform in [least, most). */
  between(least: number, most: number): number;
  /** One of a list that isn't empty. */
  pick<Item>(list: readonly Item[]): Item;
  shuffled<Item>(list: readonly Item[]): Item[];
  /** Each item with this probability, in the list's order. */
  some<Item>(list: readonly Item[], probability: number): Item[];
  /** So many of them, in the list's order. */
  sample<Item>(list: readonly Item[], count: number): Item[];
}

export function chanceOf(label: string): Chance {
  const next = sfc32(label);
  const number = () => next() / 2 ** 32;
  const below = (count: number) => Math.floor(number() * count);
  const shuffled = <Item>(list: readonly Item[]): Item[] => {
    const keyed = list.map((item) => ({ item, key: next() }));
    return keyed.sort((a, b) => a.key - b.key).map(({ item }) => item);
  };
  return {
    number,
    below,
    happens: (probability) => number() < probability,
    between: (least, most) => least + number() * (most - least),
    pick<Item>(list: readonly Item[]): Item {
      const item = list[below(list.length)];
      if (item === undefined) throw new Error("nothing to pick from");
      return item;
    },
    shuffled,
    some: (list, probability) => list.filter(() => number() < probability),
    sample(list, count) {
      const chosen = new Set(shuffled(list).slice(0, count));
      return list.filter((item) => chosen.has(item));
    },
  };
}

/** What a party is handed as randomness: the same label gives the same bytes. */
export function stream(label: string): RandomSource {
  const next = sfc32(label);
  return {
    fill(out: Uint8Array) {
      for (let i = 0; i < out.length; i += 4) {
        const word = next();
        for (let j = 0; j < 4 && i + j < out.length; j++) out[i + j] = word >>> (8 * j);
      }
    },
  };
}

/**
 * Small fast counter, 32 bits at a time. Statistical quality is enough for choosing faults, and nothing here is secret.
 * Source: Chris Doty-Humphrey, PractRand, `sfc32`; the state is filled by FNV-1a of the label.
 */
function sfc32(label: string): () => number {
  let [a, b, c, counter] = [fnv(`${label} a`), fnv(`${label} b`), fnv(`${label} c`), 1];
  const next = () => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) next();
  return next;
}

function fnv(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
