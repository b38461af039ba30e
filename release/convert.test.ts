/** A build changes what it knows and refuses what it doesn't: each kind of place, in a package that is made up. */
import { expect, test } from "vitest";
import { type Conversion, convert, everything, type KnownPlace } from "./convert.ts";
import type { PublishedPackage } from "./packages.ts";

const published = (name: string, rest: Partial<PublishedPackage["manifest"]> = {}): PublishedPackage => ({
  folder: name.replace("@tributary/", "packages/"),
  manifest: {
    ...{ name, version: "1.2.3", sideEffects: true, exports: {}, bin: {}, devDependencies: {}, peerDependencies: {} },
    dependencies: { "@tributary/dp": "workspace:*", zod: "^4.0.0" },
    publishConfig: { exports: { ".": { types: "", default: "" } }, bin: {}, engines: { node: ">=22.19" } },
    ...rest,
  },
});

const client = published("@tributary/client");
const files = ["worker.js", "worker.d.ts", "threads/start.js", "threads/start.d.ts"].map(
  (file) => `packages/client/src/${file}`,
);

function converted(text: string, { file = "threads/start.js", of = client, known = [] as readonly KnownPlace[] } = {}) {
  const met: KnownPlace[] = [];
  const conversion: Conversion = {
    ...{ package: of, packages: [client, published("@tributary/dp")], known },
    exists: (path) => files.includes(path),
    met: (place) => met.push(place),
  };
  return { text: convert(`packages/client/src/${file}`, text, conversion), met };
}

const refused = (text: string, options?: Parameters<typeof converted>[1]): string => {
  try {
    return `came out as ${converted(text, options).text}`;
  } catch (error) {
    return String(error);
  }
};

test.each([
  ['new Worker(new URL("../worker.ts", import.meta.url));', 'new Worker(new URL("../worker.js", import.meta.url));'],
  ['/* ε ≤ Δ, 𝒩 */ fork("start.ts"); // see start.ts', '/* ε ≤ Δ, 𝒩 */ fork("start.js"); // see start.ts'],
  ['const { version } = read(new URL("../../package.json", import.meta.url));', undefined],
  ['const advice = "Give its file: `--extend FILE.ts` of simulate.";', undefined],
  ["const hash = softwareHash(import.meta.url);", undefined],
  ['import { readFileSync } from "node:fs"; import { z } from "zod"; import "../worker.js";', undefined],
])("%s", (text, expected = text) => {
  expect(converted(text).text).toBe(expected);
});

test.each([
  ['new Worker(new URL("./gone.ts", import.meta.url));', '"./gone.ts"'],
  ['new Worker(new URL("../../other/src/worker.ts", import.meta.url));', '"../../other/src/worker.ts"'],
  ['read(new URL("../../../docs/page.md", import.meta.url));', 'new URL("../../../docs/page.md", import.meta.url)'],
  ["fork(new URL(entry, import.meta.url));", "new URL(entry, import.meta.url)"],
  ["join(import.meta.dirname, name);", "import.meta.dirname"],
  ["const all = [import.meta.url];", "[import.meta.url]"],
  ["const file = `$" + "{hash}.ts`;", ".ts"],
  ['const code = join(root, "src");', '"src"'],
  ["await import(address);", "import(address)"],
  ['import { x } from "../gone.js";', "../gone.js"],
  ['import { x } from "../../../dp/src/index.js";', "outside its package"],
  ['import vitest from "vitest";', "vitest, which is no dependency"],
  ['import { x } from "@tributary/dp/sampler-suite";', "@tributary/dp/sampler-suite, which @tributary/dp doesn't export"],
  ['export { x } from "@tributary/model";', "@tributary/model, which is no dependency"],
])("refused: %s", (text, what) => {
  expect(refused(text)).toContain(what);
  expect(refused(text)).toContain("packages/client/src/threads/start.js");
});

test("declarations import declarations, and types that nobody would have are refused", () => {
  const file = "threads/start.d.ts";
  const text =
    'import type { W } from "../worker.ts";\nexport declare const w: import("../worker.ts").W | "x.ts";\nexport * from "../worker.ts";\n';
  expect(converted(text, { file }).text).toBe(
    'import type { W } from "../worker.js";\nexport declare const w: import("../worker.js").W | "x.ts";\nexport * from "../worker.js";\n',
  );
  const of = published("@tributary/client", { dependencies: { pg: "1" }, devDependencies: { "@types/pg": "1" } });
  expect(refused('import type { Client } from "pg";', { file, of })).toContain("types of pg");
  expect(refused('import { Client } from "pg";', { of })).toContain("came out as");
  expect(refused('import type { X } from "../gone.ts";', { file })).toContain("../gone.ts");
  expect(refused('/// <reference path="./x.d.ts" />\n', { file })).toContain("a reference directive");
});

test("a place that is known stays as it is, and is told of", () => {
  const place = { file: "packages/client/src/threads/start.js", text: "import.meta.dirname", reason: "a test" };
  expect(converted("read(import.meta.dirname);", { known: [place] })).toEqual({
    text: "read(import.meta.dirname);",
    met: [place],
  });
  expect(refused("read(import.meta.filename);", { known: [place] })).toContain("import.meta.filename");
  const all = { ...place, text: everything };
  expect(converted('const pages = ["client/src", "x.ts"];', { known: [all] }).met).toEqual([all, all]);
});

test("modules that may be left out do nothing by being imported", () => {
  const of = published("@tributary/client", { sideEffects: ["./dist/worker.js"] });
  expect(refused("parentPort.on('message', f);", { of })).toContain("ExpressionStatement");
  expect(refused('import "../worker.js";', { of })).toContain("ImportDeclaration");
  expect(refused("parentPort.on('message', f);", { of, file: "worker.js" })).toContain("came out as");
  expect(refused("export const x = f(); function f() {} class C {}", { of })).toContain("came out as");
});

test("a command starts itself as the checkout's script does", () => {
  expect(converted("#!/usr/bin/env node\nawait run();\n").text).toBe(
    "#!/usr/bin/env -S node --disable-warning=ExperimentalWarning --initial-old-space-size=128\nawait run();\n",
  );
});
