/** A warm start is made again from the file that it is in: `tributary model verify --rebuild`. */

import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { catalogueBytes, seededRandom, splitCustomers } from "@tributary/events";
import { encodeFederationModel, initialFederationModel } from "@tributary/federation";
import { bytesOf } from "@tributary/model";
import { type Decimal, type IdentityKey, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { choosePlan, planDocument, type SimulatedRound, simulateFederation, syntheticMarket } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ledgerModels } from "../../model-cards.ts";
import { rebuildWarmStart, rebuiltInWords } from "./rebuild.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);
const folder = mkdtempSync(join(tmpdir(), "tributary-rebuild-"));
const cataloguePath = join(folder, "catalogue.jsonl");
const { catalogue, histories } = syntheticMarket({ customers: 120, items: 30, seed: 1 });
const { plan: numbers } = choosePlan({
  ...{ catalogueItems: 30, customers: 120, merchants: 3, epsilon: 16, delta: 1e-6, rounds: 1, trained: ["norms"] },
  statistics: {
    trainingShare: 0.25,
    warmStart: { walks: 100, epochs: 1, batch: 32, learningRate: "0.002" as Decimal, repeats: "keep", seed: 5 },
  },
});
const plan = planDocument(crypto, numbers, {
  ...{ federation: "mixed", coordinatorKey: toHex(crypto.signingPublicKey(secret)) as IdentityKey, catalogue },
  catalogueProvenance: "public",
});

const rounds: SimulatedRound[] = [];
let models: ReturnType<typeof ledgerModels>;
beforeAll(async () => {
  writeFileSync(cataloguePath, catalogueBytes(catalogue));
  const { ledger } = await simulateFederation({
    ...{ plan, crypto, executor: onnxruntimeExecutor(), coordinatorSecret: secret, items: catalogue.items },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: splitCustomers(histories, 3, 1).map((log, place) => ({ node: `shop-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
    onRound: (round) => void rounds.push(round),
  });
  models = ledgerModels(new TextEncoder().encode(ledger));
});
afterAll(() => rmSync(folder, { recursive: true }));

const modelOf = (round: SimulatedRound | undefined) => models.find(({ hash }) => hash === round?.modelHash);
const again = (round: SimulatedRound | undefined, file = encodeFederationModel(plan, round as SimulatedRound)) =>
  rebuildWarmStart(plan, modelOf(round), file, cataloguePath);

test("the model of the last statistics round is made again to the last bit; other weights are said to differ, and by how much", async () => {
  const last = rounds.at(-2);
  expect(modelOf(last)).toMatchObject({ kind: "pairs" });
  const found = await again(last);
  expect(found).toEqual({ same: true, differing: 0, furthest: 0 });
  expect(rebuiltInWords(found)).toContain("the same to the last bit");
  const { parameters, statistics } = last as SimulatedRound;
  const forged = parameters.slice();
  forged[3] = (forged[3] ?? 0) + 0.5;
  const other = await again(last, encodeFederationModel(plan, { parameters: forged, statistics }));
  expect(other).toMatchObject({ same: false, differing: 1 });
  expect(other.furthest).toBeCloseTo(0.5, 6);
  expect(rebuiltInWords(other)).toContain("1 numbers differ");
});

test("models before statistics are complete, and after training, are of no warm start; neither is one of another catalogue", async () => {
  for (const round of [rounds.at(0), rounds.at(-1)])
    await expect(again(round)).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  const { items, ...rest } = catalogue;
  const path = join(folder, "other.jsonl");
  writeFileSync(path, catalogueBytes({ ...rest, items: items.slice(0, 29) }));
  const last = rounds.at(-2);
  const file = encodeFederationModel(plan, last as SimulatedRound);
  await expect(rebuildWarmStart(plan, modelOf(last), file, path)).rejects.toMatchObject({ code: "TRB_MODEL_CATALOGUE_OTHER" });
});
