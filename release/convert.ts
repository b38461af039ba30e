/**
 * What a compiled file still says of the checkout, put right for a package: TypeScript rewrites what it knows to be an import (in JavaScript, not in
 * declarations), and nothing else. Threads and processes are started by strings, so every string of a compiled file that could name a source is looked at:
 *
 *   "./worker.ts", and there is such a module   →  "./worker.js"
 *   stands in `known-places.ts`, with a reason   →  stays
 *   anything else                                →  the build fails
 *
 * The same holds for every use of `import.meta`, whose meaning depends on where a file lies, and for every import: what isn't declared in the package's own
 * `dependencies` would be there in a checkout, by chance, and nowhere else.
 */
import { isBuiltin } from "node:module";
import { posix } from "node:path";
import { parseAst } from "vite";
import type { Manifest, PublishedPackage } from "./packages.ts";

/** A place that looks like a mistake of the build and is none. */
export interface KnownPlace {
  /** From the repository's root, as compiled: `packages/ledger/src/software.js`. */
  readonly file: string;
  /** The source text of the string or of the expression around `import.meta`; or `everything`. */
  readonly text: string;
  readonly reason: string;
}

/** For a file whose strings are all about the checkout. */
export const everything = "*";

export interface Conversion {
  /** The package that the file belongs to. */
  readonly package: PublishedPackage;
  /** All that is published, for subpaths of each other. */
  readonly packages: readonly PublishedPackage[];
  /** Whether there is a compiled file at a path from the repository's root. */
  readonly exists: (path: string) => boolean;
  readonly known: readonly KnownPlace[];
  /** Called with every known place that was met: what is never met has become untrue. */
  readonly met: (place: KnownPlace) => void;
}

interface Node {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly [field: string]: unknown;
}

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * @param file from the repository's root, as compiled: `client/src/training/node-thread.js`, or `….d.ts`
 * @throws Error naming the file and what nobody knows about
 */
export function convert(file: string, text: string, conversion: Conversion): string {
  const declarations = file.endsWith(".d.ts");
  if (/^\/\/\/\s*<reference/m.test(text)) throw unknown(file, "a reference directive");
  const shebang = /^#!.*\n/.exec(text)?.[0] ?? "";
  const code = text.slice(shebang.length);
  const edits: Edit[] = [];
  const program = parseAst(code, { lang: declarations ? "dts" : "js" }) as unknown as Node;
  if (!declarations && !mayHaveSideEffects(file, conversion.package)) refuseSideEffects(file, program);
  walk(program, [], (node, above) => {
    const source = (node: Node) => code.slice(node.start, node.end);
    const specifier = specifierOf(node);
    if (specifier !== undefined) {
      const value = importedAs(file, String(specifier["value"]), declarations, conversion);
      if (value !== specifier["value"]) edits.push({ ...rangeOf(specifier), text: JSON.stringify(value) });
      return;
    }
    if (declarations) return; // strings in types are values of the program's, and lead nowhere
    if (node.type === "ImportExpression") return requireAddress(file, node, source(node), conversion);
    if (node.type === "MetaProperty") return checkMeta(file, above, source, conversion);
    const value = textOf(node);
    if (value === undefined || isSpecifier(node, above.at(-1)) || !namesSource(value)) return;
    const target = posix.join(posix.dirname(file), value.replace(/\.tsx?$/, ".js"));
    if (/\.tsx?$/.test(value) && node.type === "Literal" && conversion.exists(target))
      edits.push({ ...rangeOf(node), text: JSON.stringify(value.replace(/\.tsx?$/, ".js")) });
    else requireKnown(file, source(node), conversion);
  });
  const converted = edits
    .sort((a, b) => b.start - a.start)
    .reduce((text, edit) => `${text.slice(0, edit.start)}${edit.text}${text.slice(edit.end)}`, code);
  return `${shebang === "" ? "" : launcher}${converted}`;
}

/**
 * How the command starts itself, as the checkout's script does: what Node says of its own SQLite is nothing that a merchant can act on, and training wants a
 * heap that begins large (`packages/cli/src/main.ts`). npm's launchers for Windows read the same line.
 */
const launcher = "#!/usr/bin/env -S node --disable-warning=ExperimentalWarning --initial-old-space-size=128\n";

/** Texts that may name a source: a path that ends in .ts, or leads through a folder `src`. */
const namesSource = (value: string): boolean => !/\s/.test(value) && (/\.tsx?$/.test(value) || /(^|\/)src(\/|$)/.test(value));

function textOf(node: Node): string | undefined {
  if (node.type === "Literal" && typeof node["value"] === "string") return node["value"];
  if (node.type !== "TemplateElement") return undefined;
  return (node["value"] as { readonly cooked: string }).cooked;
}

/** The literal by which a node names a module, if it does. */
function specifierOf(node: Node): Node | undefined {
  const source = node["source"];
  const named = ["ImportDeclaration", "ExportNamedDeclaration", "ExportAllDeclaration", "ImportExpression", "TSImportType"];
  if (!named.includes(node.type) || !isNode(source)) return undefined;
  return source.type === "Literal" ? source : undefined;
}

