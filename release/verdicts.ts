/**
 * What others' programs say of a tarball: `publint` of its package.json and of the files that it names, `arethetypeswrong` of what TypeScript finds by it
 * (profile esm-only: resolution by bundlers and by Node's ES modules), and ourselves of what lies in it.
 */
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { checkPackage, createPackageFromTarballData, type Problem } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import type { Tarball } from "./pack.ts";
import { root } from "./packages.ts";

/** Every objection in a sentence, with the package's name before it; none: it may be published. */
export async function objectionsTo({ name, path }: Tarball): Promise<readonly string[]> {
  const octets = readFileSync(path);
  const tarball = new Uint8Array(octets);
  const linted = await publint({ pack: { tarball: tarball.buffer }, strict: true });
  const typed = await checkPackage(createPackageFromTarballData(tarball));
  const problems =
    typed.types === false ? ["no types at all"] : typed.problems.filter(counts).map((one) => JSON.stringify(one));
  return [
    ...linted.messages.map((message) => `publint: ${formatMessage(message, linted.pkg, { color: false }) ?? message.code}`),
    ...problems.map((problem) => `arethetypeswrong: ${problem}`),
    ...unwanted(filesOf(octets)),
  ].map((objection) => `${name}: ${objection}`);
}

/** A problem of these alone is none: who requires a package of ES modules is told so by Node. */
const ignoredResolutions = ["node10", "node16-cjs"];
const counts = (problem: Problem): boolean =>
  !("resolutionKind" in problem) || !ignoredResolutions.includes(problem.resolutionKind);

/** What a tarball holds: paths below `package/`, and contents. */
export type Contents = ReadonlyMap<string, Buffer>;

/**
 * The files of a tarball as npm's and pnpm's are: ustar, each header 512 octets with the name at 0 (and what stands before it at 345), the size in octal at 124
 * and the type at 156; names that are longer come in a header of type x before it (POSIX.1-2017, pax).
 */
export function filesOf(tarball: Uint8Array): Contents {
  const tar = gunzipSync(tarball);
  const files = new Map<string, Buffer>();
  let longer: string | undefined;
  for (let at = 0; at + 512 <= tar.length; ) {
    const header = tar.subarray(at, at + 512);
    if (header.every((octet) => octet === 0)) break;
    const text = (from: number, length: number) => header.toString("utf8", from, from + length).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 12).trim(), 8);
    const content = tar.subarray(at + 512, at + 512 + size);
    const type = text(156, 1);
    const path = longer ?? [text(345, 155), text(0, 100)].filter((part) => part !== "").join("/");
    longer = undefined;
    if (type === "x") longer = /\d+ path=([^\n]+)\n/.exec(content.toString("utf8"))?.[1];
    else if (type === "0" || type === "") files.set(path.replace(/^package\//, ""), content);
    else throw new Error(`a tarball holds ${path}, which is no file (type ${type})`);
    at += 512 + 512 * Math.ceil(size / 512);
  }
  return files;
}

/** Every file that a package may hold. */
const expected =
  /^(package\.json|README\.md|API\.md|LICENSE|dist\/.+\.(js|d\.ts|json|html|css|svg|wasm|br|gz)|dist\/\w+\/third-party-licences\.md)$/;

/** Paths that nobody else has. */
const ownPaths = [root, ...(homedir().length > 1 ? [`${homedir()}/`] : [])];

/** What must not be there, or isn't: sources, tests, files nobody asked for, this machine's paths, dependencies that only a workspace knows. */
export function unwanted(files: Contents): readonly string[] {
  const objections: string[] = [];
  for (const path of ["LICENSE", "README.md", "package.json"]) if (!files.has(path)) objections.push(`${path} is missing`);
  // pnpm takes the root's where a package has none; a file whose name contains "licence" counts as one
  if (files.has("LICENSE") && !files.get("LICENSE")?.equals(readFileSync(join(root, "LICENSE"))))
    objections.push("LICENSE is another one");
  for (const [path, content] of files) {
    if (!expected.test(path)) objections.push(`${path} isn't a file for a package`);
    if (/\.(test|test-support|test-d|fixture|bench)\./.test(path)) objections.push(`${path} is of tests`);
    if (!/\.(js|ts|json|html|css|svg|md)$/.test(path)) continue;
    const text = content.toString("utf8");
    if (ownPaths.some((own) => text.includes(own))) objections.push(`${path} names a path of the machine that built it`);
    if (path === "package.json" && /"(workspace|link|file|catalog):/.test(text))
      objections.push("package.json names what only a workspace has");
    if (/\.(js|ts)$/.test(path) && /(?:from|import\()\s*"\.[^"]*\.tsx?"/.test(text))
      objections.push(`${path} imports a source`);
  }
  return objections;
}
