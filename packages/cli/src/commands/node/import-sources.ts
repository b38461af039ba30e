/** Where `tributary node import` reads from, apart from files: a query of a database, or the pages of an HTTP API. Secrets come from files or the environment. */
import type { ImportEventsOptions } from "@tributary/client";
import { fail } from "@tributary/errors";
import type { Command } from "commander";
import { readInput } from "../../files.ts";

export interface SourceFlags {
  readonly sql?: string;
  readonly source?: string;
  readonly sourceFile?: string;
  readonly http?: string;
  readonly httpTokenFile?: string;
  readonly pageItems?: string;
  readonly pageNext?: string;
  readonly pageParameter?: string;
  readonly pageNumber?: string;
}

export function addSourceOptions(command: Command): Command {
  return command
    .option("--sql <query>", "import what a query gives: of --source, or of files that it names itself")
    .option(
      "--source <address>",
      "what --sql asks: a SQLite or DuckDB file, or postgres://user@host/database without its password",
    )
    .option("--source-file <file>", "a file that holds --source, with its password")
    .option("--http <url>", "import the pages of an HTTP API that answers in JSON")
    .option("--http-token-file <file>", "a file that holds the API's bearer token")
    .option("--page-items <path>", "where the events stand in a page, such as data.events (default: the page is a list)")
    .option("--page-next <path>", "where a page names the next one, such as paging.next (default: its header Link)")
    .option("--page-parameter <name>", "the parameter that takes what --page-next gives (default: cursor)")
    .option("--page-number <name>", "the parameter that counts pages, where it is numbers that name them");
}

/** @throws TRB_CLI_USAGE, TRB_CLI_BAD_OPTION, TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE */
export function sourcesOf(flags: SourceFlags, command: Command): Pick<ImportEventsOptions, "query" | "pages"> {
  return { query: queryOf(flags, command), pages: pagesOf(flags) };
}

function queryOf({ sql, source, sourceFile }: SourceFlags, command: Command): ImportEventsOptions["query"] {
  if (source !== undefined && sourceFile !== undefined)
    throw usage("it names --source and --source-file", "Give one of them. ");
  if (sql === undefined) {
    if (source === undefined && sourceFile === undefined) return undefined;
    throw usage("it names a source and nothing to ask it", "Add --sql 'SELECT …'. ");
  }
  if (
    source !== undefined &&
    command.getOptionValueSource("source") === "cli" &&
    /^[a-z+]+:\/\/([^/@]*:[^/@]+@|.*[?&]password=)/i.test(source)
  ) {
    // whoever is on this machine sees every command's words
    throw fail("TRB_CLI_BAD_OPTION", {
      option: "--source",
      value: `${source.slice(0, source.indexOf(":"))}://…`,
      expected: "an address without a password: put it into a file, and name that by --source-file",
    });
  }
  const database = sourceFile === undefined ? source : secretOf(sourceFile, "--source-file");
  return database === undefined ? { sql } : { sql, database };
}

function pagesOf(flags: SourceFlags): ImportEventsOptions["pages"] {
  const { http, httpTokenFile, pageItems, pageNext, pageParameter, pageNumber } = flags;
  if (http === undefined) {
    const [stray] = Object.entries({ httpTokenFile, pageItems, pageNext, pageParameter, pageNumber }).filter(
      ([, value]) => value !== undefined,
    );
    if (stray === undefined) return undefined;
    const name = stray[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw usage(`--${name} belongs to --http`, "Add --http URL. ");
  }
  if (pageNumber !== undefined && pageNext !== undefined) {
    throw usage("it names --page-next and --page-number", "Pages have numbers or cursors: give one of them. ");
  }
  if (pageParameter !== undefined && pageNext === undefined)
    throw usage("--page-parameter belongs to --page-next", "Add --page-next PATH. ");
  return {
    url: http,
    token: httpTokenFile === undefined ? undefined : secretOf(httpTokenFile, "--http-token-file"),
    items: pageItems,
    paging:
      pageNumber !== undefined
        ? { kind: "number", parameter: pageNumber }
        : pageNext !== undefined
          ? { kind: "cursor", next: pageNext, parameter: pageParameter ?? "cursor" }
          : { kind: "link" },
  };
}

/** A file's one line. */
function secretOf(path: string, option: string): string {
  const text = Buffer.from(readInput(path)).toString("utf8").trim();
  if (text !== "" && !/[\r\n]/.test(text)) return text;
  throw fail("TRB_CLI_BAD_OPTION", { option, value: path.slice(0, 80), expected: "a file of one line" });
}

const usage = (reason: string, suggestion: string) =>
  fail("TRB_CLI_USAGE", { reason, suggestion, command: "tributary node import" });
