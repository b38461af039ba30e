/**
 * A merchant without a federation, as strong as it can be on its own log: what joining has to beat (docs/utility.md). Own counts, public content and each
 * customer's history, mixed by weights that are tuned on own validation; and where the federation trained attention, attention of the same shape that has
 * learnt from the own log alone, as far as it helps. Nothing of it is released, so it is without privacy.
 */
import { type Histories, leaveLastOut } from "@tributary/events";
import { decodeFederationModel, initialFederationModel } from "@tributary/federation";
import {
  itemContent,
  type LocalTraining,
  modelScorer,
  ownStatistics,
  readsContent,
  type Student,
  sourcesOf,
  trainLocally,
  tuneHybrid,
} from "@tributary/model";
import type { OnnxExecutor } from "@tributary/tensor";
import type { Home } from "../home/open.ts";
import { type Ingredients, type PreparedRanking, prepareRanking, servedRecipe } from "../serving/prepare.ts";
import { connectHttp } from "../transport/http.ts";
import { repeatsOf } from "./ranked.ts";

export interface AloneOptions {
  readonly executor: OnnxExecutor;
  /** Where own attention begins, if there is any; the plan's public initial model, where it has one. */
  readonly initial: Student | undefined;
  /** Of own attention's search; beyond it the best so far is taken. */
  readonly seconds: number;
  readonly seed: number;
}

export interface Alone {
  readonly ranking: PreparedRanking;
  /** Without attention: what `node serve` serves where nothing was released. The same where own attention is none, or doesn't help. */
  readonly statistics: PreparedRanking;
  /** What own attention's training came to; undefined where the federation trained none. */
  readonly attention:
    | (Pick<LocalTraining["chosen"], "epochs" | "learningRate" | "stopped"> & {
        /** w, from 0 to 1. */ readonly weight: number;
      })
    | undefined;
}

/**
 * The model that a merchant alone would begin at: the public one where the plan has one, else what follows from the spec.
 * @throws TRB_NODE_COORDINATOR_UNREACHABLE
 */
export async function initialStudent({ crypto, plan, membership }: Home): Promise<Student> {
  if (plan.initialModel !== "public") return { spec: plan.model, parameters: initialFederationModel(crypto, plan).parameters };
  const client = connectHttp(membership.url, membership);
  try {
    const file = await client.blob(plan.initialModelHash, { retries: 1 });
    return { spec: plan.model, parameters: decodeFederationModel(plan, file).parameters };
  } finally {
    await client.close();
  }
}

/**
 * @param ingredients histories are what it may learn from; nothing released is looked at
 * @param isValidation of a customer's place: whose last item the weight of own attention is tuned on
 */
export async function prepareAlone(
  ingredients: Ingredients & { readonly histories: Histories },
  isValidation: (customer: number) => boolean,
  { executor, initial, seconds, seed }: AloneOptions,
): Promise<Alone> {
  const { histories, plan, serve } = ingredients;
  const own: Ingredients = { ...ingredients, released: undefined, personal: undefined };
  const statistics = await prepareRanking(own, executor);
  if (initial === undefined) return { ranking: statistics, statistics, attention: undefined };
  const { similarity, tables } = statistics;
  const { items } = similarity;
  const validation = leaveLastOut(histories, isValidation);
  const end = performance.now() + 1e3 * seconds;
  const content = readsContent(initial.spec) ? itemContent(initial.spec, ingredients.catalogue.items) : undefined;
  const { parameters, chosen } = await trainLocally(initial.spec, executor, validation.train, {
    ...{ items, initial: initial.parameters, seed, content, now: Date.now() / 1000 },
    deadline: () => performance.now() > end,
  });
  const scorer = await modelScorer(initial.spec, parameters, executor, items, content);
  try {
    const { window } = servedRecipe(plan);
    const counts = ownStatistics(validation.train, items, { window, minSupport: serve.minSupport });
    const sources = sourcesOf({ recipe: tables.recipe, served: undefined, own: counts }, similarity);
    const { mixture } = tables.weights;
    const tuning = { sources, attention: scorer.score, mixture, repeats: repeatsOf(plan), mostCustomers: 500 };
    const { weights } = await tuneHybrid(validation, tuning);
    const { epochs, learningRate, stopped } = chosen;
    const attention = { epochs, learningRate, stopped, weight: weights.attention };
    if (weights.attention === 0) return { ranking: statistics, statistics, attention };
    const ranking = await prepareRanking({ ...own, personal: { state: "serves", parameters, weights } }, executor);
    return { ranking, statistics, attention };
  } finally {
    await scorer.close();
  }
}
