/**
 * pnpm-lock.yaml (format 9) as values: every package that may be installed, and what each of them, and each package of this repository, depends on. Nothing here asks
 * the network, nor what is installed.
 */
import { readFileSync } from "node:fs";
import { join, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv } from "ajv";
import { parse } from "yaml";

export const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");

interface Versions {
  readonly [name: string]: { readonly specifier: string; readonly version: string };
}
interface Links {
  readonly [name: string]: string;
}

export interface Lockfile {
  readonly lockfileVersion: "9.0";
  readonly overrides?: Links;
  readonly patchedDependencies?: object;
  /** By folder, from the root. */
  readonly importers: {
    readonly [folder: string]: {
      readonly dependencies?: Versions;
      readonly optionalDependencies?: Versions;
      readonly devDependencies?: Versions;
    };
  };
  /** By `name@version`. */
  readonly packages: {
    readonly [id: string]: {
      readonly resolution: { readonly [key: string]: unknown };
      /** One word where a package says but one. */
      readonly os?: readonly string[] | string;
      readonly cpu?: readonly string[] | string;
      readonly libc?: readonly string[] | string;
    };
  };
  /** By `name@version`, with the peers that it stands beside behind it. */
  readonly snapshots: { readonly [key: string]: { readonly dependencies?: Links; readonly optionalDependencies?: Links } };
}

const texts = { anyOf: [{ type: "string" }, { type: "array", items: { type: "string" } }] };
const links = { type: "object", additionalProperties: { type: "string" } };
const of = (one: object) => ({ type: "object", additionalProperties: one });
const versions = of({
  type: "object",
  required: ["specifier", "version"],
  properties: { specifier: { type: "string" }, version: { type: "string" } },
});

/** What is read of a lockfile; what else stands there is of no interest here. */
const isLockfile = new Ajv().compile<Lockfile>({
  type: "object",
  required: ["lockfileVersion", "importers", "packages", "snapshots"],
  properties: {
    ...{ lockfileVersion: { const: "9.0" }, overrides: links, patchedDependencies: { type: "object" } },
    importers: of({
      type: "object",
      properties: { dependencies: versions, optionalDependencies: versions, devDependencies: versions },
    }),
    packages: of({
      type: "object",
      required: ["resolution"],
      properties: { resolution: { type: "object" }, os: texts, cpu: texts, libc: texts },
    }),
    snapshots: of({ type: "object", properties: { dependencies: links, optionalDependencies: links } }),
  },
});

/** @throws Error where it is no lockfile of this format */
export function readLockfile(text = readFileSync(join(root, "pnpm-lock.yaml"), "utf8")): Lockfile {
  const read: unknown = parse(text);
  if (!isLockfile(read)) throw new Error(`pnpm-lock.yaml: ${JSON.stringify(isLockfile.errors?.[0])}`);
  return read;
}
/** One package of a closure: of the registry (`name@version`), or of this repository (its folder). */
export interface Locked {
  /** `name@version`; of this repository `workspace:FOLDER`. */
  readonly id: string;
  readonly name: string;
  /** Undefined for packages of this repository: their own package.json says it. */
  readonly version: string | undefined;
  /** Of this repository; undefined where it comes from the registry. */
  readonly folder: string | undefined;
  /** Subresource integrity of the tarball: `sha512-…`. */
  readonly integrity: string | undefined;
  /** Whether it is installed on some platforms only. */
  readonly platforms: { readonly os: readonly string[]; readonly cpu: readonly string[]; readonly libc: readonly string[] };
  /** Ids of what it depends on, sorted. */
  readonly dependsOn: readonly string[];
}

/** `@scope/name@1.2.3` in two. @throws Error where there is no version */
export function parted(id: string): { readonly name: string; readonly version: string } {
  const at = id.indexOf("@", 1);
  if (at < 0) throw new Error(`${id} is no name@version`);
  return { name: id.slice(0, at), version: id.slice(at + 1) };
}

