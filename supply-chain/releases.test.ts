/** What is released together, and under which version: by the real `changeset version`, in a copy of the package.json files. */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { root } from "./lockfile.ts";

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
}
const folders = globSync(["packages/*/package.json", "{dp,client,coordinator,docs}/package.json"], { cwd: root }).map(dirname);
const manifestIn = (folder: string): Manifest => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as Manifest;
const manifests = folders.map((folder) => ({ folder, ...manifestIn(join(root, folder)) }));
const published = manifests.filter((one) => one.private !== true);
/** The handbook has no version that anybody sees. */
const versioned = manifests.filter(({ folder }) => folder !== "docs");

test("all packages are released together, at one version, and no published one needs one that isn't", () => {
  const config = JSON.parse(readFileSync(join(root, ".changeset/config.json"), "utf8")) as {
    readonly fixed: readonly string[][];
  };
  expect(config.fixed.map((group) => group.toSorted())).toEqual([versioned.map(({ name }) => name).sort()]);
  expect(new Set(versioned.map(({ version }) => version)).size).toBe(1);
  expect(
    published.filter(({ dependencies = {} }) => Object.keys(dependencies).some(isPrivate)).map(({ name }) => name),
  ).toEqual([]);
});

/** A package that nobody can install, so that nothing published may need it. */
const isPrivate = (name: string): boolean => manifests.some((one) => one.name === name && one.private === true);

test("a changeset moves every package to the next version, and says why in the changelog of what it is about", {
  timeout: 60_000,
}, () => {
  const copy = mkdtempSync(join(tmpdir(), "tributary-changesets-"));
  onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
  for (const folder of folders) {
    mkdirSync(join(copy, folder), { recursive: true });
    cpSync(join(root, folder, "package.json"), join(copy, folder, "package.json"));
  }
  for (const name of ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", ".changeset"])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  for (const pending of globSync(".changeset/*.md", { cwd: copy, exclude: ["**/README.md"] })) rmSync(join(copy, pending));
  writeFileSync(join(copy, ".changeset/one.md"), '---\n"tributary": minor\n---\n\nNodes may whisper.\n');
  const git = ["init -q -b main", "add -A", "-c user.name=t -c user.email=t@t.example commit -q -m begin"];
  for (const words of git) expect(spawnSync("git", words.split(" "), { cwd: copy }).status).toBe(0);
  const changeset = join(root, "node_modules/@changesets/cli/bin.js");
  const done = spawnSync(process.execPath, [changeset, "version"], { cwd: copy, encoding: "utf8" });
  expect({ status: done.status, said: done.stderr }).toMatchObject({ status: 0 });

  const [major = "", minor = ""] = (published[0]?.version ?? "").split(".");
  const next = `${major}.${Number(minor) + 1}.0`;
  for (const { folder, name } of versioned)
    expect({ name, version: manifestIn(join(copy, folder)).version }).toEqual({ name, version: next });
  expect(readFileSync(join(copy, "packages/cli/CHANGELOG.md"), "utf8")).toContain("Nodes may whisper.");
  expect(existsSync(join(copy, ".changeset/one.md"))).toBe(false);
});
