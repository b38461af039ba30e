/**
 * Where a text stops being JSON, or names a key twice: line and column, and never what stands there, which may be a customer's. `JSON.parse` says the place only
 * sometimes, and takes the last of two equal keys in silence, so that a person would read one number and the program another.
 */

export interface JsonFault {
  readonly line: number;
  readonly column: number;
  /** The key that stands there a second time; without it the syntax is at fault. */
  readonly repeated?: string;
}

const space = /[ \t\n\r]*/y;
const string = /"(?:[^"\\]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
/** Deeper than any document that is ours. */
const deepest = 500;

/** The first fault; undefined where there is none. */
export function jsonFault(text: string): JsonFault | undefined {
  let at = 0;

  const fault = scanValue(0);
  if (fault !== undefined) return fault;
  after(space);
  return at < text.length ? faultAt(at) : undefined;

  function scanValue(depth: number): JsonFault | undefined {
    after(space);
    if (depth > deepest) return faultAt(at);
    if (text[at] === "{") return scanMembers(depth, "}", true);
    if (text[at] === "[") return scanMembers(depth, "]", false);
    const from = at;
    if (text[at] === '"') after(string);
    else after(scalar);
    return at === from ? faultAt(at) : controlWithin(from);
  }

  function scanMembers(depth: number, close: string, named: boolean): JsonFault | undefined {
    const keys = new Set<string>();
    at++;
    after(space);
    if (text[at] === close) {
      at++;
      return undefined;
    }
    for (;;) {
      after(space);
      const inside = (named ? scanKey(keys) : undefined) ?? scanValue(depth + 1);
      if (inside !== undefined) return inside;
      after(space);
      const next = text[at];
      if (next !== "," && next !== close) return faultAt(at);
      at++;
      if (next === close) return undefined;
    }
  }

  function scanKey(keys: Set<string>): JsonFault | undefined {
    const from = at;
    after(string);
    const control = at === from ? faultAt(at) : controlWithin(from);
    if (control !== undefined) return control;
    const key = JSON.parse(text.slice(from, at)) as string;
    if (keys.has(key)) return { ...faultAt(from), repeated: key.slice(0, 80) };
    keys.add(key);
    after(space);
    if (text[at] !== ":") return faultAt(at);
    at++;
    return undefined;
  }

  /** A line end, or another control character, inside a text. */
  function controlWithin(from: number): JsonFault | undefined {
    for (let i = from; i < at; i++) if (text.charCodeAt(i) < 0x20) return faultAt(i);
    return undefined;
  }

  /** Moves over what matches here. */
  function after(pattern: RegExp): void {
    pattern.lastIndex = at;
    if (pattern.test(text)) at = pattern.lastIndex;
  }

  function faultAt(offset: number): JsonFault {
    const before = text.slice(0, offset).split("\n");
    return { line: before.length, column: (before.at(-1) ?? "").length + 1 };
  }
}
