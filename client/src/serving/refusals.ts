/** What every way into serving, HTTP and sockets, makes of a request that is none: a code and a place, never what was sent. */
import { randomUUID } from "node:crypto";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
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

/** What the schema asks for; nothing of what was sent, a field's name included. */
function issueInWords(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `it must be ${kinds[issue.expected] ?? "of another type"}`;
    case "too_small":
      return `it must ${extent(issue.origin, issue.inclusive === false ? "more than" : "at least", issue.minimum)}`;
    case "too_big":
      return `it must ${extent(issue.origin, issue.inclusive === false ? "less than" : "at most", issue.maximum)}`;
    case "invalid_value":
      return `it must be ${issue.values.length === 1 ? "" : "one of "}${issue.values.map(String).join(", ")}`;
    case "unrecognized_keys":
      return "a field is not known";
    case "custom":
      return issue.message;
    default:
      return "it does not fit the description";
  }
}

const kinds: Readonly<Record<string, string>> = {
  ...{
    int: "a whole number",
    number: "a number",
    string: "text",
    boolean: "true or false",
    array: "a list",
    object: "an object",
  },
};

function extent(origin: string, than: string, count: number | bigint): string {
  if (origin === "string") return `have ${than} ${count} ${count === 1 ? "character" : "characters"}`;
  return origin === "array" ? `have ${than} ${count} ${count === 1 ? "element" : "elements"}` : `be ${than} ${count}`;
}

/** A coded error as it is; of anything else only a correlation id is told, and its class and place are logged: its text might hold what was sent. */
export function codedError(error: unknown, log: Logger): TributaryError {
  if (isTributaryError(error)) return error;
  const id = randomUUID();
  const stack = error instanceof Error ? error.stack?.split("\n").filter((line) => /^\s+at /.test(line)) : undefined;
  log.error({ correlationId: id, error: error instanceof Error ? error.name : "unknown", stack }, "internal error");
  return fail("TRB_INTERNAL", { id }, error);
}