/** A snapshot's key without the peers behind it: `a@1.0.0(b@2.0.0)` is a build of `a@1.0.0`. */
const withoutPeers = (key: string): string => key.replace(/\(.*$/, "");

/**
 * What is installed with a package of this repository, itself first, then by id: dependencies and optional ones, on every platform; not what only developers need.
 *
 * @param folder as the lockfile has it: `packages/cli`
 * @throws Error where the lockfile has no such package, or lacks one that it names
 */
export function closureOf(lockfile: Lockfile, folder: string): readonly Locked[] {
  const found = new Map<string, Locked>();
  const seen = new Set<string>();
  const visit = (target: Target): void => {
    if (seen.has(target.key)) return;
    seen.add(target.key);
    const next = target.folder === undefined ? ofSnapshot(lockfile, target.key) : ofImporter(lockfile, target.folder);
    const one = lockedOf(lockfile, target, [...new Set(next.map(idOf))].sort());
    const before = found.get(one.id);
    // the same version beside other peers is another copy of the same package
    const dependsOn = before === undefined ? one.dependsOn : [...new Set([...before.dependsOn, ...one.dependsOn])].sort();
    found.set(one.id, { ...one, dependsOn });
    next.forEach(visit);
  };
  visit({ key: `workspace:${folder}`, name: folder, folder });
  const [first, ...others] = found.values();
  if (first === undefined) throw new Error(`the lockfile has no ${folder}`);
  return [first, ...others.sort((a, b) => (a.id < b.id ? -1 : 1))];
}

interface Target {
  readonly key: string;
  readonly name: string;
  readonly folder: string | undefined;
}

const idOf = ({ key, folder }: Target): string => (folder === undefined ? withoutPeers(key) : key);

function lockedOf(lockfile: Lockfile, target: Target, dependsOn: readonly string[]): Locked {
  const { key, name, folder } = target;
  const id = idOf(target);
  if (folder !== undefined)
    return { id, name, version: undefined, folder, integrity: undefined, platforms: { os: [], cpu: [], libc: [] }, dependsOn };
  const known = lockfile.packages[id];
  if (known === undefined) throw new Error(`pnpm-lock.yaml lacks ${key}`);
  const integrity = known.resolution["integrity"];
  return {
    ...{ id, name, version: parted(id).version, folder, dependsOn },
    integrity: typeof integrity === "string" ? integrity : undefined,
    platforms: { os: [known.os ?? []].flat(), cpu: [known.cpu ?? []].flat(), libc: [known.libc ?? []].flat() },
  };
}

function ofImporter(lockfile: Lockfile, folder: string): readonly Target[] {
  const importer = lockfile.importers[folder];
  if (importer === undefined) throw new Error(`pnpm-lock.yaml has no importer ${folder}`);
  return Object.entries({ ...importer.dependencies, ...importer.optionalDependencies }).map(([name, { version }]) =>
    targetOf(name, version, folder),
  );
}

function ofSnapshot(lockfile: Lockfile, key: string): readonly Target[] {
  const snapshot = lockfile.snapshots[key];
  if (snapshot === undefined) throw new Error(`pnpm-lock.yaml has no snapshot ${key}`);
  return Object.entries({ ...snapshot.dependencies, ...snapshot.optionalDependencies }).map(([name, version]) =>
    targetOf(name, version, "."),
  );
}

/** `version` is `1.2.3`, `1.2.3(peer@1)`, `link:../folder`, or where a package goes by another name `real@1.2.3`. */
function targetOf(name: string, version: string, from: string): Target {
  if (version.startsWith("link:")) {
    const folder = posix.normalize(posix.join(from, version.slice("link:".length)));
    return { key: `workspace:${folder}`, name, folder };
  }
  const alias = /^(@?[^@(]+)@/.exec(version);
  return alias === null
    ? { key: `${name}@${version}`, name, folder: undefined }
    : { key: version, name: alias[1] ?? name, folder: undefined };
}
