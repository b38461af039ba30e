/** What must not be in a tarball is seen, and every package has what its tarball needs. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { publishedPackages, root } from "./packages.ts";
import { readmeExamples } from "./readmes.ts";
import { filesOf, unwanted } from "./verdicts.ts";

const good = {
  "package.json": "{}",
  "README.md": "# x",
  LICENSE: readFileSync(join(root, "LICENSE"), "utf8"),
  "dist/index.js": 'export * from "./a.js";\n',
};
const objections = (files: Record<string, string>) =>
  unwanted(new Map(Object.entries(files).map(([path, text]) => [path, Buffer.from(text)])));

test.each([
  [{}, []],
  [{ "dist/a.test.js": "" }, ["dist/a.test.js is of tests"]],
  [{ "src/index.ts": "" }, ["src/index.ts isn't a file for a package"]],
  [{ LICENSE: "ask us" }, ["LICENSE is another one"]],
  [{ "dist/node/third-party-licences.md": "" }, []],
  [{ ".env": "" }, [".env isn't a file for a package"]],
  [{ "dist/a.js": `const at = "${root}";` }, ["dist/a.js names a path of the machine that built it"]],
  [{ "dist/a.d.ts": 'export * from "./b.ts";' }, ["dist/a.d.ts imports a source"]],
  [{ "package.json": '{"dependencies":{"a":"workspace:*"}}' }, ["package.json names what only a workspace has"]],
])("%j", (more, expected) => {
  expect(objections({ ...good, ...more })).toEqual(expected);
});

test("what must be there is missed", () => {
  expect(objections({ "package.json": "{}" })).toEqual(["LICENSE is missing", "README.md is missing"]);
});

test("a tarball's files are read, long names too, and links are refused", () => {
  const header = (name: string, size: number, type: string) => {
    const block = Buffer.alloc(512);
    block.write(name, 0);
    block.write(size.toString(8).padStart(11, "0"), 124);
    block.write(type, 156);
    return block;
  };
  const padded = (text: string) => Buffer.concat([Buffer.from(text), Buffer.alloc((512 - (text.length % 512)) % 512)]);
  const long = `package/dist/${"a".repeat(120)}.js`;
  const pax = `${long.length + 10} path=${long}\n`;
  const entries = [
    header("package/package.json", 2, "0"),
    padded("{}"),
    header("pax", pax.length, "x"),
    padded(pax),
    header("cut", 3, "0"),
    padded("abc"),
  ];
  const files = filesOf(gzipSync(Buffer.concat([...entries, Buffer.alloc(1024)])));
  expect([...files].map(([path, content]) => [path, content.toString()])).toEqual([
    ["package.json", "{}"],
    [long.replace("package/", ""), "abc"],
  ]);
  expect(() => filesOf(gzipSync(header("package/link", 0, "2")))).toThrow("no file");
});

test("published are all packages that aren't private, each with a README whose example says what it prints, one version and one promise", () => {
  const packages = publishedPackages();
  expect(readmeExamples().map(({ name }) => name)).toEqual(packages.map(({ manifest }) => manifest.name));
  expect(new Set(packages.map(({ manifest }) => manifest.version)).size).toBe(1);
  expect(new Set(packages.map(({ manifest }) => manifest.publishConfig.engines.node)).size).toBe(1);
  for (const { folder, manifest } of packages) {
    for (const subpath of Object.keys(manifest.publishConfig.exports)) {
      const source = manifest.exports[subpath] ?? "none";
      expect(existsSync(join(root, folder, source)), `${folder} ${subpath}`).toBe(true);
      const built = source.replace("./src/", "./dist/").replace(/\.ts$/, "");
      expect(manifest.publishConfig.exports[subpath]).toEqual({ types: `${built}.d.ts`, default: `${built}.js` });
    }
  }
});
