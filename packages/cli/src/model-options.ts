/** The flags with which a command says what its model reads and predicts; what is not said is the planner's choice. */

import { type Catalogue, readFeatures, topicsOf, withFeatures } from "@tributary/events";
import { attributesOf, featureWidthOf, type ItemSpec, type TrainedGroup, trainedGroups } from "@tributary/model";
import type { ModelWishes } from "@tributary/simulate";
import { type Command, Option } from "commander";
import { integerOption, listOf } from "./options.ts";

export interface ModelOptions {
  readonly family?: NonNullable<ModelWishes["family"]>;
  readonly itemIds: ItemSpec["ids"];
  readonly itemAttributes?: readonly string[];
  readonly features?: string;
  readonly itemFeatures?: boolean;
  readonly inputs?: NonNullable<ModelWishes["inputs"]>;
  readonly heads?: NonNullable<ModelWishes["heads"]>;
  readonly churnDays?: number;
  readonly train?: readonly TrainedGroup[];
}

const inputNames = ["dwell", "price", "topic"] as const;
const headNames = { "next-action": "nextAction", churn: "churn", purchase: "purchase" } as const;

export function addModelOptions(command: Command): Command {
  return command
    .optionsGroup("The model:")
    .addOption(
      new Option("--family <name>", "the model's family (default: sasrec)").choices([
        "sasrec",
        "bert4rec",
        "seq2seq",
        "lstm",
        "gru",
      ]),
    )
    .addOption(
      new Option("--item-ids <which>", "own: each item has a vector of its own; none: attributes and features alone make it")
        .choices(["own", "none"])
        .default("own"),
    )
    .option(
      "--item-attributes <list>",
      "catalogue attributes that an item's vector is made of: category,brand,price,property,… (default: none)",
      (text: string) => text.split(",").map((name) => name.trim()),
    )
    .option("--features <file>", "frozen item vectors, .npy or .parquet, that become part of the catalogue and of item vectors")
    .option("--item-features", "make item vectors of the feature vectors that the catalogue holds already")
    .addOption(
      listOption(
        "--inputs <list>",
        "further inputs of events, where logs have them: dwell,price,topic (with --item-attributes)",
        inputNames,
      ),
    )
    .addOption(
      listOption(
        "--heads <list>",
        "what is predicted beside the next item: next-action,churn,purchase",
        Object.keys(headNames),
      ).argParser((text) => {
        const names = listOf("--heads", Object.keys(headNames))(text);
        return Object.entries(headNames).flatMap(([name, head]) => (names.includes(name) ? [head] : []));
      }),
    )
    .addOption(
      listOption(
        "--train <list>",
        "what of the model learns privately: items,attributes,inputs,blocks,norms,heads; fewer numbers, less noise (default: everything)",
        trainedGroups,
      ),
    )
    .addOption(integerOption("--churn-days <n>", "days without an event that the churn head calls leaving (default: 30)", 1))
    .optionsGroup("Options:");
}

function listOption(flags: string, description: string, names: readonly string[]): Option {
  const option = new Option(flags, description);
  return option.argParser(listOf(option.long ?? flags, names));
}

/**
 * The catalogue with the features of `--features` in it.
 * @throws what `readFeatures` throws
 */
export async function featuredCatalogue(
  catalogue: Catalogue,
  { features }: Pick<ModelOptions, "features">,
): Promise<Catalogue> {
  return features === undefined ? catalogue : withFeatures(catalogue, await readFeatures(features, catalogue));
}

/**
 * What the planner is to keep to. A catalogue's features are read where `--features` or `--item-features` was given.
 * @throws TRB_MODEL_CONTENT_ATTRIBUTE
 */
export function modelWishes(options: ModelOptions, { items }: Catalogue): ModelWishes {
  const { family, inputs, heads, churnDays, train } = options;
  const attributes = attributesOf(items, options.itemAttributes ?? []);
  const features = options.features === undefined && options.itemFeatures !== true ? 0 : featureWidthOf(items);
  return {
    item: { ids: options.itemIds, attributes, features },
    ...(family === undefined ? {} : { family }),
    ...(inputs === undefined ? {} : { inputs }),
    ...(inputs?.includes("topic") ? { topics: topicsOf(items).length } : {}),
    ...(heads === undefined ? {} : { heads }),
    ...(churnDays === undefined ? {} : { churnDays }),
    ...(train === undefined ? {} : { trained: train }),
  };
}

/** The same wishes as arguments of `plan new`, for a catalogue that holds its features already. */
export function modelArguments(options: ModelOptions): readonly string[] {
  const { family, itemIds, itemAttributes, features, itemFeatures, inputs, heads, churnDays, train } = options;
  const named = Object.entries(headNames).flatMap(([name, head]) => (heads?.includes(head) ? [name] : []));
  return [
    ...["--item-ids", itemIds],
    ...(family === undefined ? [] : ["--family", family]),
    ...(itemAttributes === undefined ? [] : ["--item-attributes", itemAttributes.join()]),
    ...(features !== undefined || itemFeatures === true ? ["--item-features"] : []),
    ...(inputs === undefined ? [] : ["--inputs", inputs.join()]),
    ...(heads === undefined ? [] : ["--heads", named.join()]),
    ...(churnDays === undefined ? [] : ["--churn-days", String(churnDays)]),
    ...(train === undefined ? [] : ["--train", train.join()]),
  ];
}
