/**
 * The pages whose figures come from docs/measurements: what they should say. `docs/check-examples.ts` holds them to it and writes them;
 * `node docs/measure.ts` measures anew.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Derived, filled, type Tables } from "./figures/marked.ts";
import { qualityDerived, qualityTables } from "./figures/quality.ts";
import { readMeasurements } from "./figures/record.ts";
import { roundDerived, roundTables } from "./figures/rounds.ts";
import { securityDerived, securityTables } from "./figures/security.ts";
import { stepDerived, stepTables } from "./figures/steps.ts";
import { utilityDerived, utilityTables } from "./figures/utility.ts";
import { wholeRunDerived, wholeRunTables } from "./figures/whole-runs.ts";

/** From the root. Of docs/utility.md two tables are made, of docs/security.md what was run, of the others every measured figure. */
export const figurePages = ["docs/performance.md", "docs/quality.md", "docs/utility.md", "docs/security.md"] as const;

export const tables: Tables = {
  ...stepTables,
  ...roundTables,
  ...wholeRunTables,
  ...qualityTables,
  ...utilityTables,
  ...securityTables,
};
export const derived: Derived = {
  ...stepDerived,
  ...roundDerived,
  ...wholeRunDerived,
  ...qualityDerived,
  ...utilityDerived,
  ...securityDerived,
};

/** A page as the records would have it. @throws Error that names what can't be made */
export function figurePage(root: string, page: string): string {
  const measurements = readMeasurements(join(root, "docs", "measurements"));
  try {
    return filled(readFileSync(join(root, page), "utf8"), measurements, tables, derived);
  } catch (error) {
    throw new Error(`${page}: ${error instanceof Error ? error.message : String(error)}`);
  }
}
