/**
 * Looks for planted words in bytes, however they may be written: as they are, in hex, base64 or base64url at any offset, percent-encoded, escaped as JSON or
 * HTML does, in UTF-16, and below gzip. Case counts nowhere where case means nothing.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync, inflateRawSync } from "node:zlib";

/** Something private that was planted. */
export interface Canary {
  readonly name: string;
  readonly bytes: Buffer;
}

/** Something that was written, or that left a process. */
export interface Place {
  readonly name: string;
  readonly bytes: Buffer;
}

export interface Sighting {
  readonly canary: string;
  readonly place: string;
  readonly encoding: string;
}

type Form = readonly [encoding: string, needle: Buffer];

/** All ways of writing it that are looked for. Of base64 the part that doesn't depend on what stands before and after it. */
export function formsOf({ bytes }: Canary): readonly Form[] {
  const text = bytes.toString("utf8");
  const isText = Buffer.from(text, "utf8").equals(bytes);
  const base64 = [0, 1, 2].flatMap((shift): Form[] => {
    const coded = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    // 6 bits a sign: the first that is all of these bytes, and the last
    const inner = coded.slice(Math.ceil((8 * shift) / 6), Math.floor((8 * (shift + bytes.length)) / 6));
    return [
      [`base64 at ${shift}`, Buffer.from(inner)],
      [`base64url at ${shift}`, Buffer.from(inner.replaceAll("+", "-").replaceAll("/", "_"))],
    ];
  });
  const hex = bytes.toString("hex");
  const written: Form[] = [["hex", Buffer.from(hex)], ["HEX", Buffer.from(hex.toUpperCase())], ...base64];
  const forms: Form[] = [["as it is", bytes], ...written];
  if (!isText) return forms;
  const codes = [...text].map((sign) => sign.charCodeAt(0));
  return [
    ...forms,
    ["percent-encoded", Buffer.from(encodeURIComponent(text))],
    ["percent-encoded, all of it", Buffer.from([...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join(""))],
    [
      "PERCENT-ENCODED, all of it",
      Buffer.from([...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0").toUpperCase()}`).join("")),
    ],
    ["escaped as in JSON", Buffer.from(codes.map((code) => `\\u${code.toString(16).padStart(4, "0")}`).join(""))],
    ["escaped as in HTML", Buffer.from(codes.map((code) => `&#${code};`).join(""))],
    ["UTF-16LE", Buffer.from(text, "utf16le")],
    ["UTF-16BE", Buffer.from(text, "utf16le").swap16()],
    ["backwards", Buffer.from(bytes).reverse()],
  ];
}

/** Which of these stand in which place. */
export function scan(canaries: readonly Canary[], places: readonly Place[]): readonly Sighting[] {
  const looked = canaries.map((canary) => ({ canary, forms: formsOf(canary) }));
  return places.flatMap(({ name, bytes }) => {
    const all = [bytes, ...unpacked(bytes)];
    return looked.flatMap(({ canary, forms }) => {
      const found = forms.find(([, needle]) => all.some((one) => one.includes(needle)));
      return found === undefined ? [] : [{ canary: canary.name, place: name, encoding: found[0] }];
    });
  });
}

/** What is below gzip anywhere in it (a file, a member of an archive, an answer). */
function unpacked(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = bytes.indexOf("\x1f\x8b\x08", 0, "latin1"); at >= 0; at = bytes.indexOf("\x1f\x8b\x08", at + 1, "latin1")) {
    try {
      found.push(gunzipSync(bytes.subarray(at)));
    } catch (_) {
      const rest = inflated(bytes.subarray(at + 10));
      if (rest !== undefined) found.push(rest);
    }
  }
  return found;
}

/** With other bytes behind it, or none where it is no such stream after all. */
function inflated(bytes: Buffer): Buffer | undefined {
  try {
    return inflateRawSync(bytes, { finishFlush: 2 });
  } catch (_) {
    return undefined;
  }
}

/** Every file below a folder, with its name; of names as well. */
export function filesBelow(folder: string, isAmong: (name: string) => boolean = () => true): Place[] {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  return files
    .map((path) => ({ path, name: path.slice(folder.length + 1) }))
    .filter(({ name }) => isAmong(name))
    .map(({ path, name }) => ({ name, bytes: Buffer.concat([Buffer.from(`${name}\n`), readFileSync(path)]) }));
}
