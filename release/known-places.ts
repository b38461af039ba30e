/** What `convert.ts` would refuse, and why it is right as it is. A place that no longer exists fails the build as well. */
import { everything, type KnownPlace } from "./convert.ts";

export const knownPlaces: readonly KnownPlace[] = [
  {
    file: "packages/model/src/extension-files/index.js",
    text: ".ts",
    reason: "an extension is kept as the TypeScript that was hashed",
  },
  {
    file: "coordinator/src/pages/serve-pages.js",
    text: "import.meta.dirname",
    reason: "a root that is never served from; files are sent with roots of their own",
  },
  {
    file: "packages/dashboard/src/build/built-page.js",
    text: 'new URL("../..", import.meta.url)',
    reason: "the package itself, whose `dist` has the pages",
  },
  {
    file: "packages/dashboard/src/build/built-page.js",
    text: 'new URL("../../../..", import.meta.url)',
    reason: "the repository, if the page's sources are there",
  },
  { file: "packages/dashboard/src/build/built-page.js", text: '"build-page.ts"', reason: "run in a checkout alone" },
  {
    file: "packages/cli/src/commands/bench/coordinator.js",
    text: '"../../../../../test/postgres/server.ts"',
    reason: "the tests' server, asked for where it exists",
  },
  {
    file: "packages/cli/src/commands/bench/coordinator/deployment.js",
    text: "new URL(path, import.meta.url)",
    reason: "of the entries in the line above, which are rewritten",
  },
  {
    file: "packages/cli/src/commands/bench/round/federation.js",
    text: "new URL(entry, import.meta.url)",
    reason: "of the entries that `fork` is called with in this file, which are rewritten",
  },
  { file: "packages/dashboard/src/build/pages.js", text: everything, reason: "what a checkout builds its pages from" },
  {
    file: "packages/model/src/extension-files/index.js",
    text: "import(__rewriteRelativeImportExtension(/* @vite-ignore */ url))",
    reason: "an extension's code itself, as a data: address",
  },
  {
    file: "packages/cli/src/commands/bench/coordinator.js",
    text: "import(__rewriteRelativeImportExtension(testServer.href))",
    reason: "the tests' server, asked for where it exists; a file: address, which nothing rewrites",
  },
];
