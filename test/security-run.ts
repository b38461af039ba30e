/**
 * What the commands that try to break the project have in common (`pnpm test:attacks`, `test:chaos`, `fuzz`, `mutate`): a summary, one line for each thing
 * that was tried, and with `--record` the same as docs/measurements/security-NAME.json, of which docs/security.md is made.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { MeasurementRecord } from "../docs/figures/record.ts";

/** One thing that was tried. */
export interface Tried {
  /** What, in a few words: "one node's message, without masks". */
  readonly what: string;
  /** What came of it, with its figures: "87 % of 512 items read off it". */
  readonly result: string;
  /** Whether it came out as it should. An attack that is expected to work where nothing guards against it has held if it worked. */
  readonly held: boolean;
}

export interface SecurityRun {
  /** The record's name after `security-`: attacks, chaos, fuzz, mutation-dp, ... */
  readonly name: string;
  /** One sentence for the page. */
  readonly what: string;
  /** As somebody would type it. */
  readonly command: string;
  readonly seconds: number;
  readonly tried: readonly Tried[];
}

const root = fileURLToPath(new URL("..", import.meta.url));

/** Prints the summary, writes the record where that was asked for. @returns the exit code: 0 if all held, else 1 */
export function summarise(run: SecurityRun, { record }: { readonly record: boolean }): 0 | 1 {
  const failed = run.tried.filter(({ held }) => !held);
  const width = Math.max(0, ...run.tried.map(({ what }) => what.length));
  const lines = run.tried.map(
    ({ what, result, held }) => `${held ? "  held  " : "  FAILED"}  ${what.padEnd(width)}  ${result}`,
  );
  const total = `${run.tried.length - failed.length} of ${run.tried.length} held, ${run.seconds.toFixed(0)} s`;
  process.stdout.write(`\n${run.what}\n${lines.join("\n")}\n${total}\n`);
  if (record) {
    writeFileSync(
      join(root, "docs", "measurements", `security-${run.name}.json`),
      `${JSON.stringify(recordOf(run), null, 2)}\n`,
    );
  }
  return run.tried.length > 0 && failed.length === 0 ? 0 : 1;
}

function recordOf({ what, command, seconds, tried }: SecurityRun): MeasurementRecord {
  const changed = git("status", "--porcelain", "--untracked-files=no", "--", ":!docs").trim() !== "";
  return {
    ...{ what, command, date: new Date().toISOString().slice(0, 10), commit: git("rev-parse", "HEAD").trim(), origin: "run" },
    machine: {
      ...{ processor: cpus()[0]?.model.trim() ?? "unknown", cores: availableParallelism() },
      ...{
        memoryGiB: Math.round(totalmem() / 2 ** 30),
        node: process.versions.node,
        load: Number((loadavg()[0] ?? 0).toFixed(1)),
      },
    },
    ...(changed ? { note: "The working tree had changes that were in no commit." } : {}),
    output: { seconds: Math.round(seconds), tried },
  };
}

function git(...words: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("git", words, { cwd: root, encoding: "utf8" });
  if (status !== 0) throw new Error(`git ${words.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
