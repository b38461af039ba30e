/**
 * Where packages come from: the registry, by a tarball whose hash stands in the lockfile, and from nowhere else. No git repository, no address, no file, no patch, and
 * no override but those listed here with a reason.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import type { Checked } from "./finding.ts";
import { type Lockfile, root } from "./lockfile.ts";

/** Packages whose version is not what asks for them wanted, by the override's selector. */
const overrides: Readonly<Record<string, string>> = {};

/** 64 bytes of SHA-512 in base64. */
const integrity = /^sha512-[A-Za-z0-9+/]{86}==$/;

export function checkResolutions(lockfile: Lockfile): Checked {
  const packages = Object.entries(lockfile.packages).flatMap(([id, { resolution }]) => {
    const { integrity: hash, ...others } = resolution;
    return [
      ...(typeof hash === "string" && integrity.test(hash) ? [] : [`${id} has no sha512 of its tarball`]),
      ...Object.keys(others).map((key) => `${id} comes by ${key}, not from the registry: ${JSON.stringify(others[key])}`),
      ...(/^@?[^@]+@\d+\.\d+\.\d+(-[\w.-]+)?(\+[\w.-]+)?$/.test(id) ? [] : [`${id} is no version of the registry`]),
    ];
  });
  const asked = Object.entries(lockfile.importers).flatMap(
    ([folder, { dependencies, optionalDependencies, devDependencies }]) =>
      Object.entries({ ...dependencies, ...optionalDependencies, ...devDependencies })
        .filter(([, { specifier }]) => !/^(workspace:\*|[\^~]?\d+\.\d+\.\d+(-[\w.-]+)?)$/.test(specifier))
        .map(([name, { specifier }]) => `${folder} asks for ${name} as ${specifier}`),
  );
  const changed = [
    ...Object.keys(lockfile.overrides ?? {})
      .filter((selector) => !Object.hasOwn(overrides, selector))
      .map((selector) => `the override ${selector} is not listed in supply-chain/resolutions.ts`),
    ...Object.keys(lockfile.patchedDependencies ?? {}).map((id) => `${id} is patched`),
  ];
  return {
    name: "resolutions",
    looked: `${Object.keys(lockfile.packages).length} packages of the lockfile`,
    wrong: [...packages, ...asked, ...changed],
  };
}

/** What of pnpm-workspace.yaml is a rule here. @throws Error where it isn't there */
export interface WorkspaceRules {
  readonly onlyBuiltDependencies: readonly string[];
  readonly ignoredBuiltDependencies: readonly string[];
}

export function readWorkspaceRules(text = readFileSync(join(root, "pnpm-workspace.yaml"), "utf8")): WorkspaceRules {
  const read: unknown = parse(text);
  const list = (key: string): readonly string[] => {
    const value = typeof read === "object" && read !== null ? (read as Readonly<Record<string, unknown>>)[key] : undefined;
    if (!Array.isArray(value)) throw new Error(`pnpm-workspace.yaml has no list ${key}`);
    return value.map(String);
  };
  return { onlyBuiltDependencies: list("onlyBuiltDependencies"), ignoredBuiltDependencies: list("ignoredBuiltDependencies") };
}
