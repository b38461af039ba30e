import type { ErrorDefinition, ExitCode } from "./define.ts";
import { type ErrorCode, errorTable } from "./table.ts";

/** Facts that fill the message's `{name}` places. Public facts only: never a customer id, a person's items or a key. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | bigint | readonly string[]>>;

/** The only error class of the product. Compare `code`, never `message`. */
export class TributaryError extends Error {
  override readonly name = "TributaryError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  /** What to do about it. */
  readonly advice: string;
  readonly status: number;
  readonly exitCode: ExitCode;

  constructor(code: ErrorCode, details: ErrorDetails = {}, options?: ErrorOptions) {
    const row: ErrorDefinition = errorTable[code];
    super(fill(row.message, details), options);
    this.code = code;
    this.details = details;
    this.advice = fill(row.advice, details);
    this.status = row.status;
    this.exitCode = row.exitCode;
  }

  /** What crosses a wire or stands in a `--json` document. */
  toJSON() {
    return { code: this.code, message: this.message, advice: this.advice };
  }
}

/** Makes a coded error, to be thrown: `throw fail("TRB_PLAN_INVALID", { path: "epsilon" })`. */
export function fail(code: ErrorCode, details: ErrorDetails = {}, cause?: unknown): TributaryError {
  return new TributaryError(code, details, cause === undefined ? undefined : { cause });
}

export function isTributaryError(error: unknown): error is TributaryError {
  return error instanceof TributaryError;
}

function fill(template: string, details: ErrorDetails): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => {
    const value = details[name];
    if (value === undefined) return whole;
    return typeof value === "object" ? value.join(", ") : String(value);
  });
}
