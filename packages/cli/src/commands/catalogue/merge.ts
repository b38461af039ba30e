/** `tributary catalogue merge`: the merchants' parts into the one catalogue of their federation. */
import { catalogueBytes, readCatalogue } from "@tributary/events";
import { provenanceOf } from "@tributary/protocol";
import type { Command } from "commander";
import { hashOfCatalogue, mergeDeclared, partsFileText, readDeclaration } from "../../catalogue-parts-file.ts";
import { writeOutput } from "../../files.ts";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

interface MergeOptions {
  readonly parts: readonly string[];
  readonly declarations: readonly string[];
  readonly out: string;
  readonly partsOut: string;
  readonly json?: boolean;
}

export function addMerge(catalogue: Command): void {
  catalogue
    .command("merge")
    .description(
      "put the merchants' parts together, each with its signed declaration; anyone who has the parts comes to the same",
    )
    .requiredOption("--parts <files...>", "catalogues of the merchants")
    .requiredOption("--declarations <files...>", "what `node declare` or `node catalogue` wrote of each")
    .option("--out <file>", "where to write the catalogue", "catalogue.jsonl")
    .option("--parts-out <file>", "where to write the declarations, for `plan new --catalogue-parts`", "catalogue-parts.json")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary catalogue merge --parts a.jsonl b.jsonl --declarations a.json b.json --out catalogue.jsonl",
    )
    .action(async (options: MergeOptions) => {
      const catalogues = await Promise.all(options.parts.map(readCatalogue));
      const merged = mergeDeclared(catalogues, options.declarations.map(readDeclaration));
      writeOutput(options.out, catalogueBytes(merged.catalogue));
      writeOutput(options.partsOut, partsFileText(merged.catalogue, merged.parts));
      const { items, shared, differences } = merged.catalogue;
      const document = {
        ...{ catalogue: options.out, sha256: hashOfCatalogue(merged.catalogue), items: items.length, shared, differences },
        provenance: provenanceOf(merged.parts),
        parts: merged.parts.map(({ name, items: own, provenance }) => ({ name, items: own, provenance })),
      };
      print(options.json, document, () => [
        ...table([
          ["items", String(document.items)],
          ["in several parts", String(shared)],
          ["fields said differently", String(differences)],
          ...document.parts.map(({ name, items: own, provenance }) => [name, `${own} items, ${provenance}`]),
        ]),
        `written to ${options.out}; SHA-256 ${document.sha256}; provenance ${document.provenance}`,
      ]);
    });
}
