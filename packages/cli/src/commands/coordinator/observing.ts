/** How a coordinator may be watched: the flags of `coordinator start`, and `coordinator doctor`. */
import { examineHome, examineUrl, type Finding, logLevels } from "@tributary/coordinator";
import { fail } from "@tributary/errors";
import { type Command, Option } from "commander";
import { readInput } from "../../files.ts";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { databaseUrlOption } from "../../place-options.ts";

export interface ObservingFlags {
  readonly logLevel: string;
  readonly metricsTokenFile?: string;
}

export const logLevelOption = (): Option =>
  new Option("--log-level <level>", "the least of what is logged, on stderr").choices(logLevels).default("info");

export const addObserving = (start: Command): Command =>
  start
    .addOption(logLevelOption())
    .option(
      "--metrics-token-file <file>",
      "who shows the token in this file's first line (`authorization: Bearer …`) may scrape /metrics from another machine",
    );

/** @throws TRB_CLI_BAD_OPTION */
export function observingOf({ logLevel, metricsTokenFile: file }: ObservingFlags) {
  if (file === undefined) return { logLevel };
  const metricsToken = new TextDecoder().decode(readInput(file)).split(/\r?\n/)[0] ?? "";
  if (metricsToken.length >= 16 && metricsToken.length <= 200) return { logLevel, metricsToken };
  const value = `a first line of ${metricsToken.length} characters`;
  throw fail("TRB_CLI_BAD_OPTION", { option: "--metrics-token-file", value, expected: "a first line of 16 to 200 characters" });
}

interface DoctorFlags {
  readonly home?: string;
  readonly url?: string;
  readonly databaseUrl?: string;
  readonly blobs?: string;
  readonly tlsCert?: string;
  readonly json?: boolean;
}

export function addDoctor(coordinator: Command): void {
  coordinator
    .command("doctor")
    .description("look at everything that a federation stands on, and say what to do (exit 1 when something is broken)")
    .option("--home <folder>", "the coordinator's folder; of several replicas, one's own")
    .option("--url <url>", "a coordinator that runs anywhere, looked at from here, instead of --home")
    .addOption(databaseUrlOption())
    .option("--blobs <place>", "where models and masked vectors are kept, as at the coordinator's start (default: --home)")
    .option("--tls-cert <file>", "the certificate that it serves, as at its start")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary coordinator doctor --home platform")
    .action(async (options: DoctorFlags, command: Command) => {
      const { home, url, json, ...others } = options;
      if ((home === undefined) === (url === undefined)) return command.error("error: give either '--home' or '--url'");
      const findings = url === undefined ? await examineHome({ home: home ?? "", ...others }) : await examineUrl(url);
      const ok = findings.every(({ state }) => state !== "broken");
      if (!ok) process.exitCode = 1;
      print(json, { ok, findings }, () => linesOf(findings));
    });
}

const linesOf = (findings: readonly Finding[]): string[] => [
  ...table([["what", "state", "found"], ...findings.map(({ name, state, found }) => [name, state, found])]),
  ...findings.flatMap(({ name, advice }) => (advice === null ? [] : [`${name}: ${advice}`])),
];
