import { readFileSync, writeFileSync } from "node:fs";
import { readArtefact } from "@opendp/opendp";
import { isTributaryError } from "@tributary/errors";
import { initialModel } from "@tributary/federation";
import type { Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { simulateFederation } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, expect, test } from "vitest";
import { seededRandom } from "../seeded/randomness.ts";
import { killAll, root, service, temporaryFolder } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation, storedParts } from "./small-federation.ts";

const seed = "5eed".repeat(16);
/** Of every home's store: who falls into which bucket depends on pseudonyms, which depend on it. */
const storeKey = "5eed".repeat(16);
const folder = temporaryFolder("same-model");

/** Whose samplers can draw noise on this machine. */
const samplers = ((): readonly Plan["sampler"][] => {
  try {
    readArtefact();
    return ["exact", "opendp"];
  } catch (error) {
    if (isTributaryError(error) && error.code === "TRB_OPENDP_NOT_BUILT") return ["exact"];
    throw error;
  }
})();

afterAll(() => {
  killAll();
  folder.remove();
});

test.each(samplers)(
  "the same seed, plan and logs give the same model bytes in processes and in the simulation, noise by %s",
  {
    timeout: 120_000,
  },
  async (sampler) => {
    process.env["TRIBUTARY_STORE_KEY"] = storeKey;
    const home = folder.file(sampler);
    const rounds = sampler === "exact" ? 3 : 1;
    const federation = await smallFederation(home, {
      merchants: 4,
      rounds,
      deadlines: { uploadOffset: 2500, masked: 20_000 },
    });
    const { platform, parts } = federation;
    const plan: Plan = { ...federation.plan, sampler };
    writeFileSync(federation.planFile, JSON.stringify(plan));
    const env = { TRIBUTARY_TEST_SEED: seed };
    const coordinator = await service([platform, federation.planFile, federation.catalogueFile, String(parts.length)], {
      script: `${root}/test/seeded/coordinator.ts`,
      env,
    });
    await joinAll(federation, home, String(coordinator.ready["url"]));
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
      nodes: storedParts(federation),
      coordinatorSecret: readFileSync(`${platform}/keys/identity`),
      random: seededRandom,
      onRound: ({ modelHash }) => void hashes.push(modelHash),
    });
    const released = ledgerEntries(platform).filter((entry) => entry["kind"] === "round");
    expect(hashes).toHaveLength(rounds);
    expect(released.map((entry) => entry["nextModelHash"])).toEqual(hashes);
  },
);
