/** A plan with statistics and training, through real processes: the same model as in the simulation, kills and all that a reader is told. */
import { readFileSync } from "node:fs";
import { decodeFederationModel, initialFederationModel } from "@tributary/federation";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { simulateFederation } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, expect, test } from "vitest";
import { seededRandom } from "../seeded/randomness.ts";
import { begin, commandsInOneProcess, killAll, root, service, temporaryFolder, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation, storedParts } from "./small-federation.ts";

const seed = "57a7".repeat(16);
process.env["TRIBUTARY_STORE_KEY"] = seed; // names of customers decide who falls into which bucket
const folder = temporaryFolder("statistics");
const { tributaryJson, close } = commandsInOneProcess();

afterAll(() => {
  close();
  killAll();
  folder.remove();
});

test("statistics and training give the same model bytes in processes and in the simulation, although the coordinator is killed", {
  timeout: 180_000,
}, async () => {
  const federation = await smallFederation(folder.path, {
    ...{ merchants: 4, rounds: 2, statistics: { trainingShare: 0.3 } },
    deadlines: { uploadOffset: 2500, masked: 20_000 },
  });
  const { plan, platform, parts, catalogue, home } = federation;
  expect(plan.releases.map(({ kind, rounds }) => [kind, rounds])).toEqual([
    ["popularity", 1],
    ["pairs", 1],
    ["pairs", 3],
    ["training", 2],
  ]);
  const env = { TRIBUTARY_TEST_SEED: seed };
  const start = (port: number) =>
    service([platform, federation.planFile, federation.catalogueFile, String(parts.length), String(port)], {
      ...{ script: `${root}/test/seeded/coordinator.ts`, env },
    });
  let coordinator = await start(0);
  const url = String(coordinator.ready["url"]);
  await joinAll(federation, folder.path, url);
  const nodes = await Promise.all(
    parts.map(({ node }) => service([home(node)], { script: `${root}/test/seeded/node.ts`, env })),
  );
  // while uploads of the second pair round come in: whatever was asked and answered before is on disk
  const status = async () => (await (await fetch(`${url}/v1/status`)).json()) as { round: number; phase: string };
  await until(status, ({ round, phase }) => round > 3 || (round === 3 && phase === "masked"));
  await coordinator.kill();
  coordinator = await start(Number(new URL(url).port));
  expect(await Promise.all([coordinator, ...nodes].map((one) => one.exit))).toEqual([coordinator, ...nodes].map(() => 0));

  const entries = ledgerEntries(platform);
  const released = entries.filter((entry) => entry["kind"] === "round");
  expect(released.map((entry) => entry["release"])).toEqual([0, 1, 2, 2, 2, 3, 3]);
  for (const { node } of parts) expect(ledgerEntries(home(node))).toEqual(entries);
  const verdict = await tributaryJson(["ledger", "verify", `${platform}/ledger.jsonl`]);
  expect(verdict).toMatchObject({ verified: true, complete: true, failures: [], rounds: { released: 7 } });
  expect(Number(verdict["epsilon"])).toBeGreaterThan(7.9);
  expect(Number(verdict["epsilon"])).toBeLessThanOrEqual(8);

  process.env["TRIBUTARY_TEST_SEED"] = seed;
  const crypto = nodeCrypto();
  const hashes: string[] = [];
  const { statistics, parameters } = await simulateFederation({
    ...{ plan, crypto, random: seededRandom, executor: onnxruntimeExecutor(), items: catalogue.items },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: storedParts(federation),
    coordinatorSecret: readFileSync(`${platform}/keys/identity`),
    onRound: ({ modelHash }) => void hashes.push(modelHash),
  });
  expect(released.map((entry) => entry["nextModelHash"])).toEqual(hashes);
  const last = decodeFederationModel(plan, readFileSync(`${platform}/blobs/${hashes.at(-1)}`));
  expect(last).toEqual({ parameters, statistics });
  expect(last.statistics?.popularity).toHaveLength(50);
  expect(last.statistics?.released).toBe(5);

  const ended = await tributaryJson(["coordinator", "status", "--home", platform]);
  expect(ended["releases"]).toEqual([
    { kind: "popularity", charged: 1, released: 1, rounds: 1 },
    { kind: "pairs", charged: 1, released: 1, rounds: 1 },
    { kind: "pairs", charged: 3, released: 3, rounds: 3 },
    { kind: "training", charged: 2, released: 2, rounds: 2 },
  ]);

  // what people are told: by kind, and not by place
  const budget = await tributaryJson(["node", "budget", "--home", home(parts[0]?.node ?? "")]);
  expect(budget["byKind"]).toMatchObject([
    { kind: "popularity", charged: 1, open: 0, refunded: 0, left: 0 },
    { kind: "pairs", charged: 4, open: 0, refunded: 0, left: 0 },
    { kind: "training", charged: 2, open: 0, refunded: 0, left: 0 },
  ]);
  const check = await tributaryJson(["node", "check", "--home", home(parts[0]?.node ?? "")]);
  expect(JSON.stringify(check["explanation"])).toContain("pairs of items");
  const { entries: rows } = (await tributaryJson(["ledger", "show", `${platform}/ledger.jsonl`])) as {
    entries: { what?: string }[];
  };
  expect(rows.map(({ what }) => what)).toEqual([
    undefined,
    "popularity",
    "pairs",
    "pairs",
    "pairs",
    "pairs",
    "training",
    "training",
    undefined,
  ]);

  const out = folder.file("exported");
  const exported = await tributaryJson(["model", "export", "--home", platform, "--out", out]);
  expect(exported["modelHash"]).toBe(hashes.at(-1));
  expect(exported["files"]).not.toContain("model.onnx"); // it would hold the weights alone, and be no model of the ledger
  const verified = await tributaryJson(["model", "verify", `${out}/model.safetensors`, "--ledger", `${platform}/ledger.jsonl`]);
  expect(verified).toMatchObject({ verified: true, round: 7 });
});

test("a node whose policy doesn't permit statistics refuses the plan, and says what to do", { timeout: 60_000 }, async () => {
  const own = temporaryFolder("statistics-policy");
  const federation = await smallFederation(own.path, { merchants: 3, rounds: 1, statistics: {} });
  const coordinator = await service([
    ...["coordinator", "start", "--home", federation.platform, "--plan", federation.planFile],
    ...["--catalogue", federation.catalogueFile, "--port", "0"],
  ]);
  await joinAll(federation, own.path, String(coordinator.ready["url"]));
  const home = federation.home(federation.parts[0]?.node ?? "");
  expect(await tributaryJson(["node", "check", "--home", home])).toMatchObject({ accepted: true });
  await tributaryJson(["node", "policy", "--home", home, "--permit", "training"]);
  const refused = await begin(["node", "start", "--home", home, "--json"]).outcome;
  expect(refused.exitCode).toBe(3);
  expect(refused.stdout + refused.stderr).toContain("TRB_POLICY_RELEASE_FORBIDDEN");
  expect(refused.stdout + refused.stderr).toContain("--permit");
  await tributaryJson(["node", "policy", "--home", home, "--permit", "popularity,pairs"]);
  expect(await tributaryJson(["node", "check", "--home", home])).toMatchObject({ accepted: true });
  await coordinator.stop("SIGTERM");
  own.remove();
});
