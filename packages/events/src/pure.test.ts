import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

/** Every module that a file leads to, itself included; imports of types alone lead nowhere. */
function reachable(file: URL, seen = new Map<string, string[]>()): Map<string, string[]> {
  if (seen.has(file.href)) return seen;
  const text = readFileSync(file, "utf8");
  const statements = text.matchAll(/^(?:import|export)\s(?!type\s)[^;]*?from\s+"([^"]+)"/gms);
  const names = [...statements].map(([, name = ""]) => name);
  seen.set(file.href, names);
  for (const name of names) if (name.startsWith(".")) reachable(new URL(name, file), seen);
  return seen;
}

const outside = (file: string) =>
  [...reachable(new URL(file, import.meta.url)).values()].flat().filter((name) => !name.startsWith("."));

describe("the entry for rooms that run in a browser", () => {
  it("leads to nothing but the table of errors", () => {
    expect(new Set(outside("./pure.ts"))).toEqual(new Set(["@tributary/errors"]));
  });

  it("leads, for what is in memory, to nothing but what runs in a browser besides", () => {
    expect(new Set(outside("./in-memory.ts"))).toEqual(new Set(["@tributary/errors", "csv-parse/browser/esm/sync", "zod"]));
  });

  it("is told from one that doesn't", () => {
    expect(outside("./index.ts").some((name) => name.startsWith("node:"))).toBe(true);
  });
});
