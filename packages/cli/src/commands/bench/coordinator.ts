/**
 * `bench coordinator`: what a round costs a coordinator with many nodes connected, some of which take part, over real sockets and with every signature,
 * share and mask. Nodes are the real state machines, many in a process, and their time is nobody's here.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fail } from "@tributary/errors";
import { type Command, Option } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { measureCoordinator } from "./coordinator/deployment.ts";
import { coordinatorFigures } from "./coordinator/figures.ts";
import { interruptible, raced } from "./long-measurement.ts";
import { childProcesses } from "./round/federation.ts";

interface BenchOptions {
  readonly nodes: number;
  readonly cohort: number;
  readonly parameters: number;
  readonly rounds: number;
  readonly replicas: number;
  readonly databaseUrl?: string;
  readonly download: number;
  readonly json?: boolean;
}

export function addCoordinator(bench: Command): void {
  bench
    .command("coordinator")
    .description(
      "a coordinator's own time, memory and delays with a thousand nodes connected, and models going out to all of them",
    )
    .addOption(integerOption("--nodes <n>", "nodes that are connected", 3, 1_000, 5_000))
    .addOption(integerOption("--cohort <n>", "of which so many take part in a round", 3, 200, 2_000))
    .addOption(integerOption("--parameters <d>", "about so many coordinates", 1_000, 250_000))
    .addOption(integerOption("--rounds <n>", "measured rounds; one more warms up", 1, 1))
    .addOption(integerOption("--replicas <n>", "1 on SQLite, or several on PostgreSQL", 1, 1, 9))
    .addOption(
      new Option(
        "--database-url <url>",
        "of a PostgreSQL, with a schema that is not there yet (default: a private server, in a checkout that has its tests)",
      ),
    )
    .addOption(integerOption("--download <octets>", "of the model that every node fetches in the end", 2, 4_000_000))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench coordinator --nodes 1000 --cohort 200 --parameters 250000 --json")
    .action(async (options: BenchOptions) => {
      const { nodes, cohort, rounds, replicas } = options;
      if (cohort > nodes) {
        throw fail("TRB_CLI_BAD_OPTION", { option: "--cohort", value: String(cohort), expected: `at most --nodes, ${nodes}` });
      }
      const measured = await measure(options);
      const figures = coordinatorFigures(measured);
      const document = {
        nodes,
        cohort,
        parameters: measured.dimension,
        rounds,
        replicas,
        ...figures,
        refused: measured.refused,
      };
      print(options.json, document, () => [
        ...table([
          ["phase", "s", "CPU s", "loop p99 ms", "longest ms", "computing ms"],
          ...figures.phases.map(({ phase, seconds, cpuSeconds, ...loop }) => [
            ...[phase, seconds.toFixed(3), cpuSeconds.toFixed(3)],
            ...[loop.eventLoopP99Ms, loop.eventLoopMaxMs, loop.eventLoopBusyMaxMs].map((delay) => delay.toFixed(1)),
          ]),
        ]),
        "",
        `${figures.coordinator.seconds.toFixed(2)} processor s a round, ${figures.coordinator.peakMb.toFixed(0)} MB; ${figures.coordinator.releaseSeconds.toFixed(2)} s from the last upload to the release`,
        `event loop: p99 ${figures.eventLoopP99Ms.toFixed(1)} ms, longest ${figures.eventLoopMaxMs.toFixed(1)} ms; of that its own computing: p99 ${figures.eventLoopBusyP99Ms.toFixed(1)} ms, longest ${figures.eventLoopBusyMaxMs.toFixed(1)} ms`,
        `downloads: ${figures.download.mbPerSecond.toFixed(0)} MB/s (${figures.download.mb.toFixed(0)} MB in ${figures.download.seconds.toFixed(2)} s)`,
        ...(figures.slices.length === 0
          ? []
          : [`slices: ${figures.slices.map((share) => `${(100 * share).toFixed(0)} %`).join(", ")}`]),
      ]);
    });
}

async function measure(options: BenchOptions) {
  const folder = mkdtempSync(join(tmpdir(), "tributary-bench-coordinator-"));
  const processes = childProcesses();
  const database = options.replicas > 1 ? await openDatabase(options.databaseUrl) : undefined;
  try {
    return await interruptible((progress, interruption) =>
      raced(measureCoordinator({ ...options, databaseUrl: database?.url, folder }, processes, progress), interruption),
    );
  } finally {
    await processes.stopAll();
    await database?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The private server of the tests; in a checkout only. */
const testServer = new URL("../../../../../test/postgres/server.ts", import.meta.url);

interface PrivateServer {
  readonly url: () => string;
  readonly stop: () => Promise<void>;
}

/** @throws TRB_CLI_BAD_OPTION when there is neither an address nor a server of our own */
async function openDatabase(given: string | undefined): Promise<{ readonly url: string; readonly stop: () => Promise<void> }> {
  if (given !== undefined) return { url: given, stop: async () => {} };
  if (!existsSync(testServer)) {
    throw fail("TRB_CLI_BAD_OPTION", {
      option: "--database-url",
      value: "empty",
      expected: "where replicas keep what they share",
    });
  }
  const { startPostgres } = (await import(testServer.href)) as { readonly startPostgres: () => Promise<PrivateServer> };
  const server = await startPostgres();
  return { url: `${server.url()}?schema=benchmark`, stop: () => server.stop() };
}
