/** `tributary catalogue build`: a merchant's files of public items into one catalogue. */
import { createHash } from "node:crypto";
import { fail, type TributaryError } from "@tributary/errors";
import { catalogueBytes } from "@tributary/events";
import type { ItemColumns, ReadItems } from "@tributary/events/ingest";
import { type Command, Option } from "commander";
import { writeOutput } from "../../files.ts";
import { addItemNamingOptions, type ItemNamingOptions, itemNaming } from "../../item-naming-options.ts";
import { featuredCatalogue } from "../../model-options.ts";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

interface BuildOptions extends ItemNamingOptions {
  readonly items: readonly string[];
  readonly columns?: ItemColumns;
  readonly delimiter?: string;
  readonly features?: string;
  readonly rejects?: string;
  readonly skuMapOut?: string;
  readonly out: string;
  readonly json?: boolean;
}

export function addBuild(catalogue: Command): void {
  const build = catalogue
    .command("build")
    .description("read items from CSV, JSONL or Parquet, and write the catalogue that plans are made with")
    .requiredOption("--items <files...>", "files of items; several are one list")
    .addOption(
      new Option(
        "--columns <list>",
        "where columns are called otherwise: id=NAME,gtin=NAME,title=NAME,category=NAME,brand=NAME,price=NAME,attributes=NAME+NAME,features=NAME",
      ).argParser(parseItemColumns),
    )
    .option("--delimiter <character>", "between a CSV's fields; `tab` is one (default: a comma, or a tab for .tsv)", (text) =>
      text === "tab" ? "\t" : text,
    )
    .option("--features <file>", "frozen item vectors: .npy with a row for each item in the files' order, or .parquet by id");
  addItemNamingOptions(build)
    .option("--rejects <file>", "leave rows out that are no items, and write each with line, column and reason to this CSV")
    .option("--sku-map-out <file>", "write which SKU became which id, for `node import --sku-map`")
    .option("--out <file>", "where to write it", "catalogue.jsonl")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary catalogue build --items products.csv --columns id=sku,gtin=ean --namespace shop --out catalogue.jsonl",
    )
    .action(async (options: BuildOptions) => {
      const bad: TributaryError[] = [];
      const { readItems, byId } = await import("@tributary/events/ingest");
      const read = await readItems({
        ...{ files: options.items, columns: options.columns, delimiter: options.delimiter },
        naming: await itemNaming(options),
        ...(options.rejects === undefined ? {} : { onBadRow: (error) => void bad.push(error) }),
      });
      const bytes = catalogueBytes(byId(await featuredCatalogue(read, options)));
      writeOutput(options.out, bytes);
      if (options.rejects !== undefined) writeOutput(options.rejects, rejectedRows(bad));
      if (options.skuMapOut !== undefined) writeOutput(options.skuMapOut, skuRows(read));
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      const { rows, badRows, items } = read;
      const has = (key: "title" | "category" | "brand" | "price" | "attributes") =>
        items.filter((item) => item[key] !== undefined).length;
      const counts = {
        ...{ category: has("category"), brand: has("brand"), price: has("price") },
        attributes: has("attributes"),
      };
      print(options.json, { catalogue: options.out, sha256, rows, badRows, items: items.length, with: counts }, () => [
        ...table([
          ["rows read", String(rows)],
          ["items", String(items.length)],
          ["left out", String(badRows)],
          ...Object.entries(counts).map(([name, count]) => [`with ${name}`, String(count)]),
        ]),
        `written to ${options.out}; SHA-256 ${sha256}`,
      ]);
    });
}

const roles = ["id", "gtin", "title", "category", "brand", "price", "attributes", "features"];

function parseItemColumns(text: string): ItemColumns {
  const columns = text.split(",").map((part) => {
    const at = part.indexOf("=");
    const [role, name] = [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    if (at < 1 || name === "" || !roles.includes(role)) {
      const expected = `some of ${roles.map((one) => `${one}=NAME`).join()}`;
      throw fail("TRB_CLI_BAD_OPTION", { option: "--columns", value: part.slice(0, 80) || "empty", expected });
    }
    return [role, role === "attributes" ? name.split("+") : name] as const;
  });
  return Object.fromEntries(columns);
}

const field = (value: unknown) => {
  const text = String(value ?? "");
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const csv = (rows: readonly (readonly unknown[])[]) => rows.map((row) => `${row.map(field).join()}\n`).join("");

const rejectedRows = (bad: readonly TributaryError[]): string =>
  csv([
    ["file", "line", "column", "code", "reason"],
    ...bad.map(({ code, details: { file, line, column, reason }, message }) => [file, line, column, code, reason ?? message]),
  ]);

const skuRows = ({ skus }: ReadItems): string => csv([["sku", "id"], ...skus]);
