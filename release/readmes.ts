/** The examples in the packages' own README.md: each a program by itself, with what it prints below it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { publishedPackages, root } from "./packages.ts";

export interface ReadmeExample {
  /** The package that it is an example of. */
  readonly name: string;
  /** TypeScript. */
  readonly source: string;
  /** What it prints. */
  readonly output: string;
}

/** The first one of every package. @throws Error where there is none */
export function readmeExamples(): readonly ReadmeExample[] {
  return publishedPackages().map(({ folder, manifest: { name } }) => {
    const text = readFileSync(join(root, folder, "README.md"), "utf8");
    const [, source, output] = /```ts\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```/.exec(text) ?? [];
    if (source === undefined || output === undefined) throw new Error(`${folder}/README.md has no example with its output`);
    return { name, source, output };
  });
}
