/** `tributary node personalise`: the federated model, fine-tuned on this merchant's customers, kept only where it is better for others of them. */
import { type Personalised, personalise } from "@tributary/client";
import { personalGroups } from "@tributary/model";
import type { Command } from "commander";
import { integerOption, jsonOption, numberOption } from "../../options.ts";
import { print, table } from "../../output.ts";

interface PersonaliseFlags {
  readonly home: string;
  readonly layers?: string;
  readonly epochs?: number;
  readonly proximal?: number;
  readonly level?: number;
  readonly seed?: number;
  readonly json?: boolean;
}

export function addPersonalise(node: Command): void {
  node
    .command("personalise")
    .description(
      "fine-tune the federated model on the own customers, in-house; it is kept only if it ranks better for others of them",
    )
    .requiredOption("--home <folder>", "the node's folder")
    .option(
      "--layers <names>",
      `what moves: ${personalGroups.join(", ")}, or tensors as \`model show\` lists them (default: items, attributes, last-block and heads, as far as the model has them)`,
    )
    .addOption(integerOption("--epochs <n>", "most passes over the own customers (default: 20)", 1))
    .addOption(
      numberOption("--proximal <n>", "pull towards the federated weights (default: 0.01)", (value) => value >= 0, "0 or more"),
    )
    .addOption(
      numberOption(
        "--level <n>",
        "chance that a model which is no better is kept (default: 0.05)",
        (value) => value > 0 && value < 0.5,
        "between 0 and 0.5",
      ),
    )
    .addOption(integerOption("--seed <n>", "order of the customers (default: 1)", 0))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node personalise --home shop --layers heads,last-block")
    .action(async ({ json, layers, ...options }: PersonaliseFlags) => {
      const names = layers?.split(",").map((name) => name.trim());
      const found = await personalise({ ...options, ...(names === undefined ? {} : { layers: names }) });
      print(json, found, () => linesOf(found));
    });
}

function linesOf(found: Personalised): string[] {
  const { model, customers, training, without, personal, gain, level } = found;
  const attention = found.tuned === "attention";
  return [
    `round ${model.round}, ${model.hash}`,
    `own customers: ${customers.training} to train on, ${customers.test} whose last item event decides and whose earlier ones are trained on, ${customers.validation} to stop by; ${customers.judged} left to the value report`,
    ...(training === undefined
      ? []
      : [
          `${found.layers.length} tensors fine-tuned: ${training.epochs} epochs at ${training.learningRate}, moved by ${(100 * training.moved).toFixed(1)} %`,
        ]),
    ...table([
      ["on test customers", "HR@10", "NDCG@10", "MRR", "new items NDCG@10"],
      ...[
        [attention ? "federated, as it serves" : "as released", without] as const,
        [attention ? "personalised" : "mixture tuned in-house", personal] as const,
      ].map(([name, { hr10, ndcg10, mrr, newItems }]) => [
        name,
        ...[hr10, ndcg10, mrr, newItems.ndcg10].map((n) => n.toFixed(4)),
      ]),
    ]),
    `gain in NDCG@10: ${gain.difference.toFixed(4)}; one-sided bound at ${Number((100 * level).toPrecision(3))} %: ${gain.interval[0].toFixed(4)}`,
    found.sentence,
  ];
}