const isSpecifier = (node: Node, parent: Node | undefined): boolean => parent !== undefined && specifierOf(parent) === node;

/** What a module is imported as once it is published. */
function importedAs(file: string, specifier: string, declarations: boolean, conversion: Conversion): string {
  if (specifier.startsWith(".")) {
    const value = declarations ? specifier.replace(/\.tsx?$/, ".js") : specifier;
    const target = posix.join(posix.dirname(file), declarations ? value.replace(/\.js$/, ".d.ts") : value);
    if (!target.startsWith(`${conversion.package.folder}/src/`))
      throw unknown(file, `an import from outside its package, ${specifier}`);
    if (!conversion.exists(target)) throw unknown(file, `an import of ${specifier}, which isn't published`);
    return value;
  }
  if (isBuiltin(specifier)) return specifier;
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  requireDeclared(file, name, declarations, conversion.package.manifest);
  const other = conversion.packages.find(({ manifest }) => manifest.name === name);
  const subpath = `.${specifier.slice(name.length)}`;
  if (other !== undefined && !(subpath in other.manifest.publishConfig.exports))
    throw unknown(file, `an import of ${specifier}, which ${name} doesn't export`);
  return specifier;
}

function requireDeclared(file: string, name: string, declarations: boolean, manifest: Manifest): void {
  const { dependencies, peerDependencies, devDependencies } = manifest;
  if (!(name in dependencies) && !(name in peerDependencies))
    throw unknown(file, `an import of ${name}, which is no dependency`);
  const types = `@types/${name}`;
  if (declarations && types in devDependencies && !(types in dependencies))
    throw unknown(file, `types of ${name}, which are installed with devDependencies alone`);
}

/** `import(url)` of what was computed: allowed where it is known. */
function requireAddress(file: string, node: Node, text: string, conversion: Conversion): void {
  if (specifierOf(node) === undefined) requireKnown(file, text, conversion);
}

/** Functions that may be given the file's own address: what they find by it is beside it in a package too. */
const takeOwnAddress = ["softwareHash", "createRequire"];

/** `above` ends with the member expression `import.meta.url`, and before it with what that is an argument of. */
function checkMeta(file: string, above: readonly Node[], source: (node: Node) => string, conversion: Conversion): void {
  const [user, member] = above.slice(-2);
  if (user === undefined || member === undefined) throw unknown(file, "import.meta by itself");
  if (source(member) !== "import.meta.url") {
    requireKnown(file, source(member), conversion);
    return;
  }
  const callee = isNode(user["callee"]) ? source(user["callee"]) : "";
  const [path] = Array.isArray(user["arguments"]) ? (user["arguments"] as readonly Node[]) : [];
  if (user.type === "NewExpression" && callee === "URL" && path?.type === "Literal") {
    const value = String(path["value"]);
    const target = posix.join(posix.dirname(file), value);
    // a literal that names a source is looked at as such
    if (namesSource(value) || target === `${conversion.package.folder}/package.json`) return;
  }
  if (user.type === "CallExpression" && takeOwnAddress.some((name) => callee === name || callee.endsWith(`.${name}`))) return;
  requireKnown(file, source(user), conversion);
}

function requireKnown(file: string, text: string, { known, met }: Conversion): void {
  const place = known.find((one) => one.file === file && (one.text === text || one.text === everything));
  if (place === undefined) throw unknown(file, text);
  met(place);
}

function mayHaveSideEffects(file: string, { folder, manifest: { sideEffects } }: PublishedPackage): boolean {
  return typeof sideEffects === "boolean"
    ? sideEffects
    : sideEffects.includes(`.${file.slice(folder.length).replace("/src/", "/dist/")}`);
}

/** `sideEffects` in package.json doesn't list it: nothing happens by importing, so that a bundler may leave out what isn't used. */
function refuseSideEffects(file: string, program: Node): void {
  for (const statement of program["body"] as readonly Node[]) {
    const bare = statement.type === "ImportDeclaration" && (statement["specifiers"] as readonly Node[]).length === 0;
    if (bare || !/^(Import|Export|Function|Class|Variable)\w*Declaration$/.test(statement.type))
      throw unknown(file, `something that happens by importing it (${statement.type}), although sideEffects doesn't list it`);
  }
}

const unknown = (file: string, what: string): Error =>
  new Error(`${file}: the build doesn't know what to do about ${what} (release/convert.ts, release/known-places.ts)`);

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";

const rangeOf = ({ start, end }: Node) => ({ start, end });

/** Every node, with those above it, from the program on. */
function walk(node: Node, above: readonly Node[], visit: (node: Node, above: readonly Node[]) => void): void {
  visit(node, above);
  const path = [...above, node];
  for (const value of Object.values(node)) {
    for (const one of Array.isArray(value) ? value : [value]) if (isNode(one)) walk(one, path, visit);
  }
}
