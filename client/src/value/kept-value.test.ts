import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sha256Hex } from "@tributary/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Layout, layoutOf } from "../home/layout.ts";
import { keepValue, readKeptValue } from "./kept-value.ts";
import type { ValueBlock, ValueReport } from "./value-report.ts";

let layout: Layout;
beforeEach(() => {
  layout = layoutOf(mkdtempSync(join(tmpdir(), "tributary-kept-")));
});
afterEach(() => rmSync(layout.home, { recursive: true, force: true }));

const block = (ndcg10: number): ValueBlock => ({
  ...{ hr10: 0.5, ndcg10, mrr: 0.2, customers: 40, newItems: { hr10: 0.1, ndcg10: 0.05, customers: 20 } },
  intervals: {
    hr10: [0.4, 0.6],
    ndcg10: [ndcg10 - 0.1, ndcg10 + 0.1],
    mrr: [0.1, 0.3],
    newItems: { hr10: [0, 0.2], ndcg10: [0, 0.1] },
  },
});
const gain = { difference: 0.05, interval: [0.01, 0.09], relative: 0.2, relativeInterval: [0.04, 0.36] } as const;

const report: ValueReport = {
  ...{ federation: "test", model: { hash: sha256Hex.parse("a".repeat(64)), round: 2 }, repeats: "keep", items: 24 },
  heldOut: { customers: 50, evaluated: 40, by: ["node"], clean: true, sentence: "Judged." },
  ...{ floor: block(0.1), popularity: block(0.15), local: block(0.25) },
  ...{ federated: { ...block(0.28), againstLocal: gain }, joined: { ...block(0.3), againstLocal: gain } },
  personalisation: { state: "none", sentence: "None." },
  epsilon: { spent: 1.5, limit: 8, delta: 1e-6 },
  verdict: {
    ...{ verdict: "pays", by: "interval", customers: 40, gain, confidence: 0.95, of: "joined" },
    sentence: "Joining pays.",
    advice: "Go on.",
  },
  timelines: { customers: 5, events: 40, hits: 10, actionsRight: 20 },
};

test("the figures of the last report stay, for their owner alone, and nothing of single customers", () => {
  expect(readKeptValue(layout)).toBeUndefined();
  keepValue(layout, report, new Date("2026-11-30T12:00:00Z"));
  const kept = readKeptValue(layout);
  expect(kept?.blocks.map(({ name, block: { ndcg10 } }) => [name, ndcg10])).toEqual([
    ...[
      ["floor", 0.1],
      ["popularity", 0.15],
      ["local", 0.25],
    ],
    ...[
      ["federated", 0.28],
      ["joined", 0.3],
    ],
  ]);
  expect(kept).toMatchObject({ madeAt: "2026-11-30T12:00:00.000Z", verdict: { verdict: "pays", gain: { difference: 0.05 } } });
  expect(kept).not.toHaveProperty("timelines");
  expect(statSync(layout.value).mode & 0o777).toBe(0o600);
});

test.each(["{", "{}", '{"version":2}'])("a file that is no report, %s, is told by its code", (text) => {
  writeFileSync(layout.value, text);
  expect(() => readKeptValue(layout)).toThrow(expect.objectContaining({ code: "TRB_NODE_HOME_UNREADABLE" }));
});
