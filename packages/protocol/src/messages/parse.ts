/**
 * The border at which a stranger's message becomes a `Message`. Its size is bounded before any schema looks at it, so that
 * refusing costs less than sending.
 */
import { fail } from "@tributary/errors";
import { parseWith } from "../parsing.ts";
import { type Message, messageSchema } from "./schemas.ts";

/** Bounds of one message; a transport's own limit should be `maxMessageBytes`. */
export const maxMessageBytes = 32 * 1024 * 1024;
const maxValues = 2_000_000;
const maxDepth = 16;

/**
 * @throws TRB_MESSAGE_TOO_LARGE beyond 32 MiB of text, 2 000 000 values or 16 levels
 * @throws TRB_MESSAGE_INVALID with path and reason; unknown keys are refused
 */
export function parseMessage(value: unknown): Message {
  requireBounded(value);
  return parseWith(messageSchema, value, "TRB_MESSAGE_INVALID");
}

/** Counts values and characters without recursion, and stops at the first bound that is passed. */
function requireBounded(root: unknown): void {
  let values = 0;
  let characters = 0;
  const pending: { readonly value: unknown; readonly depth: number }[] = [{ value: root, depth: 0 }];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const { value, depth } = next;
    values += 1;
    if (typeof value === "string") characters += value.length;
    if (values > maxValues || characters > maxMessageBytes || depth > maxDepth) throw fail("TRB_MESSAGE_TOO_LARGE");
    if (typeof value !== "object" || value === null) continue;
    const members = Array.isArray(value) ? value : Object.values(value);
    if (members.length > maxValues) throw fail("TRB_MESSAGE_TOO_LARGE");
    for (const member of members) pending.push({ value: member, depth: depth + 1 });
  }
}
