/**
 * `pnpm fuzz`: every parser of what comes from outside, fuzzed with coverage as the guide (docs/fuzzing.md).
 *
 *   pnpm fuzz --minutes 5 [--target NAME] [--record]   divides the time among the targets, two processes at once
 *   pnpm fuzz --nightly [--record]                      ten minutes each
 *   pnpm fuzz --replay FILE                             one input of test/fuzz/regressions/TARGET once more
 *   pnpm fuzz --list                                    the targets
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { summarise, type Tried } from "../security-run.ts";
import { minimise } from "./engine/minimise.ts";
import { judge } from "./engine/oracle.ts";
import { removeOwnFolders } from "./engine/own-folder.ts";
import { type FoundInput, runTarget, type TargetRun } from "./engine/run-target.ts";
import type { Target } from "./engine/target.ts";
import { allTargets, targetNamed } from "./targets/targets.ts";

const regressions = fileURLToPath(new URL("regressions", import.meta.url));
const root = fileURLToPath(new URL("../..", import.meta.url));
const [processes, nightlySeconds, leastSeconds] = [2, 600, 5];

const { values } = parseArgs({
  options: {
    ...{ minutes: { type: "string", default: "5" }, target: { type: "string", multiple: true }, nightly: { type: "boolean" } },
    ...{ record: { type: "boolean", default: false }, replay: { type: "string" }, list: { type: "boolean" } },
  },
});

if (values.replay !== undefined) process.exitCode = await replay(resolve(values.replay));
else if (values.list === true)
  for (const { name, parses } of await allTargets()) process.stdout.write(`${name.padEnd(28)}${parses}\n`);
else process.exitCode = await fuzzAll();

process.once("exit", removeOwnFolders);

async function fuzzAll(): Promise<0 | 1> {
  const targets = values.target === undefined ? await allTargets() : await Promise.all(values.target.map(targetNamed));
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error("--minutes is a number above 0");
  const lanes = Math.min(processes, targets.length);
  const shared = Math.max(leastSeconds, Math.floor((minutes * 60 * lanes) / targets.length));
  const seconds = values.nightly === true ? nightlySeconds : shared;
  process.stdout.write(`${targets.length} targets, ${seconds} s each, ${lanes} at once\n`);
  const began = performance.now();
  const queue = targets.map((target, place) => ({ target, place }));
  const tried: Tried[] = [];
  const lane = async () => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      tried[next.place] = await told(await runTarget(next.target, seconds));
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const command = `pnpm fuzz ${values.nightly === true ? "--nightly" : `--minutes ${minutes}`}`;
  const what = "Parsers of what comes from outside, fuzzed with coverage as the guide";
  return summarise({ name: "fuzz", what, command, seconds: (performance.now() - began) / 1000, tried }, values);
}

/** One line for the summary; findings are made smaller, kept, and told at once. */
async function told({ target, executions, perSecond, edges, features, corpus, found, broke }: TargetRun): Promise<Tried> {
  for (const one of found) await keep(target, one);
  if (broke !== undefined) process.stdout.write(`\n${target.name} ended before its time: ${broke}\n`);
  const counts = `${executions} executions, ${perSecond.toFixed(0)}/s, ${edges} edges, ${features} features, ${corpus} inputs kept`;
  const verdict = broke !== undefined ? "ended before its time" : `${found.length} findings`;
  process.stdout.write(`${target.name}: ${counts}, ${verdict}\n`);
  const held = found.length === 0 && broke === undefined && executions > 0;
  return { what: `${target.name} (${target.parses})`, result: `${counts}, ${verdict}`, held };
}

async function keep(target: Target, { fed, signature, report }: FoundInput): Promise<void> {
  // what never ends, or takes all memory, would do so here as well
  const smallest = signature.startsWith("libFuzzer") ? fed : await minimise(target, fed, signature);
  const folder = join(regressions, target.name);
  mkdirSync(folder, { recursive: true });
  const file = join(folder, createHash("sha256").update(smallest).digest("hex").slice(0, 16));
  writeFileSync(file, smallest);
  const where = relative(root, file);
  process.stdout.write(`\nFINDING in ${target.name}: ${signature}\n${report}\nreplay it: pnpm fuzz --replay ${where}\n\n`);
}

async function replay(file: string): Promise<0 | 1> {
  const target = await targetNamed(basename(dirname(file)));
  const finding = await judge(target, new Uint8Array(readFileSync(file)));
  process.stdout.write(finding === undefined ? "nothing is wrong with it\n" : `${finding.signature}\n${finding.report}\n`);
  return finding === undefined ? 0 : 1;
}
