/**
 * `pnpm mutate PACKAGE [--minutes N | --all] [--files GLOB] [--seed S] [--survivors FILE] [--record]`: changes the package's code in one place at a time and
 * sees whether a test fails. See docs/mutation-testing.md. Exits 0 if at least 85 % of the mutants are killed.
 */
import { globSync, writeFileSync } from "node:fs";
import { join, matchesGlob } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { summarise, type Tried } from "../security-run.ts";
import { entryOf, matchAccepted, readAccepted } from "./accepted.ts";
import { type Judged, type JudgedAll, judgeMutants } from "./judge.ts";
import { type Mutant, mutatedSources } from "./mutants.ts";
import { mutatedPackages } from "./packages.ts";
import { inRandomOrder, stratifiedSample, wilsonInterval } from "./sample.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
/** How many a sample takes for each minute that is asked for: docs/decisions/0057. */
const mutantsPerMinute = 30;
/** With a switch for each mutant the code gets slow: so many at once. */
const atOnce = 600;
const leastShare = 0.85;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    minutes: { type: "string", default: "15" },
    all: { type: "boolean", default: false },
    files: { type: "string" },
    seed: { type: "string", default: "1" },
    survivors: { type: "string" },
    record: { type: "boolean", default: false },
  },
});
// its processes are of groups of their own: they are ended, and its folder is removed, at its exit, which a signal alone does not make
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));
process.exitCode = await mutate();

async function mutate(): Promise<0 | 1> {
  const begin = performance.now();
  const [name] = positionals;
  const chosen = mutatedPackages.find((one) => one.name === name);
  if (chosen === undefined) throw new Error(`which of ${mutatedPackages.map((one) => one.name).join(", ")}?`);
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) throw new Error("--minutes is a number above 0");
  const { files: pattern, seed } = values;

  const sources = await mutatedSources(root, chosen);
  const accepted = matchAccepted(sources.mutants, readAccepted(chosen.name));
  const inFiles = sources.mutants.filter(({ file }) => pattern === undefined || matchesGlob(file, pattern));
  const judgeable = inFiles.filter(({ id }) => !accepted.ids.has(id));
  const sample = values.all ? inRandomOrder(judgeable, seed) : stratifiedSample(judgeable, minutes * mutantsPerMinute, seed);
  const of = `${judgeable.length} mutants of ${chosen.name}${pattern === undefined ? "" : ` in ${pattern}`}`;
  process.stdout.write(`${of}, ${inFiles.length - judgeable.length} accepted; ${sample.length} are tested, seed ${seed}\n`);

  const tests = globSync([...chosen.tests], { cwd: root }).filter((file) => !file.endsWith(".long.test.ts"));
  const all: JudgedAll[] = [];
  const left: Judged[] = [];
  const settled = (one: Judged) => {
    if (one.verdict !== "survived" && one.verdict !== "no coverage") return;
    left.push(one);
    if (values.survivors !== undefined) writeSurvivors(values.survivors, left);
  };
  let toldLast = begin;
  for (let from = 0; from < sample.length; from += atOnce) {
    const progress = (done: number) => {
      if (performance.now() - toldLast < 30_000) return;
      toldLast = performance.now();
      process.stdout.write(`${from + done} of ${sample.length} after ${((toldLast - begin) / 60e3).toFixed(1)} min\n`);
    };
    const mutants = sample.slice(from, from + atOnce);
    const paths = tests.sort().map((file) => join(root, file));
    all.push(await judgeMutants({ root, sources, mutants, tests: paths, processes: 2, progress, settled }));
  }

  const judged = all.flatMap((part) => part.judged);
  if (values.survivors !== undefined) writeSurvivors(values.survivors, left);
  const options = values.all ? "--all" : `--minutes ${minutes}`;
  const command = `pnpm mutate ${chosen.name} ${options}${pattern === undefined ? "" : ` --files "${pattern}"`} --seed ${seed}`;
  const code = summarise(
    {
      name: `mutation-${chosen.name}`,
      what: `Code of ${chosen.name} changed in one place at a time, and whether its tests see it`,
      command,
      seconds: (performance.now() - begin) / 1e3,
      tried: [
        score(judged, judgeable.length),
        counts(judged, inFiles.length - judgeable.length),
        ...all.filter(({ notJudged }) => notJudged.length > 0).map(neverJudged),
        ...accepted.stale.map(staleEntry),
      ],
    },
    values,
  );
  process.stdout.write(left.length === 0 ? "" : `\nSurvivors\n${inOrder(left).map(described).join("\n")}\n`);
  return code;
}

function inOrder(left: readonly Judged[]): readonly Judged[] {
  return [...left].sort((a, b) => a.mutant.id - b.mutant.id);
}

/** The file is true at any moment: a run that is stopped leaves what it has found. */
function writeSurvivors(path: string, left: readonly Judged[]): void {
  const entries = inOrder(left).map(({ mutant }) => ({ ...entryOf(mutant), reason: "" }));
  writeFileSync(path, `${JSON.stringify(entries, null, 2)}\n`);
}

function killed(judged: readonly Judged[]): number {
  return judged.filter(({ verdict }) => verdict === "killed" || verdict === "timeout").length;
}

function score(judged: readonly Judged[], outOf: number): Tried {
  const share = judged.length === 0 ? 0 : killed(judged) / judged.length;
  const [low, high] = wilsonInterval(killed(judged), judged.length);
  const certainty = judged.length === outOf ? "all of them tested" : `95 % interval ${percent(low)} to ${percent(high)}`;
  return {
    what: "mutants killed",
    result: `${percent(share)} of ${judged.length} (${certainty}; there are ${outOf})`,
    held: share >= leastShare,
  };
}

function counts(judged: readonly Judged[], acceptedCount: number): Tried {
  const count = (wanted: Judged["verdict"]) => judged.filter(({ verdict }) => verdict === wanted).length;
  const [failing, endless] = [`${count("killed")} by a failing test`, `${count("timeout")} by a timeout`];
  const [survived, uncovered] = [`${count("survived")} survived`, `${count("no coverage")} without coverage`];
  const result = `${failing}, ${endless}, ${survived}, ${uncovered}, ${acceptedCount} accepted and not counted`;
  return { what: "verdicts", result, held: true };
}

function neverJudged({ notJudged, output }: JudgedAll): Tried {
  const result = `${notJudged.length} whose processes twice did not come as far as their first mutant:\n${output}`;
  return { what: "mutants not judged", result, held: false };
}

function staleEntry({ file, line }: { readonly file: string; readonly line: string }): Tried {
  return { what: "accepted mutant", result: `no mutant answers to it any more: ${file}: ${line}`, held: false };
}

function described({ mutant, verdict }: { readonly mutant: Mutant; readonly verdict: string }): string {
  const { file, line, mutator, original, replacement } = mutant;
  const short = (text: string) => (text.length > 90 ? `${text.slice(0, 89)}…` : text);
  const uncovered = verdict === "no coverage" ? " (no test comes by it)" : "";
  return `  ${file}:${line} ${mutator}: ${short(original)} → ${short(replacement)}${uncovered}`;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}
