/** The demo exactly as the README starts it, with twelve merchants, who gain by joining, and with four, who know about as much alone; `demo.test.ts` has it train. */
import { existsSync, readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { killAll, temporaryFolder, tributaryJson } from "./processes.ts";

const folder = temporaryFolder("demo-defaults");

afterAll(() => {
  killAll();
  folder.remove();
});

test.for([
  { merchants: 12, words: [], what: "joining is better than being alone and than popularity" },
  { merchants: 4, words: ["--merchants", "4"], what: "joining is better than popularity" },
])(
  "the demo with its defaults and $merchants merchants releases statistics, and $what",
  {
    timeout: 300_000,
  },
  async ({ merchants, words }) => {
    const out = folder.file(`merchants-${merchants}`);
    const report = await tributaryJson(["demo", ...words, "--out", out]);
    expect(report).toMatchObject({
      ...{ rounds: 5, merchants, customers: 3000, slowMerchants: 0 },
      ledger: { verified: true, fullyVerified: true, entries: 7 },
    });
    const { floor, popularity, local, federated, joined, privacy } = report as Record<
      string,
      { ndcg10: number; epsilon: number }
    >;
    for (const block of [floor, popularity, local, federated, joined]) expect(block?.ndcg10).toBeGreaterThan(0);
    if (merchants === 12) expect(joined?.ndcg10).toBeGreaterThan(local?.ndcg10 ?? Number.NaN);
    expect(joined?.ndcg10).toBeGreaterThan(popularity?.ndcg10 ?? Number.NaN);
    expect(federated?.ndcg10).toBeGreaterThan(floor?.ndcg10 ?? Number.NaN);
    expect(privacy?.epsilon).toBeLessThanOrEqual(8);
    expect(readFileSync(`${out}/report.html`, "utf8")).toContain("federated + in-house");
    expect(existsSync(`${out}/model.onnx`)).toBe(false);
    const model = await tributaryJson(["model", "verify", `${out}/model.safetensors`, "--ledger", `${out}/ledger.jsonl`]);
    expect(model).toMatchObject({ verified: true, round: 5, card: "agrees with the ledger" });
  },
);
