/**
 * What joining brings merchants who have no item in common. A model whose items are made of public attributes alone is trained by all of them, privately;
 * each then builds the same ranker twice, by the same steps: once beginning at the public initial model, once at the federation's. What differs is what was
 * learnt of others' customers, and all of it must have come through the attributes.
 */
import { seededRandom } from "@tributary/events";
import { initialModel } from "@tributary/federation";
import {
  attributesOf,
  bytesOf,
  type ContentInHouseOptions,
  contentInHouse,
  hybridScorer,
  type ItemContent,
  itemContent,
  itemSimilarity,
  type JoiningVerdict,
  joiningVerdict,
  joinRanks,
  type ModelSpec,
  type Ranks,
  type ResultBlock,
  rankCustomers,
  resultBlock,
  type Student,
  statisticsRecipe,
  trainedTensors,
  trainLocally,
} from "@tributary/model";
import { type Crypto, type IdentityKey, type Plan, toHex } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { simulateFederation } from "../../in-process/federation.ts";
import { planDocument } from "../../plan-document.ts";
import { choosePlan } from "../../planner/choose-plan.ts";
import type { PlanRequest } from "../../planner/plan-request.ts";
import { type DisjointMarket, type DisjointMerchant, inCatalogue } from "./disjoint-market.ts";

export interface DisjointOptions {
  readonly epsilon: number;
  readonly delta: number;
  /** What the planner is told beside the market; the model's items have no vectors of their own. */
  readonly planning?: Partial<Pick<PlanRequest, "rounds" | "width" | "samplingRate" | "clipNorm" | "trained" | "family">>;
  readonly attributes: readonly string[];
  readonly training?: ContentInHouseOptions["training"];
  /** Of what is drawn, noise included: this is a simulation. */
  readonly seed: number;
  readonly crypto: Crypto;
  readonly executor: Executor;
  readonly onRound?: (round: number) => void;
}

export interface DisjointVerdict {
  readonly name: string;
  readonly customers: number;
  readonly judged: number;
  readonly alone: ResultBlock;
  readonly joined: ResultBlock;
  /** Whether joining pays, by NDCG@10 of the same customers. */
  readonly verdict: JoiningVerdict;
}

export interface DisjointJoining {
  /** ε that one customer pays, and how many rounds it buys. */
  readonly epsilon: string;
  readonly rounds: number;
  readonly plan: Plan;
  /** ledger.jsonl of the federation. */
  readonly ledger: string;
  readonly merchants: readonly DisjointVerdict[];
  readonly overall: Omit<DisjointVerdict, "name">;
}

/** Trains the federation, and compares every merchant joined and alone. */
export async function measureDisjoint(market: DisjointMarket, options: DisjointOptions): Promise<DisjointJoining> {
  const { crypto, executor, seed } = options;
  const { items } = market.catalogue;
  const { plan, secret, initial } = await planOf(market, options);
  const content = itemContent(plan.model, items);
  const { parameters, ledger, rounds } = await simulateFederation({
    ...{ plan, crypto, executor, content, coordinatorSecret: secret, initialParameters: initial.parameters },
    nodes: market.merchants.map((merchant) => ({ node: merchant.name, histories: inCatalogue(merchant.log, merchant) })),
    random: (...party) => bytesOf(seededRandom(seed, ...party)),
    onRound: ({ round }) => options.onRound?.(round),
  });
  const federated: Student = { spec: plan.model, parameters };
  const ranks: { readonly name: string; readonly customers: number; readonly alone: Ranks; readonly joined: Ranks }[] = [];
  for (const merchant of market.merchants.filter(({ train }) => train.customers.length > 0)) {
    const judged = (begin: Student) => ranksOf(merchant, begin, content, options);
    const customers = merchant.log.customers.length;
    ranks.push({ name: merchant.name, customers, alone: await judged(initial), joined: await judged(federated) });
  }
  const verdict = (alone: Ranks, joined: Ranks, customers: number) => ({
    ...{ customers, judged: alone.ranks.length, alone: resultBlock(alone), joined: resultBlock(joined) },
    verdict: joiningVerdict({ alone, joined }, { seed }),
  });
  return {
    ...{ epsilon: plan.epsilon, rounds, plan, ledger },
    merchants: ranks.map(({ name, customers, alone, joined }) => ({ name, ...verdict(alone, joined, customers) })),
    overall: verdict(
      joinRanks(ranks.map(({ alone }) => alone)),
      joinRanks(ranks.map(({ joined }) => joined)),
      ranks.reduce((sum, { customers }) => sum + customers, 0),
    ),
  };
}

