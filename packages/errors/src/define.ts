/** How one row of the error table is written. */

/**
 * Exit codes of the command line, DESIGN §7: 1 failed, 2 wrong usage, 3 refused by privacy policy, 4 verification failed, and 130 interrupted, as shells say it
 * of a process that SIGINT ended.
 */
export type ExitCode = 1 | 2 | 3 | 4 | 130;

export interface ErrorDefinition {
  /** One sentence; `{name}` is replaced by the detail of that name. Never a private value. */
  readonly message: string;
  /** What the reader should do about it: one sentence in the imperative. May hold `{name}` as well. */
  readonly advice: string;
  /** HTTP status when a server answers with it. */
  readonly status: number;
  readonly exitCode: ExitCode;
}

/** Keeps the literal code names in the type. */
export function defineErrors<const Table extends Readonly<Record<`TRB_${string}`, ErrorDefinition>>>(table: Table): Table {
  return table;
}
