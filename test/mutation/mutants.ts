/**
 * All mutants of a package, and its sources with some of them built in, each behind a switch: one load of the code serves for hundreds of mutants.
 *
 * Stryker's instrumenter makes them (mutant schemata). Left out is what says nothing of the code: prose (a text with a space in it), and the details of
 * an error, which only fill its text. A file's sources are cut down to the mutants that are tested, so that samplers with a switch in every line
 * do not take ten times as long.
 */
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Instrumenter } from "@stryker-mutator/instrumenter";
import type { MutatedPackage } from "./packages.ts";

export interface Mutant {
  /** Only while this process lives. */
  readonly id: number;
  /** From the repository's root. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** Stryker's name: ArithmeticOperator, BlockStatement, ... */
  readonly mutator: string;
  /** The line on which it begins, without the space around. */
  readonly lineText: string;
  /** What is replaced, its white space made single. */
  readonly original: string;
  readonly replacement: string;
}

/** A package's mutants, and its sources with all of them built in. */
export interface MutatedSources {
  readonly mutants: readonly Mutant[];
  readonly files: ReadonlyMap<string, string>;
}

/** Names of node kinds that a check below looks at. */
interface SyntaxNode {
  readonly type: string;
  readonly value?: unknown;
  readonly callee?: { readonly type: string; readonly name?: string };
}

const silent = { isDebugEnabled: () => false, isTraceEnabled: () => false, isInfoEnabled: () => false };
const quiet = { ...silent, isWarnEnabled: () => false, isErrorEnabled: () => false, isFatalEnabled: () => false };
const nothing = (): void => undefined;
const logger = { ...quiet, trace: nothing, debug: nothing, info: nothing, warn: nothing, error: nothing, fatal: nothing };

/** Tests, what only tests use, declarations and measurements are not mutated. */
const notMutated = /\.test\.ts$|\.test-support\.ts$|\.long\.test\.ts$|\.d\.ts$|\/bench-[^/]*\.ts$/;

export async function mutatedSources(root: string, { sources }: MutatedPackage): Promise<MutatedSources> {
  const names = globSync([...sources], { cwd: root })
    .filter((name) => !notMutated.test(name))
    .sort();
  const originals = new Map(names.map((name) => [name, readFileSync(join(root, name), "utf8")]));
  const inputs = [...originals].map(([name, content]) => ({ name, mutate: true, content }));
  const instrumented = await new Instrumenter(logger).instrument(inputs, {
    plugins: null,
    excludedMutations: [],
    ignorers: [{ shouldIgnore: ignoredSyntax }],
    noHeader: true,
  });
  const mutants = instrumented.mutants
    .filter(({ status }) => status === undefined)
    .map((mutant): Mutant => {
      const text = originals.get(mutant.fileName) ?? "";
      const { start, end } = mutant.location;
      const lines = text.split("\n");
      return {
        id: Number(mutant.id),
        file: mutant.fileName,
        line: start.line + 1,
        mutator: mutant.mutatorName,
        lineText: (lines[start.line] ?? "").trim(),
        original: oneLine(between(lines, start, end)),
        replacement: oneLine(mutant.replacement),
      };
    })
    .filter((mutant) => !isProse(mutant));
  return { mutants, files: new Map(instrumented.files.map(({ name, content }) => [name, content])) };
}

/**
 * `fail("TRB_X", { … })`: what stands in its details, what `new Error` is told, and the name that
 * `checkX("name", value)` or `invalid("name", value, …)` puts there, is the text of an error.
 */
function ignoredSyntax(path: object): string | undefined {
  const { node, parent } = path as { readonly node: SyntaxNode; readonly parent: SyntaxNode | null };
  const callee = parent?.callee?.name;
  const ofFail = node.type === "ObjectExpression" && callee === "fail";
  const ofError = parent?.type === "NewExpression" && callee === "Error" && node.type !== "Identifier";
  const isName = node.type === "StringLiteral" && !String(node.value).startsWith("TRB_");
  const ofCheck =
    isName && callee !== undefined && /^(check[A-Z]|invalid|refuse|unsupported|wholeNumber|positive)/.test(callee);
  return ofFail || ofError || ofCheck ? "the text of an error" : undefined;
}

function isProse({ mutator, original }: Mutant): boolean {
  return mutator === "StringLiteral" && /\s/.test(original.slice(1, -1));
}

interface Position {
  readonly line: number;
  readonly column: number;
}

function between(lines: readonly string[], start: Position, end: Position): string {
  if (start.line === end.line) return (lines[start.line] ?? "").slice(start.column, end.column);
  const inner = lines.slice(start.line + 1, end.line);
  return [(lines[start.line] ?? "").slice(start.column), ...inner, (lines[end.line] ?? "").slice(0, end.column)].join("\n");
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ").trim();
}

/**
 * The instrumented text with the switches of `kept` alone. Each reads `$mutant(ID)`, each count of whether it was come by `$met[ID]++`
 * (entry.ts puts both in the global scope).
 */
export function withMutants(instrumented: string, kept: ReadonlySet<number>): string {
  return instrumented
    .replace(/stryMutAct_9fa48\("(\d+)"\)/g, (_, id: string) => (kept.has(Number(id)) ? `$mutant(${id})` : "false"))
    .replace(/stryCov_9fa48\(([^)]*)\)/g, (_, ids: string) => {
      const met = ids
        .split(",")
        .map((id) => Number(id.trim().slice(1, -1)))
        .filter((id) => kept.has(id));
      return met.length === 0 ? "0" : `(${met.map((id) => `$met[${id}]++`).join(", ")})`;
    });
}