async function planOf({ catalogue, merchants, publicLog }: DisjointMarket, options: DisjointOptions) {
  const { epsilon, delta, attributes, planning, crypto, seed } = options;
  const secret = new Uint8Array(32);
  bytesOf(seededRandom(seed, "coordinator")).fill(secret);
  const { plan } = choosePlan({
    ...{ catalogueItems: catalogue.items.length, merchants: merchants.length, epsilon, delta },
    customers: merchants.reduce((sum, { log }) => sum + log.customers.length, 0),
    item: { ids: "none", attributes: attributesOf(catalogue.items, attributes), features: 0 },
    ...planning,
  });
  const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
  const initial: Student = { spec: plan.model, parameters: await publicStart(plan.model, publicLog, options) };
  const identity = { federation: "disjoint", coordinatorKey, catalogue, catalogueProvenance: "public" } as const;
  const document = planDocument(crypto, plan, { ...identity, initialParameters: initial.parameters });
  return { plan: document, secret, initial };
}

/**
 * Where federation and merchants alone both begin: the model that follows from the spec, with what a public log teaches of shopping at all (how much the last
 * item says, and the ones before) in its blocks. Of values that items have it knows nothing: those of the public shop are others.
 */
async function publicStart(
  spec: ModelSpec,
  { catalogue: { items }, histories }: DisjointMarket["publicLog"],
  { crypto, executor, seed, attributes, training }: DisjointOptions,
): Promise<Float32Array> {
  const start = initialModel(crypto, spec);
  const itemSpec = { ...spec.item, attributes: attributesOf(items, attributes) };
  const elsewhere: ModelSpec = { ...spec, items: items.length, item: itemSpec };
  const { parameters } = await trainLocally(elsewhere, executor, histories, {
    ...{ ...training, items: items.length, initial: initialModel(crypto, elsewhere), seed },
    content: itemContent(elsewhere, items),
  });
  const taught = new Map(trainedTensors(elsewhere, undefined).map((tensor) => [tensor.name, tensor]));
  for (const { name, size, inModel } of trainedTensors(spec, undefined)) {
    const from = taught.get(name);
    if (from === undefined || name.startsWith("attribute.")) continue;
    start.set(parameters.subarray(from.inModel, from.inModel + size), inModel);
  }
  return start;
}

/** A merchant ranks what it sells and nothing else: model, content and histories are of its own items. */
async function ranksOf(
  merchant: DisjointMerchant,
  { spec, parameters }: Student,
  content: ItemContent,
  { executor, epsilon, seed, training }: DisjointOptions,
): Promise<Ranks> {
  const { stock } = merchant;
  const items = stock.length;
  const begin = { spec: { ...spec, items }, parameters }; // without vectors of items' own nothing in it depends on how many there are
  const own = contentOf(merchant, content);
  const similarity = itemSimilarity(stock);
  const hybrid = await contentInHouse(merchant.log, {
    ...{ begin, content: own, similarity, executor, seed, repeats: "keep", recipe: statisticsRecipe(epsilon) },
    ...(training === undefined ? {} : { training }),
  });
  const { score, close } = await hybridScorer(hybrid, similarity, executor, own);
  return await rankCustomers(score, merchant, { items, repeats: "keep" }).finally(close);
}

/** Of a merchant's items alone, by the values' numbers of the whole federation. */
function contentOf({ before, stock }: DisjointMerchant, { attributes }: ItemContent): ItemContent {
  const own = [...attributes].map(
    ([name, values]) => [name, Int32Array.of(0, ...values.subarray(before + 1, before + 1 + stock.length))] as const,
  );
  return { attributes: new Map(own), features: new Float32Array(0) };
}
