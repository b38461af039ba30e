/**
 * Runs the benches behind docs/performance.md, docs/quality.md and docs/utility.md, one after the other, and writes what each printed to
 * docs/measurements, with the day, the commit and the machine; and after each of them the pages anew, so that whatever ends this leaves them in order.
 *
 *   node docs/measure.ts                   the default set: some three minutes on a quiet machine
 *   node docs/measure.ts rounds logs       sets by name: rounds, coordinator, logs, quality, utility
 *   node docs/measure.ts step packing      single benches (docs/figures/benches.ts has them all)
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { benches, chosen } from "./figures/benches.ts";
import type { MeasurementRecord } from "./figures/record.ts";
import { figurePage, figurePages } from "./figures.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const main = join(root, "packages", "cli", "src", "main.ts");

for (const name of chosen(process.argv.slice(2))) {
  const began = performance.now();
  const record = measured(name);
  writeFileSync(join(root, "docs", "measurements", `${name}.json`), `${JSON.stringify(record, null, 2)}\n`);
  for (const page of figurePages) writeFileSync(join(root, page), figurePage(root, page));
  console.log(`${name}: ${((performance.now() - began) / 1000).toFixed(0)} s, load ${record.machine.load} as it began`);
}

/** @throws Error where the bench failed, with what it said */
function measured(name: string): MeasurementRecord {
  const bench = benches[name];
  if (bench === undefined) throw new Error(`there is no bench ${name}`);
  const words = [...bench.command, "--json"];
  const load = Number((loadavg()[0] ?? 0).toFixed(1));
  const ran = spawnSync(
    process.execPath,
    ["--disable-warning=ExperimentalWarning", "--initial-old-space-size=128", main, ...words],
    {
      ...{ cwd: root, encoding: "utf8", maxBuffer: 1 << 26, stdio: ["ignore", "pipe", "inherit"] },
      env: { ...process.env, ...bench.environment },
    },
  );
  if (ran.status !== 0) throw new Error(`${name} ended with ${ran.status ?? ran.signal}: nothing was written for it`);
  return {
    what: bench.what,
    command: ["tributary", ...words].join(" "),
    ...(bench.environment === undefined ? {} : { environment: bench.environment }),
    ...{ date: new Date().toISOString().slice(0, 10), commit: commit(), origin: "run" },
    machine: {
      ...{ processor: cpus()[0]?.model.trim() ?? "unknown", cores: availableParallelism() },
      ...{ memoryGiB: Math.round(totalmem() / 2 ** 30), node: process.versions.node, load },
    },
    ...(changed() ? { note: "The working tree had changes that were in no commit." } : {}),
    output: JSON.parse(ran.stdout),
  };
}

function commit(): string {
  return git("rev-parse", "HEAD").trim();
}

/** Whether code or tests were changed since; documents are no matter. */
function changed(): boolean {
  return git("status", "--porcelain", "--untracked-files=no", "--", ":!docs").trim() !== "";
}

function git(...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("git", words, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${words.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
