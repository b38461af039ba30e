/** `tributary node import`: a merchant's logs into the node's store, or, with `--dry-run`, a look at what would go in. */
import { type ImportEventsOptions, type ImportSummary, importEvents, previewEvents, storedQuality } from "@tributary/client";
import { fail } from "@tributary/errors";
import { dropReasons, encodings, ingestPresets, logFormats } from "@tributary/events";
import type { LogPreview, LogSource } from "@tributary/events/ingest";
import { type Command, Option } from "commander";
import { writeOutput } from "../../files.ts";
import { addItemNamingOptions, type ItemNamingOptions, itemNaming } from "../../item-naming-options.ts";
import { columnsOption, integerOption, jsonOption } from "../../options.ts";
import { print, printable, table } from "../../output.ts";
import { qualityPage } from "../../report/quality-page.ts";
import { addSourceOptions, type SourceFlags, sourcesOf } from "./import-sources.ts";

interface ImportFlags
  extends ItemNamingOptions,
    SourceFlags,
    Pick<ImportEventsOptions, "columns" | "preset" | "format" | "delimiter" | "encoding" | "timeZone" | "rejects"> {
  readonly home?: string;
  readonly quote?: string;
  readonly timeFormat?: readonly string[];
  readonly botRate: number;
  readonly unknownItems?: string;
  readonly ownIds?: boolean;
  readonly add?: boolean;
  readonly dropLive?: boolean;
  readonly device?: boolean;
  readonly dryRun?: boolean;
  readonly report?: string;
  readonly json?: boolean;
}

export function addImport(node: Command): void {
  const command = node
    .command("import")
    .description(
      "read behaviour logs into the node's encrypted store, in place of what was imported before; nothing leaves this machine",
    )
    .argument("[files...]", "CSV, JSONL or Parquet, as they are or in .gz or .zst; several are one log")
    .option("--home <folder>", "the node's folder (needed, except for --dry-run)")
    .addOption(columnsOption())
    .addOption(new Option("--preset <name>", "a log of a well-known shape").choices(ingestPresets))
    .addOption(new Option("--format <name>", "how the files are written (default: by their ending)").choices(logFormats))
    .option("--delimiter <character>", "between a CSV's fields; `tab` is one (default: a comma, or a tab for .tsv)", (text) =>
      text === "tab" ? "\t" : text,
    )
    .addOption(
      new Option("--quote <character>", "around a CSV's fields; `none` for a log that never quotes (default: \")").argParser(
        (text: string) => (text === "none" ? "" : text),
      ),
    )
    .addOption(new Option("--encoding <name>", "of a CSV or JSONL (default: utf-8)").choices(encodings))
    .option(
      "--time-format <format>",
      "how times are written (strptime), where not as numbers or ISO 8601; may be given again",
      (text: string, before: readonly string[] = []) => [...before, text],
    )
    .option("--time-zone <name>", "of times that don't say theirs, such as Europe/Berlin (default: UTC)")
    .addOption(
      integerOption("--bot-rate <events>", "drop customers with more events than this in an hour; 0 keeps all", 0, 1000),
    );
  addItemNamingOptions(addSourceOptions(command))
    .option("--own-ids", "items are called as the catalogue calls them: forgets what an import before was told of SKUs")
    .option(
      "--unknown-items <file>",
      "write the log's items that the catalogue doesn't have to this CSV, the commonest first; it is for this merchant alone",
    )
    .option("--add", "beside what was imported before, not in its place; what is there already counts once")
    .option("--device", "into a device's home: one customer's history, under a plan that protects whole nodes")
    .option("--drop-live", "what the shop told live goes as well; it stays unless this is said")
    .option("--rejects <file>", "write the rows that were dropped to this CSV, each with its reason")
    .option("--report <file>", "write a page on the data's quality; it is for this merchant alone")
    .option("--dry-run", "change nothing: guess which column is which, and show the first rows as they are understood")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary node import shop.csv --home shop --columns customer=user,item=item,action=action,time=ts",
    )
    .action(async (files: string[], flags: ImportFlags, self: Command) => {
      const options = optionsOf(flags);
      const { query, pages } = sourcesOf(flags, self);
      const sources = [...files, query, pages].filter((source) => source !== undefined);
      if (sources.length === 0) throw usage("it names no log", "Name a file, a query with --sql, or an API with --http. ");
      const naming = flags.ownIds === true ? "none" : await itemNaming(flags);
      if (flags.dryRun) return dryRun(sources, flags, { ...options, naming });
      if (flags.home === undefined)
        throw usage("it names no --home", "Add --home FOLDER, or --dry-run for a look at the log. ");
      const { unknownItems, add, dropLive, device } = flags;
      const summary = await importEvents({
        ...{ home: flags.home, files, query, pages, naming, unknownItems, add, dropLive, device },
        ...options,
      });
      if (flags.report !== undefined)
        writeOutput(flags.report, qualityPage(await storedQuality({ home: flags.home }), summary), 0o600);
      print(flags.json, summary, () => summaryLines(summary));
    });
}

