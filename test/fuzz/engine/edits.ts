/** Changes to documents, as choices say: to JSON by its structure, to octets by their fields, to text by its lines and fields. */
import type { Choices } from "./choices.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const most = { edits: 8, copies: 40, depth: 120 } as const;

/** What parsers stumble over, in place of what a document has. */
const strange: readonly (() => Json)[] = [
  ...[null, true, false, 0, -1, 1, 2, 0.5, -0.5, 255, 256, 65_535, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53)].map(
    (one) => () => one,
  ),
  ...[1e21, 1e300, 5e-324, 1.0000000000001, "", " ", "0", "-1", "00", "1e9", "1e400", "NaN", "Infinity", "0x10"].map(
    (one) => () => one,
  ),
  ...["0.1", "1.5e-300", "999999999999", "__proto__", "constructor", "toString", "\u0000", "\ud800", "\ufeff", "é"].map(
    (one) => () => one,
  ),
  ...["../../../etc/passwd", "2026-02-30T25:61:61Z", "https://[", "javascript:alert(1)", "%", "a".repeat(5000)].map(
    (one) => () => one,
  ),
  () => "0".repeat(64),
  () => "f".repeat(64),
  () => "f".repeat(128),
  () => "A".repeat(64),
  () => [],
  () => ({}),
  () => [[]],
  () => [null],
  () => ({ length: 3 }),
  () => withKey({}, "__proto__", { polluted: true }),
];

const strangeKeys = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "length", "then", "extra", "", "0"];

/** An own key, whatever its name; the others stay in their order. */
function withKey(object: { [key: string]: Json }, key: string, value: Json): { [key: string]: Json } {
  Object.defineProperty(object, key, { value, enumerable: true, writable: true, configurable: true });
  return object;
}

/** A place in a document: what holds it, and under what. The document itself is held under the key "". */
interface Place {
  readonly holder: Json[] | { [key: string]: Json };
  readonly key: string | number;
  readonly value: Json;
}

function placesIn(root: Json[]): readonly Place[] {
  const places: Place[] = [];
  const queue: (Json[] | { [key: string]: Json })[] = [root];
  for (const holder of queue) {
    if (places.length > 20_000) break;
    const entries: Iterable<[string | number, Json]> = Array.isArray(holder) ? holder.entries() : Object.entries(holder);
    for (const [key, value] of entries) {
      places.push({ holder, key, value });
      if (typeof value === "object" && value !== null) queue.push(value);
    }
  }
  return places;
}

const put = ({ holder, key }: Place, value: Json) => {
  if (Array.isArray(holder)) holder[key as number] = value;
  else withKey(holder, key as string, value);
};

/** @param document stays as it is. @returns a copy with up to eight changes */
export function editJson(document: unknown, choices: Choices): unknown {
  const root: Json[] = [structuredClone(document) as Json];
  const edits = 1 + choices.below(most.edits);
  for (let k = 0; k < edits && choices.left() > 0; k++) {
    const places = placesIn(root);
    if (places.length === 0) break;
    edit(choices.of(places), places, choices);
  }
  return root[0];
}

function edit(place: Place, places: readonly Place[], choices: Choices): void {
  const { holder, key, value } = place;
  const kind = choices.below(9);
  if (kind === 0 && Array.isArray(holder)) holder.splice(key as number, 1);
  else if (kind === 0) Reflect.deleteProperty(holder, key);
  else if (kind === 1) put(place, choices.of(strange)());
  else if (kind === 2 && Array.isArray(holder)) {
    const copies = Array.from({ length: 1 + choices.below(most.copies) }, () => structuredClone(value));
    holder.splice(key as number, 0, ...copies);
  } else if (kind === 3 && typeof value === "object" && value !== null && !Array.isArray(value)) {
    withKey(value, choices.of(strangeKeys), choices.of(strange)());
  } else if (kind === 4) put(place, structuredClone(choices.of(places).value));
  else if (kind === 5) {
    let wrapped = value;
    for (let depth = choices.below(most.depth); depth >= 0; depth--)
      wrapped = choices.left() % 2 === 0 ? [wrapped] : { a: wrapped };
    put(place, wrapped);
  } else if (typeof value === "number") put(place, nudged(value, choices));
  else if (typeof value === "string")
    put(place, new TextDecoder().decode(editBytes(new TextEncoder().encode(value), choices, 1)));
  else if (Array.isArray(value) && value.length > 1) {
    const [a, b] = [choices.below(value.length), choices.below(value.length)];
    [value[a], value[b]] = [value[b] as Json, value[a] as Json];
  } else put(place, choices.of(strange)());
}

