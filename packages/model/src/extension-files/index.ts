/**
 * `@tributary/model/extension-files`: extensions from their files, in Node. The bytes that were hashed are the very ones that run: types are
 * stripped by Node itself, and the module is made from them rather than read from the disk once more. It can import nothing from a package or
 * from beside it, so the hash covers all of its code.
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { basename, join } from "node:path";
import { fail } from "@tributary/errors";
import { type Extension, registerExtension } from "../extensions/extension.ts";

/** How a plan names one. */
interface NamedExtension<Hash extends string> {
  readonly name: string;
  readonly sha256: Hash;
}

export interface OpenExtension {
  readonly extension: Extension;
  /** Of the file's bytes: what a plan and a policy call it by. */
  readonly sha256: string;
  readonly bytes: Uint8Array;
}

/** Those that this thread has loaded, by hash: a file is run once. */
const open = new Map<string, OpenExtension>();

/**
 * Reads the file, runs it, and makes what it exports known in this thread. Whoever calls this trusts the file.
 * @throws TRB_EXTENSION_UNREADABLE
 */
export async function openExtension(file: string): Promise<OpenExtension> {
  const bytes = octetsOf(file);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const found = open.get(sha256) ?? { extension: await moduleOf(bytes, file), sha256, bytes };
  open.set(sha256, found);
  registerExtension(found.extension);
  return found;
}

/**
 * Loads what a plan names from a folder of files that are called by their hashes.
 * @throws TRB_EXTENSION_UNREADABLE, TRB_EXTENSION_ALTERED
 */
export async function loadExtensions<Hash extends string>(
  folder: string,
  named: readonly NamedExtension<Hash>[] = [],
): Promise<void> {
  for (const { name, sha256 } of named) {
    const file = fileOf(folder, sha256);
    const actual = createHash("sha256").update(octetsOf(file)).digest("hex");
    if (actual !== sha256) throw fail("TRB_EXTENSION_ALTERED", { name, actual, expected: sha256 });
    const { extension } = await openExtension(file);
    if (extension.name !== name) throw unreadable(file, `it calls itself ${extension.name}, and the plan calls it ${name}`);
  }
}

/** Puts a file where `loadExtensions` finds it. */
export function keepExtension(folder: string, { bytes, sha256 }: Pick<OpenExtension, "bytes" | "sha256">): void {
  const file = fileOf(folder, sha256);
  if (existsSync(file)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(`${file}.new`, bytes, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

/** Whether the folder has the file of this hash. */
export const hasExtension = (folder: string, sha256: string): boolean => existsSync(fileOf(folder, sha256));

const fileOf = (folder: string, sha256: string) => join(folder, `${sha256}.ts`);

function octetsOf(file: string): Uint8Array {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw unreadable(file, cause instanceof Error && "code" in cause ? String(cause.code) : "it can't be read", cause);
  }
}

async function moduleOf(bytes: Uint8Array, file: string): Promise<Extension> {
  let exported: unknown;
  try {
    const source = stripTypeScriptTypes(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (importing.test(source)) throw new SyntaxError("it imports more than types, which its hash would not cover");
    const url = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
    exported = await import(/* @vite-ignore */ url);
  } catch (cause) {
    throw unreadable(file, cause instanceof Error ? cause.message.slice(0, 200) : "it failed", cause);
  }
  const found = typeof exported === "object" && exported !== null && "extension" in exported ? exported.extension : undefined;
  const reason = faultOf(found);
  if (reason !== undefined) throw unreadable(file, reason);
  return found as Extension;
}

/** Whatever imports or re-exports at run time; types are gone by then. */
const importing = /^\s*(?:import\s*["'*{\w]|export\s[^;=]*\sfrom\s*["'])|\bimport\s*\(|\brequire\s*\(/m;

/** The functions that each part has to bring. */
const parts: Readonly<Record<string, readonly string[]>> = {
  model: ["parameters", "deviation", "hiddenStates"],
  optimiser: ["direction"],
  query: ["shape", "query"],
};

function faultOf(found: unknown): string | undefined {
  if (typeof found !== "object" || found === null) return "it exports no object called extension";
  const { name, ...brought } = found as Readonly<Record<string, unknown>>;
  if (typeof name !== "string" || !/^[a-z][a-zA-Z0-9-]{0,39}$/.test(name)) return "its name is no name for an extension";
  if (Object.keys(brought).length === 0) return "it brings no model, optimiser or query";
  for (const [part, value] of Object.entries(brought)) {
    const functions = Object.hasOwn(parts, part) ? parts[part] : undefined; // `toString` is a part of every object
    if (functions === undefined) return `it brings a ${part.slice(0, 40)}, which is none of model, optimiser and query`;
    const has = value as Readonly<Record<string, unknown>> | null;
    const missing = functions.find((one) => typeof has?.[one] !== "function");
    if (missing !== undefined) return `its ${part} has no function ${missing}`;
  }
  return undefined;
}

const unreadable = (file: string, reason: string, cause?: unknown) =>
  fail("TRB_EXTENSION_UNREADABLE", { file: basename(file), reason }, cause);
