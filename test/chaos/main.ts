/**
 * `pnpm test:chaos [--minutes N] [--seed S] [--soak] [--record]`: ten nodes and two replicas as real processes, with everything failing beneath and between
 * them, and then what must hold. The schedule of faults follows from the seed; what the processes were doing at those moments doesn't. Read in this order:
 * `run-chaos.ts` (a run from begin to end), `faults.ts` (what goes wrong when), `deployment.ts`, `kept-running.ts`, `wire.ts`, `storm.ts` (how it is done),
 * `watch.ts`, `trend.ts`, `invariants.ts` (what must hold).
 */
import { randomInt } from "node:crypto";
import { setPriority } from "node:os";
import { parseArgs } from "node:util";
import { summarise } from "../security-run.ts";
import { runChaos } from "./run-chaos.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string" },
    soak: { type: "boolean", default: false },
    record: { type: "boolean", default: false },
  },
});
const write = (line: string) => process.stdout.write(`${line}\n`);
const whole = (text: string, name: string): number => {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0) return value;
  process.stderr.write(`--${name} takes a number above 0, not "${text}"\n`);
  process.exit(2);
};
const minutes = whole(values.minutes, "minutes");
const seed = values.seed === undefined ? randomInt(1, 2 ** 31) : whole(values.seed, "seed");
const { soak, record } = values;
const command = `pnpm test:chaos${soak ? " --soak" : ""} --minutes ${minutes}`;

setPriority(10);
const begun = performance.now();
write(`${command} --seed ${seed} repeats these faults; what they meet is the machine's business`);
const tried = await runChaos({ seed, minutes, soak, say: write });
process.exitCode = summarise(
  {
    name: soak ? "soak" : "chaos",
    what: soak
      ? "A federation that runs on while nodes, replicas and connections come and go: what holds, and what grows"
      : "Ten nodes and two replicas while networks, clocks, disks, memory and the database fail: what holds afterwards",
    command,
    seconds: (performance.now() - begun) / 1e3,
    tried,
  },
  { record },
);
process.exit();
