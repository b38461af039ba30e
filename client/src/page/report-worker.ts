/** The entry of `reportInThread`. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { storedFeatures } from "../feature-report.ts";
import { storedQuality } from "../import.ts";
import { valueReport } from "../value/value-report.ts";
import type { ReportAnswer, ReportOrder } from "./report-thread.ts";

const { what, home }: ReportOrder = workerData;

try {
  if (what === "value") {
    await valueReport({ home, samples: 0 }); // single customers are looked at where they are asked for
    answer({ type: "value" });
  } else {
    const quality = structuredClone(await storedQuality({ home }));
    const features = structuredClone(await storedFeatures({ home }));
    answer({ type: "quality", quality: { quality, features } as Extract<ReportAnswer, { type: "quality" }>["quality"] });
  }
} catch (error) {
  answer({ type: "failed", ...inWords(error) });
}

function answer(words: ReportAnswer): void {
  parentPort?.postMessage(words);
}

/** A foreign error's own text might hold data. */
function inWords(error: unknown): { readonly code: string; readonly details: Readonly<Record<string, string>> } {
  if (!isTributaryError(error)) return { code: error instanceof Error ? error.name : "unknown", details: {} };
  const details = Object.entries(error.details).map(([name, value]) => [name, String(value)]);
  return { code: error.code, details: Object.fromEntries(details) };
}
