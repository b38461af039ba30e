import { readFileSync } from "node:fs";
import { initialModel } from "@tributary/federation";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { simulateFederation } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, expect, test } from "vitest";
import { seededRandom } from "../seeded/randomness.ts";
import { killAll, root, service, temporaryFolder } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const seed = "5eed".repeat(16);
const folder = temporaryFolder("same-model");

afterAll(() => {
  killAll();
  folder.remove();
});

test("the same seed, plan and logs give the same model bytes in processes and in the simulation", {
  timeout: 120_000,
}, async () => {
  const federation = await smallFederation(folder.path, {
    merchants: 4,
    rounds: 3,
    deadlines: { uploadOffset: 2500, masked: 20_000 },
  });
  const { plan, platform, parts } = federation;
  const env = { TRIBUTARY_TEST_SEED: seed };
  const coordinator = await service([platform, federation.planFile, federation.catalogueFile, String(parts.length)], {
    script: `${root}/test/seeded/coordinator.ts`,
    env,
  });
  await joinAll(federation, folder.path, String(coordinator.ready["url"]));
  const nodes = await Promise.all(
    parts.map(({ node }) => service([federation.home(node)], { script: `${root}/test/seeded/node.ts`, env })),
  );
  expect(await Promise.all([coordinator, ...nodes].map((one) => one.exit))).toEqual([coordinator, ...nodes].map(() => 0));

  process.env["TRIBUTARY_TEST_SEED"] = seed;
  const crypto = nodeCrypto();
  const hashes: string[] = [];
  await simulateFederation({
    plan,
    crypto,
    executor: onnxruntimeExecutor(),
    initialParameters: initialModel(crypto, plan.model),
    nodes: parts.map((part) => ({ node: part.node, histories: part.train })),
    coordinatorSecret: readFileSync(`${platform}/keys/identity`),
    random: seededRandom,
    onRound: ({ modelHash }) => void hashes.push(modelHash),
  });
  const released = ledgerEntries(platform).filter((entry) => entry["kind"] === "round");
  expect(hashes).toHaveLength(3);
  expect(released.map((entry) => entry["nextModelHash"])).toEqual(hashes);
});
