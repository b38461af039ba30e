/** `node process.ts JOB`: vitest with one worker and entry.ts as its only test file, and instead of the sources their text with mutants. */
import { readFileSync } from "node:fs";
import type { Plugin } from "vite";
import { type CliOptions, startVitest } from "vitest/node";
import type { Job } from "./job.ts";

const [path = ""] = process.argv.slice(2);
const job = JSON.parse(readFileSync(path, "utf8")) as Job;
const mutated = new Map(JSON.parse(readFileSync(job.sources, "utf8")) as readonly (readonly [string, string])[]);

const options: CliOptions = {
  ...{ root: job.root, config: false, run: true, watch: false, include: ["test/mutation/entry.ts"] },
  ...{ pool: "forks", isolate: false, maxWorkers: 1, testTimeout: 60_000, env: { MUTATION_JOB: path } },
  execArgv: ["--max-old-space-size=2048"],
  // the text of a source is another one in each run
  fsModuleCache: false,
  reporters: ["dot"],
  ...(job.mode === "baseline" ? {} : { testNamePattern: "^mutants$" }),
};
const plugin: Plugin = { name: "mutants", enforce: "pre", load: (id) => mutated.get(id.split("?")[0] ?? "") ?? null };
const vitest = await startVitest([], options, { plugins: [plugin] });
await vitest.close();
