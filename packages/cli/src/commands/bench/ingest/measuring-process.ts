/** One measurement in a process of its own, so that the memory at its most is nobody else's. */
import { importEvents } from "@tributary/client";
import { readAndSort } from "@tributary/events/ingest";
import type { MeasureAnswer, Measured, MeasureOrder } from "./words.ts";

async function measure(order: MeasureOrder): Promise<Measured> {
  const cpuBefore = process.cpuUsage();
  const begin = performance.now();
  const counts = await work(order);
  const { user, system } = process.cpuUsage(cpuBefore);
  return {
    seconds: (performance.now() - begin) / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakMb: (process.resourceUsage().maxRSS * 1024) / 1e6,
    ...counts,
  };
}

async function work(order: MeasureOrder) {
  if (order.kind === "duckdb") {
    const rows = await readAndSort(order.log);
    return { rows, kept: rows, dropped: 0 };
  }
  const { rows, kept, dropped } = await importEvents({ home: order.home, files: [order.log] });
  return { rows, kept, dropped: Object.values(dropped).reduce((sum, one) => sum + one, 0) };
}

const say = (answer: MeasureAnswer) => process.send?.(answer);
process.once("message", (order: MeasureOrder) => {
  measure(order)
    .then(
      (measured) => say({ measured }),
      (error: unknown) => say({ failed: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    )
    .finally(() => process.disconnect());
});
