/** `tributary model show`: what is in a model file, without believing or doubting it. */
import { describeFile } from "@tributary/model";
import type { Command } from "commander";
import { readInput } from "../../files.ts";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

export function addShow(model: Command): void {
  model
    .command("show")
    .description("tensors, shapes and model card of a .safetensors or .onnx file")
    .argument("<file>", "model.safetensors, optimiser.safetensors or model.onnx")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary model show tributary-demo/model.safetensors")
    .action((file: string, options: { json?: boolean }) => {
      const { tensors, metadata, card } = describeFile(readInput(file));
      const numbers = tensors.reduce((sum, { shape }) => sum + shape.reduce((count, size) => count * size, 1), 0);
      print(options.json, { file, tensors, numbers, metadata, card: card ?? null }, () => [
        ...table([
          ["tensor", "type", "shape"],
          ...tensors.map(({ name, dtype, shape }) => [name, dtype, `[${shape.join(", ")}]`]),
        ]),
        `${tensors.length} tensors, ${numbers} numbers`,
        "",
        ...(card === undefined
          ? ["no model card: a round's own file has none"]
          : table([
              ["federation", card.federation],
              ["round", String(card.round)],
              ["family", `${card.model.family}, ${card.model.items} items, reads ${card.model.length} events`],
              ["ε", `${card.privacy.epsilon} of ${card.privacy.limit} at δ ${card.privacy.delta}, each ${card.privacy.unit}`],
              ...(card.privacy.conditional === null ? [] : [["condition", card.privacy.conditional]]),
              ["model hash", card.modelHash],
              ["plan hash", card.planHash],
              ["ledger head", card.ledgerHead],
              ...Object.entries(card.metrics?.values ?? {}).map(([name, value]) => [name, value.toPrecision(4)]),
              ["licence", card.licence],
              ["", "a card is a claim: tributary model verify FILE --ledger ledger.jsonl"],
            ])),
      ]);
    });
}
