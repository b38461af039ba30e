/** What kind of table a file is, by its name: apart from what writes it, which loads DuckDB. */
import { extname } from "node:path";

export const tableEndings = [".parquet", ".csv", ".jsonl"] as const;

/** @returns undefined for another ending */
export const tableEnding = (path: string): (typeof tableEndings)[number] | undefined =>
  tableEndings.find((ending) => extname(path).toLowerCase() === ending);
