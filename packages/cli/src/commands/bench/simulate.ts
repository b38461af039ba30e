/**
 * `bench simulate`: what a round costs at scale. Every case runs in a process of its own, so that its peak memory is its own. Times are what
 * was waited; `fastest` and processor seconds stand beside them, because a busy machine makes everything wait.
 */
import { benchScale, type ScaleBenchmark, type ScaleTimes } from "@tributary/simulate";
import { type Command, Option } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { measuredAlone } from "./long-measurement.ts";

interface Measured extends ScaleTimes {
  readonly peakMb: number;
}

interface BenchOptions {
  readonly rounds: number;
  readonly threads: number;
  readonly most: number;
  readonly alone?: string;
  readonly json?: boolean;
}

export function addSimulate(bench: Command): void {
  bench
    .command("simulate")
    .description("rounds at scale: central noise, every node's share, full secure aggregation; and how they grow")
    .addOption(integerOption("--rounds <n>", "measured rounds of each case", 1, 10))
    .addOption(integerOption("--threads <n>", "threads that work at a time", 1, 2))
    .addOption(integerOption("--most <n>", "customers of the largest population", 1000, 1_000_000))
    .addOption(new Option("--alone <case>").hideHelp())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench simulate --json")
    .action(async (options: BenchOptions) => {
      if (options.alone !== undefined) {
        const times = await benchScale(JSON.parse(options.alone) as ScaleBenchmark); // written by the parent process
        print(true, { ...times, peakMb: Math.round(process.resourceUsage().maxRSS / 1024) }, () => []);
        return;
      }
      const document = await measureAll(options);
      print(options.json, document, () => [
        ...table([
          ["case", "s a round", "fastest", "processor s", "overhead", "MB"],
          ...Object.entries(document.cases).map(([name, one]) => row(name, one)),
        ]),
        "",
        ...table([
          ["grows", "to", "s a round", "processor s", "MB", "setup s"],
          ...document.growth.map(({ grows, to, ...one }) => [
            grows,
            String(to),
            ...[one.secondsPerRound, one.cpuSecondsPerRound].map((seconds) => seconds.toFixed(4)),
            ...[String(one.peakMb), one.setupSeconds.toFixed(1)],
          ]),
        ]),
      ]);
    });
}

async function measureAll({ rounds, threads, most }: BenchOptions) {
  const round: ScaleBenchmark = {
    ...{ nodes: 100, cohort: 10, parameters: 1_000_000, customers: 100, training: false, epochs: 1, rounds, threads },
    ...{ aggregation: "fast", noise: "central" },
  };
  const noisy = { ...round, noise: "distributed" as const };
  // one thread, so that what is not training can be told from it
  const devices = { ...round, nodes: 10_000, cohort: 100, parameters: 250_000, customers: 10_000, training: true, threads: 1 };
  const central = await inChild(round);
  const distributed = await inChild(noisy);
  const secure = await inChild({ ...noisy, aggregation: "secure" });
  const oneEpoch = await inChild({ ...devices, rounds: Math.min(rounds, 3) });
  const fiveEpochs = await inChild({ ...devices, rounds: Math.min(rounds, 3), epochs: 5 });
  const withShares = await inChild({ ...devices, rounds: Math.min(rounds, 3), epochs: 5, noise: "distributed" });
  const small = { ...noisy, parameters: 100_000, rounds };
  const growth: (Measured & { readonly grows: string; readonly to: number })[] = [];
  const grow = async (grows: string, to: number, benchmark: ScaleBenchmark) => {
    growth.push({ grows, to, ...(await inChild(benchmark)) });
  };
  for (const nodes of [100, 1000, 10_000]) await grow("nodes", nodes, { ...small, nodes, customers: nodes });
  for (const cohort of [10, 20, 40])
    await grow("cohort, secure", cohort, { ...small, cohort, aggregation: "secure", rounds: 3 });
  for (const parameters of [10_000, 100_000, 1_000_000]) await grow("parameters", parameters, { ...small, parameters });
  for (let customers = most; customers >= most / 100; customers = Math.floor(customers / 10)) {
    const nodes = Math.max(10, Math.floor(customers / 100));
    const cohort = Math.min(10, nodes);
    await grow("customers", customers, { ...round, nodes, cohort, parameters: 100_000, customers, training: true, rounds: 2 });
  }
  const peakMb = Math.max(central.peakMb, secure.peakMb);
  return {
    ...{ central, distributed, secure, peakMb },
    cases: {
      "100 nodes, 10 a round, 1M parameters, central noise": central,
      "the same, every node's share of the noise": distributed,
      "the same, full secure aggregation": secure,
      "10,000 devices, 100 a round, 250k parameters, training once, central": oneEpoch,
      "the same, training five times": fiveEpochs,
      "the same, five times, every node's share of the noise": withShares,
    },
    growth,
  };
}

function row(name: string, one: Measured): string[] {
  const seconds = [one.secondsPerRound, one.fastest, one.cpuSecondsPerRound].map((value) => value.toFixed(4));
  return [name, ...seconds, one.overhead === undefined ? "" : `${(100 * one.overhead).toFixed(0)} %`, String(one.peakMb)];
}

/** The same command in a process of its own. */
const inChild = (benchmark: ScaleBenchmark): Promise<Measured> =>
  measuredAlone(["bench", "simulate", "--alone", JSON.stringify(benchmark)]);