function nudged(value: number, choices: Choices): number {
  const by = choices.of([1, -1, 0.5, 256, -256, 2 ** 20, 2 ** 31, 2 ** 52]);
  return choices.below(2) === 0 ? value + by : value * by;
}

/** Numbers at which lengths and offsets wrap around, or are just too large. */
const edges = [0, 1, 2, 7, 8, 127, 128, 255, 256, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff];

/** @returns a copy with up to `edits` changes: fields set, cut short, cut out, doubled, put in */
export function editBytes(bytes: Uint8Array, choices: Choices, edits: number = most.edits): Uint8Array {
  let edited = Buffer.from(bytes);
  const count = 1 + choices.below(edits);
  for (let k = 0; k < count && choices.left() > 0; k++) {
    const at = choices.below(Math.min(65_536, edited.length + 1));
    const length = choices.below(64);
    const kind = choices.below(9);
    const end = Math.min(edited.length, at + length);
    if (kind === 0 && at + 4 <= edited.length) edited.writeUInt32LE(choices.of(edges), at);
    else if (kind === 1 && at + 8 <= edited.length)
      edited.writeBigUInt64LE((BigInt(choices.of(edges)) ** 2n) & 0xffffffffffffffffn, at);
    else if (kind === 2 && at < edited.length) edited[at] = choices.below(256);
    else if (kind === 3 && at < edited.length) edited[at] = (edited[at] ?? 0) ^ (1 << choices.below(8));
    else if (kind === 4) edited = edited.subarray(0, at);
    else if (kind === 5) edited = Buffer.concat([edited.subarray(0, at), edited.subarray(end)]);
    else if (kind === 6) edited = Buffer.concat([edited.subarray(0, end), edited.subarray(at)]);
    else if (kind === 7) edited = Buffer.concat([edited.subarray(0, at), choices.octets(length), edited.subarray(at)]);
    else edited.fill(choices.below(256), at, end);
  }
  return new Uint8Array(edited);
}

/** What stands in fields of tables where a parser expects something else. */
const strangeFields = [
  "",
  '"',
  '""',
  '"a',
  "\u0000",
  "-1",
  "0",
  "1e400",
  "NaN",
  "1577836800",
  "2020-01-01",
  "2020-02-31 25:00",
  "=1+1",
  "null",
];

/** A table's text: its lines and fields left out, doubled, exchanged for others. */
export function editTable(text: string, separator: string, choices: Choices): string {
  const lines = text.split("\n").map((line) => line.split(separator));
  const edits = 1 + choices.below(most.edits);
  for (let k = 0; k < edits && choices.left() > 0; k++) {
    const at = choices.below(lines.length);
    const line = lines[at];
    if (line === undefined || lines.some(({ length }) => length === 0)) break;
    const field = choices.below(line.length);
    const kind = choices.below(7);
    if (kind === 0) lines.splice(at, 1);
    else if (kind === 1) lines.splice(at, 0, ...Array.from({ length: 1 + choices.below(most.copies) }, () => [...line]));
    else if (kind === 2) line[field] = choices.of(strangeFields);
    else if (kind === 3) line.splice(field, 1);
    else if (kind === 4) line.splice(field, 0, choices.of(strangeFields));
    else if (kind === 5) line[field] = new TextDecoder().decode(editBytes(new TextEncoder().encode(line[field]), choices, 1));
    else line[field] = choices.of(choices.of(lines));
  }
  const ending = choices.of(["\n", "\r\n", "\r", "\n\n"]);
  return lines.map((line) => line.join(separator)).join(ending);
}
