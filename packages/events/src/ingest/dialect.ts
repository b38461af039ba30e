/**
 * What the cleaning query says differently to DuckDB and to PostgreSQL. All that a row means, and why it is dropped, is said once, in
 * `cleaning-query.ts`; a dialect only says how texts are read. `postgres/dialect.test.ts` holds both to the same events and counts.
 */
import type { FoundRoles } from "./cleaning-query.ts";

/** Roles that `Dialect.quick` may read as they stand: into `quick_item` and so on. */
export const quickRoles = ["item", "action", "time"] as const;
export type QuickRole = (typeof quickRoles)[number];

/** What a dialect makes of the columns `…_text` that the query has trimmed. */
export interface ReadingsOptions {
  readonly roles: FoundRoles;
  /** What every event is, where no column says: a place in `actions`. */
  readonly fixedAction: number;
  readonly timeFormats: readonly string[];
  /** Of times that don't say theirs. DuckDB has it in its session. */
  readonly timeZone: string;
  /** Whether there is a list of items; else every item is known, as number 1. */
  readonly catalogue: boolean;
  /** Roles of which `fields` has what `Dialect.quick` made of them, besides texts where it was not enough. */
  readonly quick: readonly QuickRole[];
}

export interface Dialect {
  /** An expression for a row's place, from 1, in order of arrival; none where the table that takes the rows numbers them itself. */
  readonly place: string | undefined;
  /** Types of small whole numbers, and of those up to 2³¹. */
  readonly small: string;
  readonly whole: string;
  /**
   * What a column is at once, as it stands: an expression that is NULL where that doesn't do. Only then has the row a text, and the text is looked at
   * closely; else `…_text` is NULL. Where nothing is named, all rows have texts.
   * @param column quoted
   */
  readonly quick?: (
    role: QuickRole,
    column: string,
    options: Pick<ReadingsOptions, "timeFormats" | "catalogue">,
  ) => string | undefined;
  /** A column as text without blanks around it, '' for NULL. @param column quoted */
  readonly trimmed: (column: string) => string;
  /** A number of any form as a double, NULL for a text that is none. */
  readonly double: (text: string) => string;
  /** Whether a text begins with an ASCII prefix, in any case. */
  readonly beginsWith: (text: string, prefix: string) => string;
  /** A text that ends in `.0` behind digits, without it. */
  readonly withoutFraction: (text: string) => string;
  /**
   * A query of all columns of `fields` and beside them `time` (Unix seconds), `action` and `number` (places in `actions` and, from 1, in the
   * catalogue), `dwell` and `price`, each NULL where its text says none.
   */
  readonly readings: (options: ReadingsOptions) => string;
}

/** Every character that JavaScript's `trim` takes away. */
export const blanks =
  " \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff";

/** What may stand between the words of an action's name. */
export const actionMarks = " \t_-./";
