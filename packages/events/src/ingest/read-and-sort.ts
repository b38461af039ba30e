/** What `bench ingest` compares an import with: DuckDB alone, with an import's engine, but as much memory as it needs for texts. */
import { fileLiteral, withEngine } from "./engine.ts";

/** Reads a CSV of columns `customer` and `timestamp` as DuckDB likes best, sorts it by both, and says how many rows came out. */
export function readAndSort(path: string): Promise<number> {
  return withEngine(
    async (engine) => {
      let rows = 0;
      const sorted = engine.chunks(`SELECT * FROM read_csv(${fileLiteral(path)}) ORDER BY customer, "timestamp"`);
      for await (const { rowCount } of sorted) rows += rowCount;
      return rows;
    },
    { memory: "4GB" },
  );
}
