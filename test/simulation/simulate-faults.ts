/**
 * `pnpm simulate:faults`: whole federations in one process, one from each seed, over the reducers that run in production. A scheduler delays,
 * drops, duplicates and reorders messages, breaks links, and kills any party before any write or send; coordinators and nodes lie. What must
 * never happen is looked for after every step.
 *
 * Read in this order: `scenario.ts` (what a seed stands for), `run-seed.ts` (one world from begin to end), `network.ts` (time and messages),
 * `node-process.ts` and `coordinator-process.ts` (shells with disks), `corrupt-node.ts`, `corrupt-coordinator.ts`, `deceit.ts`, `puppets.ts`
 * (who lies, and how), `watch.ts`, `honest-speech.ts`, `knowledge.ts`, `ending.ts` (what must hold), `mutations.ts` (bugs planted to see that
 * they are found), `search.ts` and `worker.ts` (many seeds on all cores).
 *
 *   pnpm simulate:faults --seeds 2000 --from 0     exit 1 on a finding, with the line that replays it
 *   pnpm simulate:faults --seeds 1 --from 7 --trace    everything that happens in one seed
 *   pnpm simulate:faults --mutations     plants every bug of the list, exit 1 if one isn't found within 500 seeds
 */
import { parseArgs } from "node:util";
import { mutations } from "./mutations.ts";
import { huntMutations, replayCommand, searchSeeds } from "./search.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "200" },
    from: { type: "string", default: "0" },
    threads: { type: "string" },
    trace: { type: "boolean", default: false },
    mutations: { type: "boolean", default: false },
    only: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

const whole = (text: string, name: string, least: number): number => {
  const value = Number(text);
  if (Number.isSafeInteger(value) && value >= least) return value;
  process.stderr.write(`--${name} takes a whole number from ${least} on, not "${text}"\n`);
  process.exit(2);
};
const from = whole(values.from, "from", 0);
const threads = values.threads === undefined ? {} : { threads: whole(values.threads, "threads", 1) };
const write = (line: string) => process.stdout.write(`${line}\n`);
const begun = performance.now();
const seconds = () => (performance.now() - begun) / 1000;

if (values.trace) process.exitCode = await replay();
else if (values.mutations) process.exitCode = await hunt();
else process.exitCode = await search(whole(values.seeds, "seeds", 1));

async function replay(): Promise<number> {
  const { findings, figures, refusals } = await searchSeeds({ from, seeds: 1, threads: 1, trace: write });
  write(JSON.stringify({ figures, refusals }));
  return findings.length === 0 ? 0 : 1;
}

async function hunt(): Promise<number> {
  const wanted = mutations.filter(({ name }) => values.only === undefined || name === values.only);
  const hunts = await huntMutations(wanted, { from, seeds: 500, ...threads }, ({ mutation, finding, after }) => {
    write(
      `${finding === undefined ? "NOT FOUND" : "found"} after ${String(after).padStart(3)} seeds: ${mutation.name} (${finding ?? mutation.breaks})`,
    );
  });
  const missed = hunts.filter(({ finding }) => finding === undefined).length;
  write(`${hunts.length - missed} of ${hunts.length} planted bugs were found, in ${seconds().toFixed(0)} s`);
  return missed === 0 && hunts.length > 0 ? 0 : 1;
}

async function search(seeds: number): Promise<number> {
  let shown = 0;
  const { findings, figures, refusals } = await searchSeeds({
    ...{ from, seeds, ...threads },
    progress({ seed, finding }, done) {
      if (finding !== undefined) process.stderr.write(`seed ${seed}: ${finding}\n  ${replayCommand(seed)}\n`);
      if (seconds() - shown < 5 && done < seeds) return;
      shown = seconds();
      process.stderr.write(`${done} of ${seeds} seeds, ${(done / seconds()).toFixed(1)} a second\n`);
    },
  });
  if (values.json) write(JSON.stringify({ seeds, from, seconds: seconds(), findings, figures, refusals }));
  else write(`${seeds} seeds in ${seconds().toFixed(1)} s: ${findings.length} findings`);
  return findings.length === 0 ? 0 : 1;
}
