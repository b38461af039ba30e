import { existsSync, readFileSync } from "node:fs";
import { afterAll, expect, test } from "vitest";
import { killAll, temporaryFolder, tributary, tributaryJson } from "./processes.ts";

const folder = temporaryFolder("demo");

afterAll(() => {
  killAll();
  folder.remove();
});

test("the demo trains in processes where it is told how, prints one document, and leaves a report, a plan, a model and a ledger that verifies", {
  timeout: 120_000,
}, async () => {
  const out = folder.file("out");
  const report = await tributaryJson(["demo", "--rounds", "2", "--merchants", "4", "--out", out]);
  expect(report).toMatchObject({
    privacy: { delta: 1e-6, unit: "customer", epsilon: expect.any(Number), limit: expect.any(Number) },
    rounds: 2,
    merchants: 4,
    customers: 3000,
    federated: { ndcg10: expect.any(Number), hr10: expect.any(Number) },
    popularity: { ndcg10: expect.any(Number) },
    local: { ndcg10: expect.any(Number) },
    ledger: { verified: true, fullyVerified: true, entries: 4 },
    bytesPerRoundPerNode: expect.any(Number),
    secondsPerRound: expect.any(Number),
    source: { kind: "synthetic" },
  });
  const { privacy, ledger } = report as { privacy: { epsilon: number; limit: number }; ledger: { key: string; head: string } };
  expect(privacy.epsilon).toBeLessThanOrEqual(privacy.limit);
  for (const name of [
    "report.html",
    "ledger.jsonl",
    "model.onnx",
    "model.safetensors",
    "modelcard.md",
    "plan.json",
    ".tributary-demo",
  ])
    expect(existsSync(`${out}/${name}`)).toBe(true);
  expect(existsSync(`${out}/work`)).toBe(false);
  const page = readFileSync(`${out}/report.html`, "utf8");
  expect(page).toContain("synthetic data");
  expect(page).not.toMatch(/<script|https?:\/\//);
  const { exitCode } = await tributary(["ledger", "verify", `${out}/ledger.jsonl`, "--key", ledger.key, "--head", ledger.head]);
  expect(exitCode).toBe(0);
  const certified = ["--certificate", `${out}/certificate.json`, "--key", ledger.key];
  const offline = await tributaryJson(["model", "verify", `${out}/model.onnx`, ...certified]);
  expect(offline).toMatchObject({ verified: true, ledger: null, certificate: { round: 2 } });
  const model = await tributaryJson(["model", "verify", `${out}/model.onnx`, "--ledger", `${out}/ledger.jsonl`]);
  expect(model).toMatchObject({ verified: true, round: 2, card: "agrees with the ledger" });
});
