/** How a zod refusal becomes a coded error: where, and why in words, never with the value itself. */
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

/** What the schema asks for; nothing of what was sent, a field's name included. */
export function issueInWords(issue: z.core.$ZodIssue): string {
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
    case "invalid_format":
      return issue.format === "regex"
        ? `it must match ${issue.pattern ?? "another form"}`
        : `it must be a valid ${issue.format}`;
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
