/**
 * Where a command of the platform's asks: at a home, on the coordinator's machine, or over HTTP with an operator's token from anywhere. What is asked for and what
 * is printed is the same.
 */
import { X509Certificate } from "node:crypto";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { fail } from "@tributary/errors";
import { type CoordinatorApi, coordinatorClient } from "@tributary/protocol";
import type { Command } from "commander";
import { readInput } from "../../files.ts";
import { databaseUrlOption, type PlaceFlags } from "../../place-options.ts";

export interface SeatFlags {
  readonly home?: string;
  readonly databaseUrl?: string;
  readonly url?: string;
  readonly tokenFile?: string;
  readonly ca?: string;
}

/** Exactly one of them is there. */
type Seat = { readonly place: PlaceFlags; readonly api?: never } | { readonly api: CoordinatorApi; readonly place?: never };

/** How long one answer may take, in milliseconds. */
const patience = 60_000;

/** @param url without it the command has a `--url` of its own, which is where it asks as well */
export function addSeatOptions(command: Command, { url = true } = {}): Command {
  command.option("--home <folder>", "the coordinator's folder; of several replicas, one's own").addOption(databaseUrlOption());
  if (url) command.option("--url <url>", "a coordinator that runs anywhere, asked from here, instead of --home");
  return command
    .option("--token-file <file>", "an operator's token, in the file's first line, to ask at --url instead of --home")
    .option("--ca <file>", "certificates (PEM) that --url's may be signed by, beside those that everybody trusts");
}

/** @throws TRB_API_PLAIN_HTTP, TRB_CLI_BAD_OPTION, and commander's own error for what is missing */
export function seatOf(flags: SeatFlags, command: Command): Seat {
  const { home, databaseUrl, url, tokenFile, ca } = flags;
  if (tokenFile === undefined) {
    if (home === undefined) {
      return command.error(
        "error: required option '--home <folder>' not specified, or '--url <url>' with '--token-file <file>'",
      );
    }
    return { place: { home, ...(databaseUrl === undefined ? {} : { databaseUrl }) } };
  }
  if (url === undefined) return command.error("error: '--token-file <file>' goes with '--url <url>'");
  const atHome = ["home", "databaseUrl"].some((name) => command.getOptionValueSource(name) === "cli");
  if (atHome) return command.error("error: give either '--home' or '--url' with '--token-file'");
  if (command.getOptionValueSource("operator") === "cli") {
    return command.error(
      "error: '--operator' is for '--home': with '--token-file' the decision is that of the token's operator",
    );
  }
  if (ca !== undefined) trust(ca);
  const token = new TextDecoder().decode(readInput(tokenFile)).split(/\r?\n/)[0]?.trim() ?? "";
  return { api: coordinatorClient({ url: addressOf(url), token, fetch: inTime }) };
}

function addressOf(url: string): string {
  if (/^https?:\/\//.test(url) && URL.canParse(url)) return url;
  throw fail("TRB_CLI_BAD_OPTION", {
    ...{ option: "--url", value: url.slice(0, 80) || "empty" },
    expected: "an address such as https://platform.example:7443",
  });
}

const inTime: typeof fetch = (input, init) => fetch(input, { ...init, signal: AbortSignal.timeout(patience) });

/** For all that this process asks: it asks one coordinator. */
function trust(file: string): void {
  const text = new TextDecoder().decode(readInput(file));
  const certificates = text.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  try {
    for (const certificate of certificates) void new X509Certificate(certificate).subject;
  } catch (_) {
    certificates.length = 0;
  }
  if (certificates.length === 0) {
    throw fail("TRB_CLI_BAD_OPTION", { option: "--ca", value: file.slice(0, 80), expected: "a file with certificates (PEM)" });
  }
  setDefaultCACertificates([...getCACertificates("default"), ...certificates]);
}
