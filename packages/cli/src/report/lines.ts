/** The report as a person reads it in a terminal. */
import type { FederationReport } from "@tributary/simulate";
import { table } from "../output.ts";
import { coloursOf } from "../terminal.ts";
import { budget, slowness } from "./words.ts";
import { writtenLines } from "./written.ts";

export function reportLines(report: FederationReport): string[] {
  const { privacy, ledger } = report;
  const { bold, green } = coloursOf(process.stdout);
  const verified = ledger.fullyVerified ? "ledger verified" : "ledger self-consistent only";
  return [
    bold("Tributary"),
    `${report.source.kind === "synthetic" ? "SYNTHETIC DATA. " : ""}${report.source.description}`,
    "",
    ...table([
      ["", "HR@10", "NDCG@10", "MRR", "new items NDCG@10"],
      ...(
        [
          ["before round 1 (ε = 0)", report.floor],
          ["popularity", report.popularity],
          ["average merchant alone", report.local],
          ["federated", report.federated],
          ...(report.joined === undefined ? [] : [["federated + in-house", report.joined] as const]),
        ] as const
      ).map(([name, block]) => [
        name,
        ...[block.hr10, block.ndcg10, block.mrr, block.newItems.ndcg10].map((value) => value.toFixed(4)),
      ]),
    ]),
    "",
    `ε spent   ${budget(privacy.epsilon)} of ${budget(privacy.limit)} at δ ${privacy.delta} (${privacy.tier}), for each ${privacy.unit}`,
    ...(privacy.conditional ? [`          conditional: ${privacy.conditional}`] : []),
    `rounds    ${report.rounds}, ${report.secondsPerRound.toFixed(2)} s and ${(report.bytesPerRoundPerNode / 1e6).toFixed(3)} MB a merchant each`,
    `merchants ${report.merchants}, ${report.customers} customers, ${report.items} items; ${report.seconds.toFixed(0)} s in all`,
    `${green("✔")} ${verified}: ${ledger.entries} entries, head ${ledger.head}`,
    `          key ${ledger.key}`,
    ...writtenLines(report),
    ...slowness(report),
    report.joining,
    report.evaluation,
  ];
}
