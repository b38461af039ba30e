/** `tributary ledger verify`: everything that a file can show, read bit by bit, signatures on threads of their own. */
import { fail } from "@tributary/errors";
import { type LedgerVerdict, verifyLedgerStream } from "@tributary/ledger";
import { signatureThreads } from "@tributary/ledger/threads";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Command } from "commander";
import { readWatched } from "../../files.ts";
import { jsonOption } from "../../options.ts";
import { print } from "../../output.ts";

export function addVerify(ledger: Command): void {
  ledger
    .command("verify")
    .description("check every hash, signature, vote and ε; exit 4 if one does not hold")
    .argument("<file>", "ledger.jsonl")
    .option("--key <fingerprint>", "the coordinator's key fingerprint, obtained elsewhere")
    .option("--head <hash>", "hash of the last entry, obtained elsewhere")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary ledger verify tributary-demo/ledger.jsonl --key FINGERPRINT --head HASH")
    .action(async (file: string, { json, ...known }: { key?: string; head?: string; json?: boolean }) => {
      const verdict = await verified(file, known);
      if (!verdict.verified) {
        const told = verdict.failures.slice(0, 5);
        const refused = fail("TRB_CLI_LEDGER_NOT_VERIFIED", {
          failures: told.map(({ entry, line, code, message }) => `entry ${entry} (line ${line}): ${code} ${message}`),
        });
        if (!json) throw refused;
        process.exitCode = refused.exitCode;
        print(true, { ...verdict, error: refused }, () => []);
        return;
      }
      print(json, verdict, () => verdictLines(verdict));
    });
}

async function verified(file: string, known: { readonly key?: string; readonly head?: string }): Promise<LedgerVerdict> {
  const threads = signatureThreads();
  try {
    return await verifyLedgerStream(readWatched(file), { crypto: nodeCrypto(), accountants: true, ...known }, threads);
  } finally {
    await threads.close();
  }
}

const completing = {
  proven: "",
  "closed, by an unpinned key": " (by its closing entry, which whoever made the file can write)",
  unproven: " (no closing entry, and no --head)",
} as const satisfies Record<LedgerVerdict["completeness"], string>;

function verdictLines(verdict: LedgerVerdict): string[] {
  const { reaches, countersigned, accountants } = verdict;
  return [
    verdict.fullyVerified ? "ledger fully verified" : "ledger self-consistent; not fully verified",
    `  trust     ${verdict.trust}${verdict.trust === "unpinned" ? " (give --key FINGERPRINT, obtained elsewhere)" : ""}`,
    `  complete  ${verdict.complete}${completing[verdict.completeness]}`,
    ...(reaches === null ? [] : [`  reaches   entry ${reaches.entry}, written ${reaches.at}, signed by ${reaches.by}`]),
    ...(countersigned === null ? [] : [`  up to ${countersigned.entry}, also signed by ${countersigned.nodes.join(", ")}`]),
    `  completeness: ${verdict.completeness}`,
    `  entries   ${verdict.entries}`,
    ...(verdict.keptModelHash === null ? [] : [`  kept      ${verdict.keptModelHash} (by metrics, the last one)`]),
    `  ε spent   ${verdict.epsilon} at δ ${verdict.delta} (accountant ${verdict.accountant})`,
    ...(accountants === null ? [] : [`  ε by      ${costs(accountants)}`]),
    "  not shown by any file: that noise was added, customers clipped, sampling secret, counts honest, the catalogue public",
  ];
}

const costs = (accountants: NonNullable<LedgerVerdict["accountants"]>) =>
  Object.entries(accountants)
    .map(([name, epsilon]) => `${name} ${epsilon ?? "–"}`)
    .join(", ");
