/** Which model of a ledger is published where metrics decide which are kept: here every trained one is ruined, by a step that is far too long. */

import { seededRandom, splitCustomers } from "@tributary/events";
import { initialFederationModel } from "@tributary/federation";
import { bytesOf } from "@tributary/model";
import { type Decimal, type IdentityKey, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { choosePlanToRead, planDocument, simulateFederation, syntheticMarket } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import { ledgerModels, publishedModel, requireKept } from "./model-cards.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);

/** @param tolerance undefined: without a rule */
async function ledgerOf(tolerance: number | undefined): Promise<Uint8Array> {
  const { catalogue, histories } = syntheticMarket({ customers: 300, items: 40, seed: 1 });
  const request = { catalogueItems: 40, customers: 300, merchants: 3, epsilon: 2000, delta: 1e-6, rounds: 3 };
  const { plan: numbers } = choosePlanToRead(request, {
    ...{ share: 0.3, metrics: { heldOut: 0.25 } },
    ...(tolerance === undefined ? {} : { acceptance: { every: 3, metric: "ndcg10", tolerance } }),
  });
  const optimiser = { ...numbers.optimiser, learningRate: "1000" as Decimal };
  const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
  const identity = { federation: "cards", coordinatorKey, catalogue, catalogueProvenance: "public" } as const;
  const plan = planDocument(crypto, { ...numbers, optimiser }, identity);
  const { ledger } = await simulateFederation({
    ...{ plan, crypto, executor: onnxruntimeExecutor(), coordinatorSecret: secret, items: catalogue.items },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: splitCustomers(histories, 3, 1).map((log, place) => ({ node: `shop-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  return new TextEncoder().encode(ledger);
}

test("a model that metrics gave up is not the one that is published, and is refused", { timeout: 60_000 }, async () => {
  const models = ledgerModels(await ledgerOf(0.01));
  expect(models.map(({ round, judgement }) => [round, judgement])).toEqual([
    [0, "kept"],
    [2, "not judged"],
    [3, "not judged"],
    [4, "given up"],
  ]);
  expect(publishedModel(models)).toBe(models[0]);
  for (const model of models.slice(1)) {
    expect(() => requireKept(model)).toThrow(expect.objectContaining({ code: "TRB_MODEL_NOT_KEPT" }));
  }
});

test("where there is no rule the last model is published, whatever metrics say", { timeout: 60_000 }, async () => {
  const models = ledgerModels(await ledgerOf(undefined));
  expect(models.map(({ judgement }) => judgement)).toEqual([null, null, null, null]);
  expect(publishedModel(models)).toBe(models[3]);
  for (const model of models) expect(() => requireKept(model)).not.toThrow();
});
