/** What every way into serving, HTTP and sockets, makes of a request that is none: a code and a place, never what was sent. */
import { randomUUID } from "node:crypto";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { issueInWords } from "@tributary/protocol";
import type { Logger } from "pino";
import type { z } from "zod";

/** Narrows what was sent. @throws TRB_SERVE_REQUEST_INVALID with the place, never the value */
export function parseBody<Body>(schema: z.ZodType<Body>, value: unknown): Body {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const reason = issue === undefined ? "it does not fit the description" : issueInWords(issue);
  throw fail("TRB_SERVE_REQUEST_INVALID", { path: issue?.path.join(".") || "(top)", reason });
}

/** A coded error as it is; of anything else only a correlation id is told, and its class and place are logged: its text might hold what was sent. */
export function codedError(error: unknown, log: Logger): TributaryError {
  if (isTributaryError(error)) return error;
  const id = randomUUID();
  const stack = error instanceof Error ? error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) : undefined;
  log.error({ correlationId: id, error: error instanceof Error ? error.name : "unknown", stack }, "internal error");
  return fail("TRB_INTERNAL", { id }, error);
}
