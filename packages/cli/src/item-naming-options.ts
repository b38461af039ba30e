/** The flags that say how a merchant's SKUs become ids that others share: the same for its catalogue and its logs. */
import { fail } from "@tributary/errors";
import { type ItemNaming, isNamespace } from "@tributary/events";
import { type Command, Option } from "commander";

export interface ItemNamingOptions {
  readonly skuMap?: string;
  readonly gtin?: boolean;
  readonly namespace?: string;
}

export function addItemNamingOptions(command: Command): Command {
  return command
    .optionsGroup("How items are called:")
    .option("--sku-map <file>", "which SKU is which item: CSV, JSONL or Parquet with the columns sku and id")
    .option("--gtin", "SKUs that are a GTIN or ISBN name their item by it, as gtin:00012345678905")
    .addOption(
      new Option("--namespace <name>", "every other SKU is an item that nobody else sells, NAME:sku").argParser((text) => {
        if (isNamespace(text)) return text;
        const expected = "up to 63 of a–z, 0–9 and -, and not gtin";
        throw fail("TRB_CLI_BAD_OPTION", { option: "--namespace", value: text.slice(0, 80) || "empty", expected });
      }),
    )
    .optionsGroup("Options:");
}

/** Undefined where no flag was given. @throws what `readSkuMap` throws */
export async function itemNaming({ skuMap, gtin, namespace }: ItemNamingOptions): Promise<ItemNaming | undefined> {
  if (skuMap === undefined && gtin === undefined && namespace === undefined) return undefined;
  const { readSkuMap } = await import("@tributary/events/ingest");
  return {
    ...(skuMap === undefined ? {} : { pairs: await readSkuMap(skuMap) }),
    ...(gtin === undefined ? {} : { gtin }),
    ...(namespace === undefined ? {} : { namespace }),
  };
}
