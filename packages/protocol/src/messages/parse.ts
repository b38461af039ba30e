/**
 * The border at which a stranger's message becomes a `Message`. Its size and kind of values are bounded before any schema looks at
 * it, so that refusing costs less than sending: a schema would describe every fault of a million.
 */
import { fail } from "@tributary/errors";
import { parseWith } from "../parsing.ts";
import { type Message, maxLineLength, maxTextLength, messageSchema } from "./schemas.ts";
import { protocolVersion, requireSpoken, versionText } from "./versions.ts";

/** The largest frame that a connection should take, in bytes of JSON: a ledger line and what is around it. */
export const maxMessageBytes = 32 * 1024 * 1024;
/** What a node sends is below this; a coordinator needn't take more. */
export const maxNodeMessageBytes = 8 * 1024 * 1024;

/** Bounds of one message. Its longest lists have a member for each node, of which there are 10 000 at most. */
const bounds = { values: 250_000, members: 10_000, fields: 32, depth: 16, characters: maxMessageBytes } as const;
/** Lists so long are read even where the roster is shorter: the reducers say better what is wrong with them. */
const shortList = 64;

/**
 * @param own the newest version that this build speaks
 * @param roster how many nodes there are: a schema's work, which describes each fault, is bounded by that
 * @throws TRB_MESSAGE_TOO_LARGE beyond 250 000 values, a list's members beyond the roster (and 64), 32 fields of an object, 16 levels, or 4096
 *   characters in anything but a ledger line
 * @throws TRB_ROUND_VERSION_UNKNOWN for another major, or a newer minor
 * @throws TRB_MESSAGE_INVALID with path and reason; unknown keys are refused, and octets where text is expected
 */
export function parseMessage(value: unknown, own: string = protocolVersion, roster: number = bounds.members): Message {
  requireBounded(value, Math.min(bounds.members, Math.max(shortList, roster)));
  const version = versionText.safeParse(versionIn(value));
  if (version.success) requireSpoken(version.data, own);
  return parseWith(messageSchema, value, "TRB_MESSAGE_INVALID");
}

function versionIn(value: unknown): unknown {
  return typeof value === "object" && value !== null && "version" in value ? value.version : undefined;
}

/** One list or object under way: its members, and where the walk stands in them. */
interface Level {
  readonly keys: readonly string[] | undefined;
  readonly members: readonly unknown[];
  next: number;
}

/** Walks through a message without recursion, holding one level's members at a time, and stops at the first bound that is passed. */
function requireBounded(root: unknown, mostMembers: number): void {
  let values = 0;
  let characters = 0;
  const count = (text: string) => {
    characters += text.length;
    if (characters > bounds.characters) throw fail("TRB_MESSAGE_TOO_LARGE");
  };
  const levels: Level[] = [{ keys: undefined, members: [root], next: 0 }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    if (level.next === level.members.length) {
      levels.pop();
      continue;
    }
    const key = level.keys?.[level.next];
    const value = level.members[level.next];
    level.next += 1;
    values += 1;
    if (values > bounds.values || levels.length > bounds.depth + 1) throw fail("TRB_MESSAGE_TOO_LARGE");
    if (typeof value === "string") {
      if (value.length > (key === "entry" ? maxLineLength : maxTextLength)) throw fail("TRB_MESSAGE_TOO_LARGE");
      count(value);
    } else if (typeof value === "object" && value !== null) {
      levels.push(membersOf(value, mostMembers, count));
    }
  }
}

function membersOf(value: object, mostMembers: number, count: (text: string) => void): Level {
  if (Array.isArray(value)) {
    if (value.length > mostMembers) throw fail("TRB_MESSAGE_TOO_LARGE");
    return { keys: undefined, members: value, next: 0 };
  }
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw fail("TRB_MESSAGE_INVALID", { path: "the document", reason: "it holds octets where text is expected" });
  }
  const keys = Object.keys(value);
  if (keys.length > bounds.fields) throw fail("TRB_MESSAGE_TOO_LARGE");
  for (const key of keys) count(key);
  return { keys, members: Object.values(value), next: 0 };
}
