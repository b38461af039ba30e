/**
 * Our sources, instrumented as they are loaded. Jazzer's own loader hook leaves TypeScript out (`module-typescript` is no format that it knows) and works in
 * a thread apart; here a synchronous hook of Node's takes the types away, which keeps every line and column, and has Jazzer's instrumentor count branches
 * and report comparisons in what is left. What is in node_modules, and the fuzzer itself, stays as it is.
 */
import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";

/** What of Jazzer's instrumentor is used. */
export interface Instrumentor {
  readonly instrument: (code: string, filename: string) => { readonly code?: string | null | undefined } | null;
}

/** @param instrumented whether a file, by its path, is one that coverage is wanted of */
export function instrumentSources(instrumentor: Instrumentor, instrumented: (path: string) => boolean): void {
  registerHooks({
    load(url, context, next) {
      if (!url.startsWith("file:") || !url.endsWith(".ts")) return next(url, context);
      const path = fileURLToPath(url);
      if (path.includes(`${sep}node_modules${sep}`) || !instrumented(path)) return next(url, context);
      const code = stripTypeScriptTypes(readFileSync(path, "utf8"));
      return { format: "module", shortCircuit: true, source: instrumentor.instrument(code, path)?.code ?? code };
    },
  });
}
