/** A plan in which training begins from released statistics: what is released when, which model stands where, and that it can be made again. */
import { seededRandom, splitCustomers } from "@tributary/events";
import { decodeFederationModel, encodeFederationModel, initialFederationModel, warmStartOf } from "@tributary/federation";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { bytesOf, itemSimilarity, trainedTensors } from "@tributary/model";
import { type Decimal, explainPlan, fingerprintOf, type IdentityKey, lintPlan, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { beforeAll, expect, test } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { choosePlan } from "../planner/choose-plan.ts";
import { type SimulatedRound, type SimulationResult, simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const executor = onnxruntimeExecutor();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const { catalogue, histories } = syntheticMarket({ customers: 240, items: 40, seed: 1 });
const walks = { walks: 300, epochs: 2, batch: 32, learningRate: "0.002" as Decimal, repeats: "keep", seed: 5 } as const;

const { plan: numbers } = choosePlan({
  ...{ catalogueItems: 40, customers: 240, merchants: 3, epsilon: 8, delta: 1e-6, rounds: 2, trained: ["norms"] },
  statistics: { trainingShare: 0.3, warmStart: walks },
});
const plan = planDocument(crypto, numbers, {
  ...{ federation: "mixed", coordinatorKey, catalogue },
  catalogueProvenance: "public",
});
const initial = initialFederationModel(crypto, plan);
const similarity = () => itemSimilarity(catalogue.items);
const statisticsRounds = plan.releases.reduce((sum, { kind, rounds }) => sum + (kind === "training" ? 0 : rounds), 0);

const rounds: SimulatedRound[] = [];
let result: SimulationResult;
beforeAll(async () => {
  result = await simulateFederation({
    ...{ plan, crypto, executor, coordinatorSecret: secret, items: catalogue.items, initialParameters: initial.parameters },
    nodes: splitCustomers(histories, 3, 1).map((log, place) => ({ node: `shop-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
    onRound: (round) => void rounds.push(round),
  });
});

test("the plan is sound, says where training begins, and is refused without what it begins from", () => {
  expect(lintPlan(plan, { nodes: 3, catalogueItems: 40 })).toEqual([]);
  expect(explainPlan(plan).filter((line) => line.startsWith("Training begins where statistics end"))).toHaveLength(1);
  const codes = (change: object) => new Set(lintPlan({ ...plan, ...change }).map(({ code, path }) => `${code} ${path}`));
  const { statistics: _, ...without } = plan;
  expect(new Set(lintPlan(without).map(({ path }) => path))).toContain("warmStart");
  expect(codes({ releases: plan.releases.filter(({ kind }) => kind !== "training") })).toContain(
    "TRB_PLAN_WARM_START_UNFIT warmStart",
  );
  expect(codes({ model: { ...plan.model, family: "gru" } })).toContain("TRB_PLAN_WARM_START_UNFIT model");
  expect(codes({ model: { ...plan.model, items: 39 } })).toContain("TRB_PLAN_WARM_START_UNFIT model.items");
});

test("weights stay as they were until the last statistic is known, and then are those that follow from it, for whoever makes them again", async () => {
  for (const { parameters } of rounds.slice(0, statisticsRounds - 1)) expect(parameters).toEqual(initial.parameters);
  const last = rounds[statisticsRounds - 1] as SimulatedRound;
  expect(last.parameters).not.toEqual(initial.parameters);
  const file = encodeFederationModel(plan, last);
  expect(toHex(crypto.sha256(file))).toBe(last.modelHash);
  // from the file alone
  const { parameters, statistics } = decodeFederationModel(plan, file);
  expect(await warmStartOf(plan, { statistics }, { executor, similarity })).toEqual(parameters);
  const other = { ...plan, warmStart: { ...walks, seed: 6 } };
  expect(await warmStartOf(other, { statistics }, { executor, similarity })).not.toEqual(parameters);
});

test("training goes on from there and moves what it trains alone; the ledger has every model in its chain", () => {
  const start = (rounds[statisticsRounds - 1] as SimulatedRound).parameters;
  expect(rounds).toHaveLength(statisticsRounds + 2);
  const moves = new Set(
    trainedTensors(plan.model, plan.trained).flatMap(({ inModel, size }) =>
      Array.from({ length: size }, (_, i) => inModel + i),
    ),
  );
  const moved = Array.from(result.parameters.keys()).filter((i) => result.parameters[i] !== start[i]);
  expect(moved.length).toBeGreaterThan(moves.size * 0.9);
  expect(moved.filter((i) => !moves.has(i))).toEqual([]);
  const ledger = new TextEncoder().encode(result.ledger);
  expect(verifyLedger(ledger, { crypto, key: fingerprintOf(crypto, coordinatorKey) })).toMatchObject({
    ...{ failures: [], fullyVerified: true, modelHash: result.modelHash },
  });
  const entries = result.ledger.trim().split("\n").map(parseLine);
  const hashes = entries.flatMap((entry) => (entry.kind === "round" ? [entry.nextModelHash] : []));
  expect(hashes).toEqual(rounds.map(({ modelHash }) => modelHash));
});

test("what walks say nothing of is silent: a model's action table and head begin at zero", () => {
  const { parameters } = rounds[statisticsRounds - 1] as SimulatedRound;
  const tensors = trainedTensors(plan.model, undefined);
  const silent = tensors.filter(({ inModel, size }) =>
    parameters.subarray(inModel, inModel + size).every((value) => value === 0),
  );
  expect(silent.map(({ name }) => name)).toEqual(["action.weight", "gap.weight", "actionHead.weight", "actionHead.bias"]);
});
