/** `tributary ledger statement`: what a ledger says that customers' privacy cost, in plain words, for whoever has to decide or to answer. */
import { fail } from "@tributary/errors";
import {
  ledgerSections,
  readFacts,
  stateLedger,
  statementWords,
  totalOf,
  totalWords,
  verifyLedgerStream,
} from "@tributary/ledger";
import { signatureThreads } from "@tributary/ledger/threads";
import { type PlanLanguage, planLanguages } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type Command, Option } from "commander";
import { readWatched, writeOutput } from "../../files.ts";
import { jsonOption } from "../../options.ts";
import { print } from "../../output.ts";
import { type StatedLedger, statementPage } from "../../report/statement-page.ts";

interface StatementOptions {
  readonly html?: string;
  readonly language: PlanLanguage;
  readonly key?: readonly string[];
  readonly head?: readonly string[];
  readonly json?: boolean;
}

export function addStatement(ledger: Command): void {
  ledger
    .command("statement")
    .description("what was spent, of whom, against whom, and what no file shows; exit 4 if a ledger doesn't verify")
    .argument("<files...>", "ledger.jsonl; several: of federations that one person may be in, with a total")
    .option("--html <file>", "write it as one page, ready to be printed")
    .addOption(new Option("--language <language>", "of the words").choices([...planLanguages]).default("en"))
    .option(
      "--key <fingerprints...>",
      "the coordinator's key fingerprint, obtained elsewhere; of each file in turn, or one for all",
    )
    .option("--head <hashes...>", "hash of the last entry, obtained elsewhere; of each file in turn")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary ledger statement tributary-demo/ledger.jsonl --html statement.html --key FINGERPRINT",
    )
    .action(async (files: readonly string[], options: StatementOptions) => {
      const { language, html, json } = options;
      requireCounts(files, options);
      const stated: StatedLedger[] = [];
      for (const [place, file] of files.entries()) stated.push(await stateFile(file, place, options));
      const total = stated.length < 2 ? null : totalOf(stated.map(({ statement }) => statement));
      const inTotal = total === null ? undefined : totalWords(total, language);
      if (html !== undefined) writeOutput(html, statementPage(stated, inTotal));
      const [first] = stated;
      const document = {
        epsilon: total === null ? first?.statement.epsilon : total.epsilon,
        delta: total === null ? first?.statement.delta : total.delta,
        tier: total === null ? first?.statement.tier : total.tier,
        total,
        ledgers: stated,
        html: html ?? null,
      };
      print(json, document, () => [
        ...(inTotal === undefined ? [] : [inTotal.heading, ...inTotal.lines, ""]),
        ...stated.flatMap(inLines),
        ...(html === undefined ? [] : [html]),
      ]);
    });
}

/** Read once, bit by bit. @throws TRB_STATEMENT_UNVERIFIED, TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE */
async function stateFile(
  file: string,
  place: number,
  { key = [], head = [], language }: StatementOptions,
): Promise<StatedLedger> {
  const { take: watch, facts } = readFacts();
  const crypto = nodeCrypto();
  const own = { key: key[key.length === 1 ? 0 : place], head: head[place] };
  const known = {
    ...(own.key === undefined ? {} : { key: own.key }),
    ...(own.head === undefined ? {} : { head: own.head }),
  };
  const threads = signatureThreads();
  const verdict = await verifyLedgerStream(readWatched(file), { crypto, watch, ...known }, threads).finally(threads.close);
  const [failure] = verdict.failures;
  if (failure !== undefined) {
    const { entry, line, code: rule, message: reason } = failure;
    throw fail("TRB_STATEMENT_UNVERIFIED", { entry, line, rule, reason });
  }
  const statement = stateLedger(facts(), verdict, crypto);
  return { statement, words: statementWords(statement, language) };
}

function requireCounts(files: readonly string[], { key = [], head = [] }: StatementOptions): void {
  const wrong = (option: string, value: number, expected: string) =>
    fail("TRB_CLI_BAD_OPTION", { option, value: `${value} given`, expected });
  if (key.length > 1 && key.length !== files.length) throw wrong("--key", key.length, "one, or one for each file");
  if (head.length > 0 && head.length !== files.length) throw wrong("--head", head.length, "one for each file");
}

function inLines({ words }: StatedLedger): string[] {
  const sections = ledgerSections.map((name) => words.sections[name]);
  return [
    words.title,
    words.answer,
    ...sections.flatMap(({ heading, lines }) => ["", heading, ...lines.map((line) => `  ${line}`)]),
  ];
}
