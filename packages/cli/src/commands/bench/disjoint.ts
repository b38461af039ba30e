/** `tributary bench disjoint`: what joining brings merchants who have no item in common (docs/utility.md). */
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import {
  type DisjointVerdict,
  disjointMarket,
  measureDisjoint,
  type Sharing,
  sharings,
  usualDisjointMarket,
  usualDisjointTraining,
} from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import { epsilonOption, integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

interface DisjointRow {
  readonly sharing: Sharing;
  readonly seed: number;
  readonly epsilon: string;
  readonly rounds: number;
  readonly merchants: readonly DisjointVerdict[];
  readonly overall: Omit<DisjointVerdict, "name">;
}

export function addDisjoint(bench: Command): void {
  bench
    .command("disjoint")
    .description(
      "merchants without a common item, joined and alone, on a synthetic market: where they share what is said of items, and where they share nothing",
    )
    .addOption(epsilonOption(8))
    .addOption(integerOption("--seed <n>", "seed of the market, of noise and training", 0, 1))
    .addOption(integerOption("--repeat <n>", "measure with so many seeds, from --seed on", 1, 1))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench disjoint --repeat 3 --json")
    .action(async (options: { epsilon: number; seed: number; repeat: number; json?: boolean }) => {
      const rows: DisjointRow[] = [];
      for (let seed = options.seed; seed < options.seed + options.repeat; seed++) {
        for (const sharing of sharings) rows.push(await measured(sharing, seed, options.epsilon));
      }
      const document = { kind: "synthetic", market: usualDisjointMarket, training: usualDisjointTraining, rows };
      print(options.json, document, () => [
        "synthetic markets; customers who are judged are in no log; 95 % intervals over customers",
        ...rows.flatMap(linesOf),
      ]);
    });
}

async function measured(sharing: Sharing, seed: number, epsilon: number): Promise<DisjointRow> {
  const market = disjointMarket({ ...usualDisjointMarket, seed, sharing });
  const surroundings = { seed, epsilon, crypto: nodeCrypto(), executor: onnxruntimeExecutor() };
  const { plan: _, ledger: __, ...joining } = await measureDisjoint(market, { ...usualDisjointTraining, ...surroundings });
  return { sharing, seed, ...joining };
}

function linesOf({ sharing, seed, epsilon, rounds, merchants, overall }: DisjointRow): readonly string[] {
  const percent = (x: number) => `${x >= 0 ? "+" : "−"}${Math.abs(100 * x).toFixed(1)} %`;
  const row = ({ name, customers, judged, alone, joined, verdict: { gain, verdict } }: DisjointVerdict) => [
    ...[name, String(customers), String(judged), alone.ndcg10.toFixed(4), joined.ndcg10.toFixed(4)],
    `${percent(gain.relative)} (${percent(gain.relativeInterval[0])} to ${percent(gain.relativeInterval[1])})`,
    verdict,
  ];
  const head = ["merchant", "customers", "judged", "alone", "joined", "joining brings", ""];
  return [
    "",
    `shared: ${sharing}; seed ${seed}, ε ${Number(epsilon).toFixed(2)}, ${rounds} rounds`,
    ...table([head, ...merchants.map(row), row({ name: "all of these", ...overall })]),
    overall.verdict.advice,
  ];
}
