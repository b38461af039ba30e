/**
 * A plan whose model, server optimiser and one query come from extensions, with metrics at the end, through real processes: the same bytes as in
 * the simulation, and no node runs a file that its merchant has not accepted.
 */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { initialFederationModel } from "@tributary/federation";
import { loadExtensions, openExtension } from "@tributary/model/extension-files";
import { type Decimal, sha256Hex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { choosePlanToRead, simulateFederation } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, expect, test } from "vitest";
import { seededRandom } from "../seeded/randomness.ts";
import { begin, commandsInOneProcess, killAll, root, service, temporaryFolder } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation, storedParts } from "./small-federation.ts";

const seed = "e47e".repeat(16);
process.env["TRIBUTARY_STORE_KEY"] = seed; // names of customers decide who falls into which bucket
const folder = temporaryFolder("extensions");
const { tributary, tributaryJson, close } = commandsInOneProcess();
const files = ["step-by-step", "lion", "visit-hours"].map((name) => `${root}/examples/extensions/${name}.ts`);
const decimal = (text: string) => text as Decimal;

afterAll(() => {
  close();
  killAll();
  folder.remove();
});

test("model, optimiser, query and metrics give the same bytes in processes and in the simulation; nodes run accepted files alone", {
  timeout: 240_000,
}, async () => {
  const opened = await Promise.all(files.map((file) => openExtension(file)));
  const extensions = opened.map(({ extension: { name }, sha256 }) => ({ name, sha256: sha256Hex.parse(sha256) }));
  const federation = await smallFederation(folder.path, {
    ...{ merchants: 3, rounds: 2, deadlines: { uploadOffset: 2500, masked: 20_000 } },
    choose: (request) => {
      const wishes = { ...request, family: "extension", extension: "step-by-step" } as const;
      const queries = [{ name: "visit-hours", dimension: 24, touched: 8, clipNorm: 1 }];
      const { plan } = choosePlanToRead(wishes, { share: 0.4, metrics: { heldOut: 0.3 }, queries });
      const numbers = { beta1: decimal("0.9"), beta2: decimal("0.99") };
      return {
        ...plan,
        extensions,
        optimiser: { name: "extension", extension: "lion", learningRate: decimal("0.01"), numbers },
      };
    },
  });
  const { plan, platform, parts, catalogue, home } = federation;
  expect(plan.releases.map(({ kind }) => kind)).toEqual(["training", "query", "metrics"]);
  const env = { TRIBUTARY_TEST_SEED: seed };
  const coordinator = await service(
    [platform, federation.planFile, federation.catalogueFile, String(parts.length), "0", ...files],
    { ...{ script: `${root}/test/seeded/coordinator.ts`, env } },
  );
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));

  const first = home(parts[0]?.node ?? "");
  const refused = await begin(["node", "start", "--home", first, "--json"]).outcome;
  expect(refused.exitCode).toBe(3);
  expect(refused.stdout + refused.stderr).toContain("TRB_POLICY_EXTENSION_UNKNOWN");
  expect(refused.stdout + refused.stderr).toContain("tributary node extension");
  // one letter more is another file
  const [, lion = ""] = files;
  const forged = folder.file("lion.ts");
  copyFileSync(lion, forged);
  writeFileSync(forged, `${readFileSync(forged, "utf8")}\n`);
  for (const file of [files[0] ?? "", forged, files[2] ?? ""])
    await tributaryJson(["node", "extension", file, "--home", first]);
  const check = await tributary(["node", "check", "--home", first, "--json"]);
  expect(check.exitCode).toBe(3);
  const findings = (JSON.parse(check.stdout) as { findings: { code: string; message: string }[] }).findings;
  expect(findings.map(({ code }) => code)).toEqual(["TRB_POLICY_EXTENSION_UNKNOWN"]);
  expect(findings[0]?.message).toContain("lion");
  for (const { node } of parts)
    for (const file of files) await tributaryJson(["node", "extension", file, "--home", home(node)]);
  expect(await tributaryJson(["node", "check", "--home", first])).toMatchObject({ accepted: true });

  const nodes = await Promise.all(
    parts.map(({ node }) => service([home(node)], { script: `${root}/test/seeded/node.ts`, env })),
  );
  expect(await Promise.all([coordinator, ...nodes].map((one) => one.exit))).toEqual([coordinator, ...nodes].map(() => 0));
  const entries = ledgerEntries(platform);
  const released = entries.filter((entry) => entry["kind"] === "round");
  expect(released.map((entry) => entry["release"])).toEqual([0, 0, 1, 2]);
  for (const { node } of parts) expect(ledgerEntries(home(node))).toEqual(entries);
  expect(await tributaryJson(["ledger", "verify", `${platform}/ledger.jsonl`])).toMatchObject({ verified: true, failures: [] });

  process.env["TRIBUTARY_TEST_SEED"] = seed;
  await loadExtensions(`${platform}/extensions`, plan.extensions);
  const crypto = nodeCrypto();
  const hashes: string[] = [];
  const { ledger } = await simulateFederation({
    ...{ plan, crypto, random: seededRandom, executor: onnxruntimeExecutor(), items: catalogue.items },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: storedParts(federation),
    coordinatorSecret: readFileSync(`${platform}/keys/identity`),
    onRound: ({ modelHash }) => void hashes.push(modelHash),
  });
  expect(released.map((entry) => entry["nextModelHash"])).toEqual(hashes);
  expect(new Set(hashes).size).toBe(2);
  const simulated = ledger
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const sums = (list: readonly Record<string, unknown>[]) =>
    list.flatMap((entry) => (entry["sum"] === undefined ? [] : [entry["sum"]]));
  expect(sums(entries)).toEqual(sums(simulated));
  expect(sums(entries).map((sum) => (sum as number[]).length)).toEqual([24, 8]);

  // what people are told is the same everywhere
  const { entries: rows } = (await tributaryJson(["ledger", "show", `${platform}/ledger.jsonl`])) as {
    entries: { metrics?: object; query?: object }[];
  };
  const status = await tributaryJson(["coordinator", "status", "--home", platform]);
  expect(status["metrics"]).toEqual(rows.flatMap(({ metrics }) => metrics ?? []));
  expect(status["queries"]).toEqual(rows.flatMap(({ query }) => query ?? []));
  expect(status["metrics"]).toMatchObject([{ round: 4, confidence: 0.95, method: "fieller" }]);
  expect(status["queries"]).toMatchObject([{ round: 3, name: "visit-hours" }]);
  const shown = await tributary(["ledger", "show", `${platform}/ledger.jsonl`]);
  expect(shown.stdout).toContain("95 % intervals of the noise");
  const words = await tributary(["plan", "explain", federation.planFile]);
  expect(words.stdout).toContain("30 % of customers");
  expect(words.stdout).toContain(extensions[1]?.sha256 ?? "lion");

  // the model is read wherever its extension is at hand, and is the last one that a round made
  const given = ["--extension", ...files];
  expect(await tributaryJson(["plan", "check", federation.planFile, ...given])).toMatchObject({ ok: true, findings: [] });
  const out = folder.file("exported");
  expect(await tributaryJson(["model", "export", "--home", platform, "--out", out])).toMatchObject({
    round: 2,
    modelHash: hashes.at(-1),
  });
  const held = ["model", "verify", `${out}/model.onnx`, "--ledger", `${platform}/ledger.jsonl`];
  expect(await tributaryJson([...held, ...given])).toMatchObject({ verified: true, round: 2 });
  const without = await begin([...held, "--json"]).outcome; // a process that has seen no extension
  expect(without.exitCode).toBe(2);
  expect(without.stdout + without.stderr).toContain("TRB_EXTENSION_MISSING");
});
