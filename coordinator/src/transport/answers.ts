/** What a client is told when something was refused, or went wrong: the same three fields over HTTP and in socket acknowledgements. */
import { randomUUID } from "node:crypto";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { issueInWords } from "@tributary/protocol";
import type { Logger } from "pino";
import type { z } from "zod";

export interface ErrorAnswer {
  readonly error: { readonly code: string; readonly message: string; readonly advice: string };
  /** What `retry-after` is over HTTP, in seconds: of what may be otherwise soon. */
  readonly retryAfter?: number;
}

/** After a draining server, or one without a leader, another one is there about so many seconds later; a full one has room again. */
export const retryAfter = 1;

/** A coded error as it is; anything else is logged under a correlation id, and only the id is told. */
export function codedError(error: unknown, log: Logger): TributaryError {
  if (isTributaryError(error)) return error;
  const id = randomUUID();
  log.error({ correlationId: id, err: error }, "internal error");
  return fail("TRB_INTERNAL", { id }, error);
}

export const errorAnswer = (error: TributaryError): ErrorAnswer => ({
  error: error.toJSON(),
  ...(error.status === 503 ? { retryAfter } : {}),
});

/** Narrows what a client sent. @throws TRB_COORDINATOR_REQUEST_INVALID with the path and what is expected there, never the value */
export function parseRequest<Output>(schema: z.ZodType<Output>, value: unknown): Output {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const reason = issue === undefined ? "it does not fit the description" : issueInWords(issue);
  throw fail("TRB_COORDINATOR_REQUEST_INVALID", { path: issue?.path.join(".") || "(top)", reason });
}
