/** `tributary plan evidence`: measures what the planner predicts utility from, on the synthetic market. */
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type Evidence, evidenceCells, type MarketEvidence, measureEvidence } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import { writeOutput } from "../../files.ts";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { progressBar } from "../../progress.ts";

const repeat = 3;

export function addEvidence(plan: Command): void {
  plan
    .command("evidence")
    .description("simulate federations on the synthetic market, from which `plan new` predicts utility (about ten minutes)")
    .requiredOption("--out <file>", "where to write what was found, JSON")
    .addOption(integerOption("--seed <n>", "seed of market, split, first model and noise", 0, 1))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary plan evidence --seed 1 --out evidence.json")
    .action(async ({ seed, out, json }: { seed: number; out: string; json?: boolean }) => {
      const progress = progressBar();
      const markets: MarketEvidence[] = [];
      for (const cells of evidenceCells) {
        const onCell = (done: number, of: number) => progress.show(`${cells.items} items`, done, of);
        markets.push(
          await measureEvidence(cells, { seed, repeat, crypto: nodeCrypto(), executor: onnxruntimeExecutor(), onCell }),
        );
      }
      progress.end();
      const evidence: Evidence = { command: `tributary plan evidence --seed ${seed}`, seed, markets };
      writeOutput(out, `${JSON.stringify(evidence, null, 2)}\n`);
      print(json, evidence, () => linesOf(evidence));
    });
}

function linesOf({ markets }: Evidence): readonly string[] {
  const rows = markets.flatMap(({ items, customers, floor, popularity, statistics, training }) => [
    [String(items), String(customers), "public content, ε = 0", "", floor.toFixed(4)],
    [String(items), String(customers), "popularity, exact", "", popularity.toFixed(4)],
    ...statistics.map(({ noise, ndcg10 }) => [
      String(items),
      String(customers),
      "statistics",
      String(noise),
      ndcg10.toFixed(4),
    ]),
    ...training.map(({ rounds, width, clipNorm, noise, ndcg10 }) => [
      ...[String(items), String(customers), `${rounds} rounds, width ${width}, clip norm ${clipNorm}`],
      ...[String(noise), ndcg10.toFixed(4)],
    ]),
  ]);
  return table([["items", "customers", "what", "noise", "NDCG@10"], ...rows]);
}
