/**
 * What is fuzzed: one parser, with what it is fed at first and what must hold whatever it is fed.
 *
 * What must hold of every target stands in `oracle.ts`: a refusal carries a code of the one table, nothing is changed for others, and a small input takes
 * neither long nor much memory. A target adds what it knows: that what was read is written and read again as the same, and that a second reader agrees.
 */
import { isTributaryError } from "@tributary/errors";
import type { Choices } from "./choices.ts";

export interface Target {
  /** Of one word or several with hyphens: it names folders. */
  readonly name: string;
  /** What is parsed, in a few words: "ledger.jsonl: verifier, statement". */
  readonly parses: string;
  /** Made by the project's own writers; valid, or near it. */
  readonly seeds: () => readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /** Words of the format that chance would not find. */
  readonly dictionary?: readonly string[];
  /** A document changed as the choices say and written so that it gets past checksums, seals and signatures. */
  readonly structured?: (choices: Choices) => Uint8Array;
  /** Longest input, in bytes. Default 4096. */
  readonly longest?: number;
  /** Seconds of the processor's that one input may take. Default 1. */
  readonly seconds?: number;
  /** Memory that one input may take, or leave to the next collection of garbage, in MiB. Default 96. */
  readonly mebibytes?: number;
  /** How many changed inputs `pnpm test` feeds it. Default 200. */
  readonly smoke?: number;
  /** Parses these bytes. Throws what is wrong with the parser, see `must`; refusals by code may be thrown as well. */
  readonly fuzz: (bytes: Uint8Array) => void | Promise<void>;
}

export const defaultLongest = 4096;

/** @throws if what must hold doesn't */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`must hold: ${what}`);
}

/** What the parser returns, or the code that it refuses with. @throws whatever is no coded error */
export function verdictOf<Value>(parse: () => Value): { readonly value: Value } | { readonly code: string } {
  try {
    return { value: parse() };
  } catch (error) {
    if (isTributaryError(error)) return { code: error.code };
    throw error;
  }
}

/** As `verdictOf`, of a parser that takes its time. */
export async function verdictLater<Value>(
  parse: () => Promise<Value>,
): Promise<{ readonly value: Value } | { readonly code: string }> {
  try {
    return { value: await parse() };
  } catch (error) {
    if (isTributaryError(error)) return { code: error.code };
    throw error;
  }
}

const encoder = new TextEncoder();

export const textBytes = (text: string): Uint8Array => encoder.encode(text);

/** As parsers at borders see text: octets that are no UTF-8 become U+FFFD. */
export const lenientText = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);

/** The JSON in these bytes; undefined for none, which the caller's own reader refuses elsewhere. */
export function jsonIn(bytes: Uint8Array): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(lenientText(bytes)) };
  } catch {
    return undefined;
  }
}
