/** `tributary node catalogue`: a merchant without a public list of items buys one from its customers' budget, before it joins. */
import { selectCatalogue } from "@tributary/client";
import { encodings, ingestPresets, logFormats } from "@tributary/events";
import { decimal } from "@tributary/protocol";
import { type Command, Option } from "commander";
import { writeOutput } from "../../files.ts";
import { addItemNamingOptions, type ItemNamingOptions, itemNaming } from "../../item-naming-options.ts";
import { type Columns, columnsOption, integerOption, jsonOption, textOption } from "../../options.ts";
import { print } from "../../output.ts";
import { partNameOption } from "./declare.ts";

interface CatalogueFlags extends ItemNamingOptions {
  readonly home: string;
  readonly name: string;
  readonly epsilon: string;
  readonly delta: string;
  readonly maxItems: number;
  readonly columns?: Columns;
  readonly preset?: (typeof ingestPresets)[number];
  readonly format?: (typeof logFormats)[number];
  readonly encoding?: (typeof encodings)[number];
  readonly describedBy?: string;
  readonly out: string;
  readonly declarationOut: string;
  readonly json?: boolean;
}

const amount = (flags: string, description: string) =>
  textOption(flags, description, decimal, "a decimal number, such as 0.5 or 1e-8").makeOptionMandatory();

export function addCatalogue(node: Command): void {
  const command = node
    .command("catalogue")
    .description(
      "name the items that enough customers have, under (ε, δ) of their own, for a merchant without a public list. Comes before joining; each call is charged anew",
    )
    .argument("<files...>", "the log: CSV, JSONL or Parquet, as they are or in .gz or .zst")
    .requiredOption("--home <folder>", "the node's folder; its identity is made there if there is none")
    .addOption(partNameOption())
    .addOption(amount("--epsilon <ε>", "what naming items costs each customer"))
    .addOption(amount("--delta <δ>", "the chance that it doesn't hold; below 1/customers"))
    .addOption(integerOption("--max-items <n>", "most items of one customer that count", 1).makeOptionMandatory())
    .addOption(columnsOption())
    .addOption(new Option("--preset <name>", "a log of a well-known shape").choices(ingestPresets))
    .addOption(new Option("--format <name>", "how the files are written (default: by their ending)").choices(logFormats))
    .addOption(new Option("--encoding <name>", "of a CSV or JSONL (default: utf-8)").choices(encodings));
  addItemNamingOptions(command)
    .option("--described-by <file>", "a public catalogue that says more of the items, where it has them")
    .option("--out <file>", "where to write the items", "part.jsonl")
    .option("--declaration-out <file>", "where to write the signed declaration", "declaration.json")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary node catalogue shop.csv --home shop --name shop --namespace shop --epsilon 0.5 --delta 1e-8 --max-items 20",
    )
    .action(async (files: string[], flags: CatalogueFlags) => {
      const { home, name, epsilon, delta, maxItems, columns, preset, format, encoding, describedBy } = flags;
      const { declaration, bytes, described, evenFrom } = await selectCatalogue({
        ...{ home, files, name, epsilon, delta, maxItems, columns, preset, format, encoding, describedBy },
        naming: await itemNaming(flags),
      });
      writeOutput(flags.out, bytes);
      writeOutput(flags.declarationOut, `${JSON.stringify(declaration, null, 2)}\n`);
      print(flags.json, { declaration, described, evenFrom }, () => [
        `${declaration.items} items named, ${described} of them described; charged: ε = ${epsilon}, δ = ${delta}, ${maxItems} items of a customer`,
        `an item that ${evenFrom} customers have is named in one case of two`,
        `written to ${flags.out}, and what this node signs to ${flags.declarationOut}; next: \`tributary catalogue merge\``,
      ]);
    });
}
