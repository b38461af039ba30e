/** Which log a run was of, in its settings: its files may be elsewhere tomorrow. */
import { createHash } from "node:crypto";
import type { LogOptions } from "../../demo/market.ts";
import { readInput } from "../../files.ts";

/** Of the log and everything that says how to read it. */
export function logHash({ events, catalogue, attributes, columns, preset }: Omit<LogOptions, "seedMarket">): string {
  const hash = createHash("sha256");
  for (const path of [events, catalogue, attributes]) {
    hash.update(path === undefined ? "none" : createHash("sha256").update(readInput(path)).digest());
  }
  return hash.update(JSON.stringify([columns ?? null, preset ?? null])).digest("hex");
}
