/** How a zod refusal becomes a coded error: where, and why, never with the value itself. */
import { type ErrorCode, fail } from "@tributary/errors";
import type { z } from "zod";

/** Parses or throws `code` with `path` and `reason` of the first issue. */
export function parseWith<Schema extends z.ZodType>(schema: Schema, value: unknown, code: ErrorCode): z.infer<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  if (issue === undefined) throw fail(code, { path: "the document", reason: "it does not fit the schema" });
  const path = [...issue.path.map(String)];
  let reason = issue.message;
  if (issue.code === "unrecognized_keys") {
    path.push(issue.keys[0] ?? "");
    reason = "the key is unknown";
  }
  throw fail(code, { path: shorten(path.length === 0 ? "the document" : path.join(".")), reason: shorten(reason) });
}

/** A path may hold a key that somebody else chose. */
export function shorten(text: string): string {
  return text.length <= 160 ? text : `${text.slice(0, 159)}…`;
}
