/** For tests: a home with nothing in it, and histories to put there. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Histories, mergeHistories, renameCustomers } from "@tributary/events";
import { type Layout, layoutOf, makeFolders } from "../layout.ts";
import { replaceStore } from "./replace.ts";

export interface TestHome extends Disposable {
  readonly layout: Layout;
}

export function emptyHome(): TestHome {
  const layout = layoutOf(mkdtempSync(join(tmpdir(), "tributary-store-")));
  makeFolders(layout);
  return { layout, [Symbol.dispose]: () => rmSync(layout.home, { recursive: true, force: true }) };
}

/** Each event is `[item, action, time]` and, if the log says it, its price. */
type Rows = Readonly<Record<string, readonly (readonly [number, number, number, number?])[]>>;

/** Events of each customer in order of time. */
export function historiesOf(rows: Rows): Histories {
  const parts = Object.entries(rows).map(([customer, events]): Histories => {
    const columns = {
      customers: [customer],
      offsets: Uint32Array.of(0, events.length),
      items: Int32Array.from(events, ([item]) => item),
      actions: Uint8Array.from(events, ([, action]) => action),
      times: Float64Array.from(events, ([, , time]) => time),
    };
    const priced = events.some(([, , , price]) => price !== undefined);
    return priced ? { ...columns, prices: Float32Array.from(events, ([, , , price]) => price ?? Number.NaN) } : columns;
  });
  const joined = mergeHistories(parts);
  return renameCustomers(joined, joined.customers);
}

export const importChunks = (layout: Layout, chunks: readonly Histories[], options: Parameters<typeof replaceStore>[2] = {}) =>
  replaceStore(
    layout,
    async (add) => {
      for (const chunk of chunks) await add(chunk);
    },
    options,
  );

/** Two customers with three events, unlike those of any other number. */
export const numberedChunk = (n: number): Histories =>
  historiesOf({
    [`c${n}-a`]: [
      [1, 0, n],
      [2, 1, n + 1],
    ],
    [`c${n}-b`]: [[n, 0, 5]],
  });
