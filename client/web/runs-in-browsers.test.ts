/**
 * Everything that the device's page leads to, in this room and in those above it, runs in a browser: it imports nothing of Node, and asks for nothing that only Node
 * has. Whoever adds an import to a pure room, or `Buffer` to what it does, hears of it here.
 */
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const repository = new URL("../../", import.meta.url);
const entries = ["client/web/main.ts", "client/web/training/worker.ts"];

interface Module {
  readonly imports: readonly string[];
  /** Without comments. */
  readonly text: string;
}

/** Where a room's entry lies: by its package's `exports`. */
function entryOf(name: string): URL {
  const [, room = "", ...rest] = name.split("/");
  const folder = room === "dp" ? room : `packages/${room}`;
  const manifest = new URL(`${folder}/package.json`, repository);
  const { exports } = JSON.parse(readFileSync(manifest, "utf8")) as { readonly exports: Readonly<Record<string, string>> };
  return new URL(exports[[".", ...rest].join("/")] ?? "", manifest);
}

function reached(files: readonly URL[]): Map<string, Module> {
  const modules = new Map<string, Module>();
  const waiting = [...files];
  for (let file = waiting.pop(); file !== undefined; file = waiting.pop()) {
    const name = file.href.slice(repository.href.length);
    if (modules.has(name)) continue;
    const text = readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\/|(?<=^|\s)\/\/.*$/gm, "");
    const statements = text.matchAll(
      /^(?:import|export)\s(?!type\s)(?:[^;"]*?from\s+)?"([^"]+)"|(?<!typeof )\bimport\("([^"]+)"\)/gms,
    );
    const imports = [...statements].map(([, fixed, late]) => fixed ?? late ?? "");
    modules.set(name, { imports, text });
    for (const one of imports) {
      if (/\.tsx?$/.test(one) && one.startsWith(".")) waiting.push(new URL(one, file));
      else if (one.startsWith("@tributary/")) waiting.push(entryOf(one));
    }
  }
  return modules;
}

const own = (name: string) => name.startsWith(".") || name.startsWith("@tributary/");
/** What Node has beside what browsers have too. */
const onlyNode = /\b(Buffer|setImmediate|__dirname|__filename)\b|\bprocess\.|\brequire\(|\bimport\.meta\.(dirname|filename)\b/;

const modules = reached(entries.map((entry) => new URL(entry, repository)));

test("it leads through the rooms to the reducers, the graphs and the accountants", () => {
  for (const room of [
    "packages/federation/src/node.ts",
    "packages/secagg/src/index.ts",
    "dp/src/index.ts",
    "packages/ledger/src/verify.ts",
  ]) {
    expect(modules.has(room)).toBe(true);
  }
});

test("it imports nothing of Node, and of others only what is known to run in browsers", () => {
  const others = new Set([...modules.values()].flatMap(({ imports }) => imports.filter((name) => !own(name))));
  expect([...others].sort()).toEqual([
    ...["@noble/ciphers/aes.js", "@noble/hashes/hkdf.js", "@noble/hashes/sha2.js", "@preact/signals"],
    ...[
      "@stdlib/math-base-special-erf",
      "@stdlib/math-base-special-erfc",
      "@stdlib/math-base-special-erfcx",
      "canonicalize",
      "csv-parse/browser/esm/sync",
      "fft.js",
      "idb",
      "onnxruntime-web/wasm",
      "p-retry",
    ],
    ...["preact", "preact/hooks", "socket.io-client", "tweetnacl", "zod"],
  ]);
});

test("it asks for nothing that only Node has", () => {
  const found = [...modules].flatMap(([name, { text }]) => {
    const asked = onlyNode.exec(text)?.[0];
    return asked === undefined ? [] : [`${name}: ${asked}`];
  });
  expect(found).toEqual([]);
});

test("a module that does is told", () => {
  const node = reached([new URL("client/src/running/start.ts", repository)]);
  expect([...node.values()].some(({ imports }) => imports.some((name) => name.startsWith("node:")))).toBe(true);
  expect([...node.values()].some(({ text }) => onlyNode.test(text))).toBe(true);
});