const usage = (reason: string, suggestion: string) =>
  fail("TRB_CLI_USAGE", { reason, suggestion, command: "tributary node import" });

function optionsOf(flags: ImportFlags): Partial<ImportEventsOptions> {
  const { columns, preset, format, delimiter, quote, encoding, timeFormat, timeZone, rejects, botRate } = flags;
  if (quote !== undefined && (quote.length > 1 || /[\r\n]/.test(quote))) {
    throw fail("TRB_CLI_BAD_OPTION", { option: "--quote", value: quote.slice(0, 80), expected: "one character, or none" });
  }
  return {
    columns,
    preset,
    format,
    delimiter,
    quote,
    encoding,
    timeFormats: timeFormat,
    timeZone,
    rejects,
    botEventsPerHour: botRate,
  };
}

async function dryRun(sources: readonly LogSource[], flags: ImportFlags, options: Partial<ImportEventsOptions>): Promise<void> {
  const previews: LogPreview[] = [];
  for (const source of sources) previews.push(await previewEvents({ home: flags.home, source, ...options }));
  print(flags.json, { previews }, () => previews.flatMap(previewLines));
}

/** The same facts as the JSON document, in order of what a reader wants to know. */
export function summaryLines(summary: ImportSummary): string[] {
  const { dropped, actions } = summary;
  const facts = [
    ["files", summary.files.join(", ")],
    ["rows read", String(summary.rows)],
    ["kept", `${summary.kept} events of ${summary.customers} customers with ${summary.items} items`],
    ...dropReasons.filter((reason) => dropped[reason] > 0).map((reason) => [`dropped: ${reason}`, String(dropped[reason])]),
    [
      "actions",
      Object.entries(actions)
        .filter(([, count]) => count > 0)
        .map(([action, count]) => `${action} ${count}`)
        .join(", "),
    ],
    ["out of order", `${summary.outOfOrder} events came late and were put where they belong`],
    [
      "cleared",
      `${summary.itemsCleared} events lost an unknown item, ${summary.amountsCleared} an unreadable or negative amount`,
    ],
    ...(summary.unknown === undefined
      ? []
      : [["unknown items", `${summary.unknown.items}, in ${summary.unknown.events} events: ${summary.unknown.file}`]]),
    ["with dwell time", String(summary.withDwell)],
    ["with price", String(summary.withPrice)],
    ["with a topic", String(summary.withTopic)],
  ];
  return table(facts);
}

function previewLines(preview: LogPreview): string[] {
  const role = ([name, column]: readonly [string, string]) =>
    `  ${name} is ${JSON.stringify(column)}${preview.guessed.includes(name) ? " (a guess, by what it holds)" : ""}`;
  const dropped = Object.entries(preview.dropped).map(([reason, rows]) => `${reason} ${rows}`);
  return [
    `${preview.file}: ${preview.format}${preview.preset === null ? "" : `, of the shape ${preview.preset}`}`,
    ...Object.entries(preview.columns).map(role),
    ...preview.missing.map((name) => `  ${name}: no column found; there are ${preview.existing.slice(0, 30).join(", ")}`),
    ...(preview.timeFormats.length > 0 ? [`  times are read as ${preview.timeFormats.join(", then ")}`] : []),
    ...(preview.ambiguousFormats.length > 0
      ? [`  these would read them too, as other days: ${preview.ambiguousFormats.join(", ")}`]
      : []),
    ...preview.actions.map(
      ({ text, action, rows }) => `  ${JSON.stringify(text)} is ${action ?? "not known: dropped"} (${rows})`,
    ),
    `  of the first ${preview.sampled} rows ${preview.kept} are events${dropped.length > 0 ? `; dropped: ${dropped.join(", ")}` : ""}`,
    ...table([
      ["  customer", "item", "action", "time", "dwell", "price", "dropped"],
      ...preview.rows.map((row) => [
        `  ${row.customer}`,
        row.item,
        row.action ?? "",
        row.time ?? "",
        String(row.dwell ?? ""),
        row.price === null ? "" : String(Number(row.price.toPrecision(7))), // single precision
        row.dropped ?? "",
      ]),
    ]),
    `  to import it so: ${preview.flags.join(" ")}`,
  ].map(printable);
}
