/** `tributary worker`: more hands for coordinators and simulations on PostgreSQL. */
import { runWorker } from "@tributary/coordinator";
import { openShareWorker } from "@tributary/simulate";
import { Command } from "commander";
import { integerOption, jsonOption } from "../options.ts";
import { printLine } from "../output.ts";
import { untilStopped } from "../running.ts";
import { logLevelOption } from "./coordinator/observing.ts";

export function workerCommand(): Command {
  return new Command("worker")
    .description(
      "take jobs of a coordinator's replicas (slices of sums, next models) and of `simulate scale`; ends by SIGTERM, when its jobs are done",
    )
    .requiredOption(
      "--database-url <url>",
      "the PostgreSQL of those; one with a password belongs in TRIBUTARY_DATABASE_URL or a file, not on the command line",
    )
    .requiredOption("--blobs <place>", "where they keep models and vectors: a shared folder, or s3://bucket/prefix")
    .addOption(integerOption("--threads <n>", "jobs at a time (default: one a processor, at most 8)", 1, undefined, 64))
    .addOption(logLevelOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary worker --database-url postgres://platform@db.example/tributary --blobs s3://federations/fashion",
    )
    .action(async (options: { databaseUrl: string; blobs: string; threads?: number; logLevel: string }) => {
      const { databaseUrl, blobs, threads, logLevel } = options;
      const places = { objects: blobs, extensions: blobs };
      const running = await runWorker({ places, databaseUrl, threads, logLevel, shareHand: openShareWorker });
      printLine({ event: "ready", threads: running.threads });
      await untilStopped(running, false);
      printLine({ event: "stopped", jobs: running.done() });
    });
}
