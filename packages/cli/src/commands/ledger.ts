/** `tributary ledger …`: anyone's side, offline. */
import { type LedgerRow, summarizeLedgerStream } from "@tributary/ledger";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { Command } from "commander";
import { readWatched } from "../files.ts";
import { jsonOption } from "../options.ts";
import { print, table } from "../output.ts";
import { writtenLines } from "../report/written.ts";
import { addProve } from "./ledger/prove.ts";
import { addStatement } from "./ledger/statement.ts";
import { addVerify } from "./ledger/verify.ts";

export function ledgerCommand(): Command {
  const ledger = new Command("ledger").description("read and verify the privacy ledger, offline");

  ledger
    .command("show")
    .description("what was released, entry by entry")
    .argument("<file>", "ledger.jsonl")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary ledger show tributary-demo/ledger.jsonl")
    .action(async (file: string, options: { json?: boolean }) => {
      const rows: LedgerRow[] = [];
      for await (const row of summarizeLedgerStream(readWatched(file), nodeCrypto())) rows.push(row);
      const written = {
        metrics: rows.flatMap(({ metrics }) => metrics ?? []),
        queries: rows.flatMap(({ query }) => query ?? []),
        features: rows.flatMap(({ features }) => features ?? []),
      };
      print(options.json, { entries: rows }, () => [
        ...table([
          ["entry", "kind", "round", "what", "survivors", "charged", "ε so far", "hash"],
          ...rows.map((row) => [
            String(row.index),
            row.kind,
            row.round === undefined ? "" : String(row.round),
            row.wentBackTo === undefined ? (row.what ?? "") : `${row.what}, back to ${row.wentBackTo.slice(0, 12)}`,
            row.survivors === undefined ? "" : String(row.survivors),
            row.charged === undefined ? "" : String(row.charged),
            row.epsilon ?? "",
            row.hash.slice(0, 12),
          ]),
        ]),
        ...writtenLines(written),
      ]);
    });

  addVerify(ledger);
  addProve(ledger);
  addStatement(ledger);
  return ledger;
}
