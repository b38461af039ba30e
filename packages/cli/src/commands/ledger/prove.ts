/** `tributary ledger prove` and `check-proof`: one entry for somebody who needn't have the ledger. */
import { fail } from "@tributary/errors";
import { checkEntryProof, proveEntry } from "@tributary/ledger";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Command } from "commander";
import { readJson, readWatched } from "../../files.ts";
import { integerOption, jsonOption } from "../../options.ts";
import { print } from "../../output.ts";

export function addProve(ledger: Command): void {
  ledger
    .command("prove")
    .description("print, as JSON, a proof that an entry is in the ledger (RFC 6962), to be checked without the ledger")
    .argument("<file>", "ledger.jsonl")
    .addOption(integerOption("--entry <n>", "which one, counted from 0", 0).makeOptionMandatory())
    .addOption(integerOption("--size <m>", "among the first so many entries (default: all but the last, which signs them)", 1))
    .addOption(jsonOption()) // a proof is JSON with and without it
    .addHelpText("after", "\nExample:\n  tributary ledger prove tributary-demo/ledger.jsonl --entry 1 > proof.json")
    .action(async (file: string, { entry, size }: { entry: number; size?: number }) => {
      print(true, await proveEntry(nodeCrypto(), readWatched(file), entry, size), () => []);
    });

  ledger
    .command("check-proof")
    .description("check what `ledger prove` wrote; exit 4 if it does not hold")
    .argument("<file>", "proof.json")
    .option("--key <fingerprint>", "the coordinator's key fingerprint, obtained elsewhere")
    .option("--root <hash>", "the root of the tree over so many entries, obtained elsewhere")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary ledger check-proof proof.json --key FINGERPRINT")
    .action((file: string, { json, ...known }: { key?: string; root?: string; json?: boolean }) => {
      const verdict = checkEntryProof(nodeCrypto(), readJson(file), known);
      if (!verdict.included) {
        const refused = fail("TRB_LEDGER_PROOF_REFUTED", { index: verdict.index, reason: verdict.reasons.join("; ") });
        if (!json) throw refused;
        process.exitCode = refused.exitCode;
        print(true, { ...verdict, error: refused }, () => []);
        return;
      }
      print(json, verdict, () => [
        `entry ${verdict.index} is among the first ${verdict.size} of the ledger`,
        `  root      ${verdict.root === "nothing" ? "only what the proof says (give --root HASH, obtained elsewhere)" : verdict.root}`,
        `  trust     ${verdict.trust}${verdict.trust === "unpinned" ? ` (key ${verdict.key}; give --key FINGERPRINT)` : ""}`,
      ]);
    });
}
