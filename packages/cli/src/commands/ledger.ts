/** `tributary ledger …`: anyone's side, offline. */
import { fail } from "@tributary/errors";
import { summarizeLedger, verifyLedger } from "@tributary/ledger";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { Command } from "commander";
import { readInput } from "../files.ts";
import { jsonOption } from "../options.ts";
import { print, table } from "../output.ts";
import { writtenLines } from "../report/written.ts";
import { addStatement } from "./ledger/statement.ts";

export function ledgerCommand(): Command {
  const ledger = new Command("ledger").description("read and verify the privacy ledger, offline");

  ledger
    .command("show")
    .description("what was released, entry by entry")
    .argument("<file>", "ledger.jsonl")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary ledger show tributary-demo/ledger.jsonl")
    .action((file: string, options: { json?: boolean }) => {
      const rows = summarizeLedger(readInput(file), nodeCrypto());
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

  ledger
    .command("verify")
    .description("check every hash, signature, vote and ε; exit 4 if one does not hold")
    .argument("<file>", "ledger.jsonl")
    .option("--key <fingerprint>", "the coordinator's key fingerprint, obtained elsewhere")
    .option("--head <hash>", "hash of the last entry, obtained elsewhere")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary ledger verify tributary-demo/ledger.jsonl --key FINGERPRINT --head HASH")
    .action((file: string, options: { key?: string; head?: string; json?: boolean }) => {
      const verdict = verifyLedger(readInput(file), {
        crypto: nodeCrypto(),
        ...(options.key === undefined ? {} : { key: options.key }),
        ...(options.head === undefined ? {} : { head: options.head }),
      });
      if (!verdict.verified) {
        const told = verdict.failures.slice(0, 5);
        const refused = fail("TRB_CLI_LEDGER_NOT_VERIFIED", {
          failures: told.map(({ entry, line, code, message }) => `entry ${entry} (line ${line}): ${code} ${message}`),
        });
        if (!options.json) throw refused;
        process.exitCode = refused.exitCode;
        print(true, { ...verdict, error: refused }, () => []);
        return;
      }
      print(options.json, verdict, () => [
        verdict.fullyVerified ? "ledger fully verified" : "ledger self-consistent; not fully verified",
        `  trust     ${verdict.trust}${verdict.trust === "unpinned" ? " (give --key FINGERPRINT, obtained elsewhere)" : ""}`,
        `  complete  ${verdict.complete}${verdict.complete ? "" : " (no closing entry, and no --head)"}`,
        `  entries   ${verdict.entries}`,
        ...(verdict.keptModelHash === null ? [] : [`  kept      ${verdict.keptModelHash} (by metrics, the last one)`]),
        `  ε spent   ${verdict.epsilon} at δ ${verdict.delta} (accountant ${verdict.accountant})`,
        "  not shown by any file: that noise was added, customers clipped, sampling secret, counts honest, the catalogue public",
      ]);
    });

  addStatement(ledger);
  return ledger;
}
