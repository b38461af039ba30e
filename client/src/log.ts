/** Logs that another process, or this one, reads line by line. */
import { type Logger, pino } from "pino";

/** A log that hands each entry over when it is written, parsed. @param level `debug` names every message of a round as it comes */
export function logTo(hear: (entry: Readonly<Record<string, unknown>>) => void, level: "debug" | "info" = "info"): Logger {
  return pino({ level, base: null }, { write: (text) => hear(JSON.parse(text) as Readonly<Record<string, unknown>>) });
}
