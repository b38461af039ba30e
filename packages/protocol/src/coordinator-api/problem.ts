/**
 * Refusals over HTTP: problem details, RFC 9457, with the code of the one table. `error` in the same document is what builds before it read.
 *
 *   { type, title, status, detail, code, advice, details, error: { code, message, advice } }
 */
import { type ErrorCode, type ErrorDetails, errorTable, TributaryError } from "@tributary/errors";
import { z } from "zod";

export const problemMedia = "application/problem+json";

const code = z.string().max(80);
const words = z.string().max(4_000);
const details = z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.array(z.string())]));

export const problemSchema = z.looseObject({
  /** Where the code is explained: an anchor of docs/errors.md. */
  type: z.string(),
  /** The same for every problem of this code. */
  title: z.string(),
  status: z.int().min(400).max(599),
  /** What happened, in one sentence. */
  detail: words,
  code,
  /** What to do about it. */
  advice: words,
  /** What fills the sentences, to be read by programs. */
  details,
  /** The same for builds that knew nothing else. */
  error: z.looseObject({ code, message: words, advice: words }),
});
export type Problem = z.infer<typeof problemSchema>;

/** Tells no more than the error's sentences do. */
export function problemOf(error: TributaryError): Problem {
  const { code, message, advice, status } = error;
  const row = errorTable[code];
  const told = Object.entries(error.details).filter(([name]) => `${row.message}${row.advice}`.includes(`{${name}}`));
  return {
    type: `/docs/errors.md#${code}`,
    title: titleOf(code),
    ...{ status, detail: message, code, advice },
    details: Object.fromEntries(told.map(([name, value]) => [name, plain(value)])),
    error: { code, message, advice },
  };
}

/** `TRB_ACCESS_NAME_TAKEN` → `Access name taken`. */
const titleOf = (code: ErrorCode): string => {
  const text = code.slice("TRB_".length).replaceAll("_", " ").toLowerCase();
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
};

function plain(value: ErrorDetails[string]): string | number | boolean | string[] {
  if (typeof value === "bigint") return value.toString();
  return typeof value === "object" ? [...value] : value;
}

const readable = z.object({ code, detail: words, advice: words, details: details.default({}) });
const readableBefore = z.object({ error: z.object({ code, message: words, advice: words }) });

/** A refusal that another process made: its code from the table, its words as they came. */
class RemoteRefusal extends TributaryError {
  override readonly advice: string;

  constructor(code: ErrorCode, details: ErrorDetails, message: string, advice: string) {
    super(code, details);
    this.message = message;
    this.advice = advice;
  }
}

/** The refusal in an answer, if it is one. @param unknown what a code comes to that this build's table doesn't have */
export function refusalIn(answer: unknown, unknown: (code: string) => TributaryError): TributaryError | undefined {
  const parsed = readable.safeParse(answer);
  const before = parsed.success ? undefined : readableBefore.safeParse(answer);
  const told = parsed.success
    ? { ...parsed.data, message: parsed.data.detail }
    : before?.success
      ? { ...before.data.error, details: {} }
      : undefined;
  if (told === undefined) return undefined;
  if (!isErrorCode(told.code)) return unknown(printable(told.code));
  return new RemoteRefusal(told.code, told.details, printable(told.message), printable(told.advice));
}

const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(errorTable, code);

/** Without control characters: another machine's words end up on this one's terminal. */
const printable = (text: string): string => text.replace(/\p{Cc}/gu, " ");
