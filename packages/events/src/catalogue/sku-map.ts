/** Which of a merchant's SKUs is which item: a CSV, JSONL or Parquet with the columns `sku` and `id`. SKUs are the merchant's own: nothing here shows one. */
import { fail } from "@tributary/errors";
import { readRecords } from "./records.ts";

/** @throws TRB_EVENTS_SKU_MAP_INVALID with file, line and column, and what `readRecords` throws */
export async function readSkuMap(path: string): Promise<ReadonlyMap<string, string>> {
  const pairs = new Map<string, string>();
  await readRecords(
    path,
    {},
    {
      start: (names) => {
        for (const column of ["sku", "id"])
          if (!names.includes(column))
            throw fail("TRB_EVENTS_SKU_MAP_INVALID", { file: path, line: 1, column, reason: "there is no such column" });
      },
      record: (fields, line) => {
        const [sku, id] = ["sku", "id"].map((column) => {
          const value = fields[column];
          const text = typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
          if (text === "" || !text.isWellFormed())
            throw fail("TRB_EVENTS_SKU_MAP_INVALID", { file: path, line, column, reason: "it is empty, or no text" });
          return text;
        });
        if (sku === undefined || id === undefined) return;
        const before = pairs.get(sku);
        if (before !== undefined && before !== id)
          throw fail("TRB_EVENTS_SKU_MAP_INVALID", { file: path, line, column: "sku", reason: "it is another item above" });
        pairs.set(sku, id);
      },
    },
  );
  if (pairs.size === 0)
    throw fail("TRB_EVENTS_SKU_MAP_INVALID", { file: path, line: 1, column: "sku", reason: "it has no rows" });
  return pairs;
}
