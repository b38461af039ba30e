/** A plan that keeps models by metrics, through real processes: a model that training ruined is given up by coordinator, nodes and verifier, and isn't exported. */
import type { Decimal } from "@tributary/protocol";
import { choosePlanToRead } from "@tributary/simulate";
import { afterAll, expect, test } from "vitest";
import { commandsInOneProcess, killAll, service, temporaryFolder } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("acceptance");
const { tributary, tributaryJson, close } = commandsInOneProcess();

afterAll(() => {
  close();
  killAll();
  folder.remove();
});

test("training is ruined by steps that are far too long, and everybody goes back to the model before", {
  timeout: 180_000,
}, async () => {
  const federation = await smallFederation(folder.path, {
    ...{ merchants: 3, rounds: 3, customers: 300, items: 40, deadlines: { uploadOffset: 1500, masked: 20_000 } },
    choose: (request) => {
      const acceptance = { every: 3, metric: "ndcg10", tolerance: 0.01 } as const;
      const wishes = { share: 0.3, metrics: { heldOut: 0.25 }, acceptance };
      const { plan } = choosePlanToRead({ ...request, epsilon: 2000 }, wishes);
      return { ...plan, optimiser: { ...plan.optimiser, learningRate: "1000" as Decimal } };
    },
  });
  const { plan, platform, planFile, catalogueFile, parts, home } = federation;
  expect(plan.releases.map(({ kind, rounds }) => `${kind} ${rounds}`)).toEqual(["metrics 1", "training 3", "metrics 1"]);
  expect((await tributary(["plan", "check", planFile, "--demo"])).exitCode).toBe(0);

  const start = ["coordinator", "start", "--home", platform, "--plan", planFile, "--catalogue", catalogueFile, "--port", "0"];
  const coordinator = await service([...start, "--start-when", "3", "--until-done", "--demo"]);
  await joinAll(federation, folder.path, String(coordinator.ready["url"]), { maxEpsilon: 2000, acceptLogCatalogue: true });
  const nodes = await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));
  expect(await Promise.all([coordinator, ...nodes].map((one) => one.exit))).toEqual([0, 0, 0, 0]);

  const ledger = `${platform}/ledger.jsonl`;
  const kept = plan.initialModelHash;
  expect(await tributaryJson(["ledger", "verify", ledger])).toMatchObject({
    ...{ verified: true, complete: true, modelHash: kept, keptModelHash: kept },
  });
  expect((await tributary(["ledger", "verify", ledger])).stdout).toContain(`kept      ${kept}`);
  expect((await tributary(["ledger", "show", ledger])).stdout).toContain(`metrics, back to ${kept.slice(0, 12)}`);
  const entries = ledgerEntries(platform);
  for (const { node } of parts) expect(ledgerEntries(home(node))).toEqual(entries);

  const out = `${folder.path}/exported`;
  const exported = await tributaryJson(["model", "export", "--home", platform, "--out", out]);
  expect(exported).toMatchObject({ round: 0, modelHash: kept });
  const verified = await tributaryJson(["model", "verify", `${out}/model.safetensors`, "--ledger", ledger]);
  expect(verified).toMatchObject({ verified: true, round: 0, judgement: "kept" });
  const ruined = await tributary(["model", "export", "--home", platform, "--round", "4", "--out", out, "--json"]);
  expect(ruined.exitCode).toBe(3);
  expect(ruined.stdout).toContain("TRB_MODEL_NOT_KEPT");
});
