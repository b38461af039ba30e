/**
 * `tributary model pretrain`: a federation's initial model from what is public: items that begin at their attributes or at imported vectors, and, where
 * there is a public log of the same catalogue, a model that has learnt from it. No customer of the federation may be in it: the plan declares it
 * public (`plan new --initial-model`), and no file can show that it is.
 */

import { fail } from "@tributary/errors";
import { type Catalogue, importLog, readCatalogue, readFeatures } from "@tributary/events";
import { encodeModel, itemCounts, itemSimilarity, type Repeats, startStudent, trainStudent } from "@tributary/model";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import type { LogOptions } from "../../demo/market.ts";
import { writeOutput } from "../../files.ts";
import { addLogOptions, integerOption, jsonOption, numberOption } from "../../options.ts";
import { print } from "../../output.ts";
import { progressBar } from "../../progress.ts";

interface PretrainOptions extends Pick<LogOptions, "columns" | "preset"> {
  readonly catalogue: string;
  readonly vectors?: string;
  readonly events?: string;
  readonly width?: number;
  readonly epochs: number;
  readonly learningRate: number;
  readonly seed: number;
  readonly repeats?: Repeats;
  readonly out: string;
  readonly json?: boolean;
}

export function addPretrain(model: Command): void {
  const pretrain = model
    .command("pretrain")
    .description("make an initial model of public knowledge: item attributes or vectors, and a public log; it costs no ε")
    .requiredOption("--catalogue <file>", "catalogue JSONL of the federation")
    .option("--vectors <file>", "frozen item vectors, .npy or .parquet, that item vectors begin at (default: attributes)")
    .option("--events <file>", "a public log of the same catalogue; nobody of the federation may be in it");
  addLogOptions(pretrain)
    .addOption(integerOption("--width <n>", "the model's width (default: as `plan new` chooses)", 4))
    .addOption(integerOption("--epochs <n>", "passes over the log", 1, 8, 1000))
    .addOption(numberOption("--learning-rate <η>", "of AdamW", (value) => value > 0, "a number above 0", 0.002))
    .addOption(integerOption("--seed <n>", "of first weights and of training", 0, 1))
    .requiredOption("--out <file>", "where to write it, safetensors")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary model pretrain --catalogue catalogue.jsonl --vectors texts.npy --out initial.safetensors\n  tributary plan new --home platform --catalogue catalogue.jsonl --customers 20000 --merchants 20 --no-statistics --train norms --initial-model initial.safetensors\n  tributary coordinator start --home platform --plan plan.json --catalogue catalogue.jsonl --initial-model initial.safetensors",
    )
    .action(async (options: PretrainOptions) => {
      const catalogue = await readCatalogue(options.catalogue);
      const { spec, parameters } = await pretrained(catalogue, options);
      const file = encodeModel(spec, parameters);
      writeOutput(options.out, file);
      const modelHash = Buffer.from(nodeCrypto().sha256(file)).toString("hex");
      print(options.json, { out: options.out, parameters: parameters.length, items: spec.items, modelHash }, () => [
        `written to ${options.out}: ${parameters.length} numbers for ${spec.items} items`,
      ]);
    });
}

async function pretrained(catalogue: Catalogue, options: PretrainOptions) {
  const { events, vectors, epochs, learningRate, seed, columns, preset } = options;
  const { items } = catalogue;
  const { chooseModel } = await import("@tributary/simulate");
  const { model: spec } = chooseModel({
    catalogueItems: items.length,
    ...(options.width === undefined ? {} : { width: options.width }),
  });
  const shape = { ...(columns === undefined ? {} : { columns }), ...(preset === undefined ? {} : { preset }) };
  if (events !== undefined && columns === undefined && preset === undefined) throw fail("TRB_DEMO_LOG_INCOMPLETE");
  const log = events === undefined ? undefined : await importLog({ path: events, catalogue, ...shape });
  // one more than counted: an item that the log doesn't have may still be bought
  const counts = log === undefined ? new Float64Array(items.length) : itemCounts([log.histories], items.length);
  const mean = 1 + counts.reduce((sum, count) => sum + count, 0) / items.length;
  const start = startStudent(spec, {
    popularity: Float32Array.from(counts, (count) => (1 + count) / mean),
    ...(vectors === undefined ? { similarity: itemSimilarity(items) } : { vectors: await readFeatures(vectors, catalogue) }),
    seed,
  });
  if (log === undefined) return start;
  const progress = progressBar();
  const training = {
    epochs,
    batch: 64,
    learningRate,
    seed,
    onEpoch: (epoch: number) => progress.show("epochs", epoch, epochs),
  };
  return await trainStudent(start, log.histories, onnxruntimeExecutor(), training).finally(progress.end);
}
