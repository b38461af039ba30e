/** `tributary node declare`: a merchant signs for its part of the catalogue, before it joins. */
import { declareCatalogue } from "@tributary/client";
import { federationName } from "@tributary/protocol";
import type { Command } from "commander";
import { writeOutput } from "../../files.ts";
import { jsonOption, textOption } from "../../options.ts";
import { print } from "../../output.ts";

interface DeclareFlags {
  readonly home: string;
  readonly catalogue: string;
  readonly name: string;
  readonly out: string;
  readonly json?: boolean;
}

export const partNameOption = () =>
  textOption(
    "--name <name>",
    "what this merchant calls itself; its namespace, where it has one",
    federationName,
    "up to 63 of a–z, 0–9 and -",
  ).makeOptionMandatory();

export function addDeclare(node: Command): void {
  node
    .command("declare")
    .description(
      "sign that this merchant's part of the catalogue is public: derived from nobody's behaviour. Comes before joining",
    )
    .requiredOption("--home <folder>", "the node's folder; its identity is made there if there is none")
    .requiredOption("--catalogue <file>", "this merchant's part, as `tributary catalogue build` wrote it")
    .addOption(partNameOption())
    .option("--out <file>", "where to write the declaration", "declaration.json")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node declare --home shop --catalogue part.jsonl --name shop --out shop.json")
    .action(async ({ home, catalogue, name, out, json }: DeclareFlags) => {
      const declared = await declareCatalogue({ home, catalogue, name });
      writeOutput(out, `${JSON.stringify(declared, null, 2)}\n`);
      print(json, declared, () => [
        `${declared.items} items, SHA-256 ${declared.part}, declared public by ${name}`,
        `written to ${out}; next: give it and the part to whoever runs \`tributary catalogue merge\``,
      ]);
    });
}
