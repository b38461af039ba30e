/** Attention and statistics of a finished federation in one artefact, and what merchants make of both. */
import { type Histories, seededRandom, splitCustomers } from "@tributary/events";
import { type FederationModel, initialFederationModel } from "@tributary/federation";
import { bytesOf, hybridScorer, joinRanks, type Ranks, rankCustomers, readHybrid, resultBlock } from "@tributary/model";
import { type Decimal, type IdentityKey, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import {
  type AttentionTraining,
  choosePlan,
  merchantParts,
  planDocument,
  simulateFederation,
  syntheticMarket,
} from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { beforeAll, expect, test } from "vitest";
import { type Judge, judgeOf } from "./demo/judges.ts";
import type { Log } from "./demo/market.ts";
import { hybridArtefact } from "./hybrid-artefact.ts";
import { cardOf, ledgerModels } from "./model-cards.ts";

const crypto = nodeCrypto();
const executor = onnxruntimeExecutor();
const secret = new Uint8Array(32).fill(7);
const market = syntheticMarket({ customers: 240, items: 40, seed: 1 });
const { catalogue } = market;
const log: Log = { ...market, source: { kind: "synthetic", description: "a market" }, catalogueProvenance: "public" };
const parts = merchantParts(splitCustomers(market.histories, 3, 1));
const { plan: numbers } = choosePlan({
  ...{ catalogueItems: 40, customers: 240, merchants: 3, epsilon: 16, delta: 1e-6, rounds: 2, trained: ["norms"] },
  statistics: {
    trainingShare: 0.25,
    warmStart: { walks: 400, epochs: 2, batch: 32, learningRate: "0.002" as Decimal, repeats: "keep", seed: 5 },
  },
});
const plan = planDocument(crypto, numbers, {
  ...{ federation: "mixed", coordinatorKey: toHex(crypto.signingPublicKey(secret)) as IdentityKey, catalogue },
  catalogueProvenance: "public",
});
const initial = initialFederationModel(crypto, plan);
const judging = { model: plan.model, items: 40, executor, repeats: "keep" } as const;
/** Short, where it is the way of things that is tested. */
const short = { epochs: 1, batch: 32, learningRate: 0.002 };
const attention = { student: { ...short, walks: 200 }, leastWalks: 50, scratch: short, fineTuning: short };
const judgeWith = (attention: AttentionTraining | undefined): Judge =>
  judgeOf({ plan, initial }, { log, parts, judging, secondsPerMerchant: 1, attention });

let final: FederationModel;
let ledger: Uint8Array;
beforeAll(async () => {
  const result = await simulateFederation({
    ...{ plan, crypto, executor, coordinatorSecret: secret, items: catalogue.items, initialParameters: initial.parameters },
    nodes: parts.map(({ node, train }: { node: string; train: Histories }) => ({ node, histories: train })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  final = result;
  ledger = new TextEncoder().encode(result.ledger);
});

const flat = (ranks: readonly Ranks[]) => Array.from(joinRanks(ranks).ranks);

test("the artefact, read back, ranks as what was released is judged: tables and trained attention, nothing of a merchant's", async () => {
  const model = ledgerModels(ledger).at(-1);
  if (model === undefined) throw new Error("the ledger names no model");
  const card = cardOf(model, { metrics: null });
  const files = await hybridArtefact({ plan, model: final, card, catalogue, repeats: "keep" }, executor);
  const opened = readHybrid(files);
  expect(opened).toMatchObject({ scope: "released", card: { modelHash: model.hash, limits: card.limits } });
  expect(opened.hybrid.own).toBeUndefined();
  expect(opened.hybrid.student.parameters).toEqual(final.parameters);
  const { score, close } = await hybridScorer(opened.hybrid, opened.similarity, executor);
  const served: Ranks[] = [];
  for (const part of parts) served.push(await rankCustomers(score, part, judging));
  await close();
  const judged = await judgeWith(undefined).federated(final);
  expect(flat(served)).toEqual(flat(judged));
  // before statistics are complete they serve alone, as without attention
  const { parameters, statistics } = final;
  const early = await judgeWith(undefined).federated({
    parameters,
    statistics: { released: 1, popularity: new Float32Array(40).fill(1) },
  });
  expect(flat(early)).not.toEqual(flat(judged));
  expect(statistics?.query).toBeUndefined();
});

test("a plan that trains nothing gets a student of its tables, and the card says whose weights they are", async () => {
  const { warmStart: _, ...rest } = plan;
  const model = ledgerModels(ledger).at(-1);
  if (model === undefined) throw new Error("the ledger names no model");
  const card = cardOf(model, { metrics: null });
  const what = {
    plan: { ...rest, warmStart: undefined } as never,
    model: final,
    card,
    catalogue,
    repeats: "keep",
    attention,
  } as const;
  const opened = readHybrid(await hybridArtefact(what, executor));
  expect(opened.card.limits.at(-1)).toMatch(/^Attention was taught by walks/);
  expect(opened.hybrid.student.parameters).not.toEqual(final.parameters);
  const none = { ...what, model: { ...final, statistics: undefined } };
  await expect(hybridArtefact(none, executor)).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
});

test("with attention every merchant's customers are ranked by its own hybrid, joined and alone; without, as before", async () => {
  let heard = 0;
  const blocks = async (training: AttentionTraining | undefined) => {
    const judge = judgeWith(training);
    const told = (done: number) => {
      heard = Math.max(heard, done);
    };
    const [local, joined] = [await judge.local(told), await judge.joined(final, told)];
    expect(local).toHaveLength(3);
    expect(joined).toHaveLength(3);
    return [flat(local), flat(joined ?? [])] as const;
  };
  const [[local, joined], [plainLocal, plainJoined]] = [await blocks(attention), await blocks(undefined)];
  expect(heard).toBe(3);
  expect(local).toHaveLength(plainLocal.length);
  expect(joined).toHaveLength(plainLocal.length);
  const differs = (a: readonly number[], b: readonly number[]) => a.some((rank, i) => rank !== b[i]);
  expect(differs(local, plainLocal) || differs(joined, plainJoined)).toBe(true);
  for (const ranks of [local, joined]) {
    const { ndcg10 } = resultBlock({ ranks: Float64Array.from(ranks), isNew: new Uint8Array(ranks.length) });
    expect(ndcg10).toBeGreaterThan(0.2);
  }
});
