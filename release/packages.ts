/** The packages that others may install, in the order in which an event travels (docs/layout.md). `@opendp/opendp` is none of them: its scope isn't ours. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** Their folders, from the repository's root. */
const publishedFolders = [
  "packages/errors",
  "packages/events",
  "packages/tensor",
  "dp",
  "packages/model",
  "packages/protocol",
  "packages/secagg",
  "packages/ledger",
  "packages/federation",
  "client",
  "coordinator",
  "packages/simulate",
  "packages/dashboard",
  "packages/cli",
] as const;

const names = z.record(z.string(), z.string()).default({});

/** What a build needs to know of a package.json in the checkout; what it says beside is pnpm's and npm's. */
const manifestSchema = z.object({
  name: z.string(),
  version: z.string(),
  /** Modules that do something by being imported: none, these, or (by default) any. */
  sideEffects: z.union([z.boolean(), z.array(z.string())]).default(true),
  exports: z.record(z.string(), z.string()),
  bin: names,
  dependencies: names,
  peerDependencies: names,
  devDependencies: names,
  publishConfig: z.object({
    exports: z.record(z.string(), z.strictObject({ types: z.string(), default: z.string() })),
    bin: names,
    engines: z.object({ node: z.string() }),
  }),
});

export type Manifest = z.infer<typeof manifestSchema>;

export interface PublishedPackage {
  /** From the repository's root: `packages/cli`. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** Reads them as they lie in the checkout. */
export function publishedPackages(): readonly PublishedPackage[] {
  return publishedFolders.map((folder) => ({
    folder,
    manifest: manifestSchema.parse(JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8"))),
  }));
}
