/**
 * What a merchant makes in its own house of a model whose items are made of public attributes: trained on by its own customers, blended with its own exact
 * counts and the customer's own history, weights tuned on its own validation. It works for a merchant who shares no item with any other, because nothing
 * that it begins with is about items. Nothing of it leaves the merchant.
 *
 * Without a federation the same steps begin at the model's public initial weights: what joining has to beat.
 */
import { type Histories, leaveLastOut } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import { type LocalTrainingOptions, trainLocally } from "../baselines/local-training.ts";
import { modelScorer } from "../evaluation/item-scorer.ts";
import type { Repeats } from "../evaluation/result-block.ts";
import { tuneInHouse } from "../in-house/mixture.ts";
import { defaultMinSupport, ownStatistics } from "../in-house/own-statistics.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import type { ServingRecipe } from "../statistics/scoring.ts";
import { servingRecipe, sourcesOf } from "./hybrid.ts";
import type { TunedHybrid } from "./in-house.ts";
import type { Student } from "./student.ts";
import { tuneHybrid } from "./tune.ts";

export interface ContentInHouseOptions {
  /** Where training in-house begins: the federation's model, or the public initial one. */
  readonly begin: Student;
  /** Of what this merchant sells: model, content and similarity are of its own items alone, so that nothing is ranked that it doesn't have. */
  readonly content: ItemContent;
  readonly similarity: ItemSimilarity;
  readonly recipe: ServingRecipe & { readonly window: number };
  readonly repeats: Repeats;
  readonly executor: Executor;
  readonly minSupport?: number;
  readonly validationCustomers?: number;
  readonly training?: Pick<LocalTrainingOptions, "learningRates" | "batch" | "trialEpochs" | "mostEpochs" | "patience">;
  /** Of the order of customers; no secret. */
  readonly seed: number;
}

/**
 * @param train the merchant's training histories: nothing that it is judged by is in them
 * @throws what training throws
 */
export async function contentInHouse(train: Histories, options: ContentInHouseOptions): Promise<TunedHybrid> {
  const { begin, content, similarity, recipe, repeats, executor, seed, training } = options;
  const { minSupport = defaultMinSupport, validationCustomers = 500 } = options;
  const { items } = similarity;
  const counting = { window: recipe.window, minSupport };
  const { weights: mixture } = tuneInHouse(train, { similarity, recipe, repeats, minSupport, validationCustomers });
  const learnt = async (histories: Histories): Promise<Student> => {
    const local = { ...training, items, initial: begin.parameters, seed, content };
    return { spec: begin.spec, parameters: (await trainLocally(begin.spec, executor, histories, local)).parameters };
  };
  const inner = leaveLastOut(train);
  const model = await learnt(inner.train);
  const attention = await modelScorer(model.spec, model.parameters, executor, items, content);
  try {
    const sources = sourcesOf({ recipe, served: undefined, own: ownStatistics(inner.train, items, counting) }, similarity);
    const tuned = await tuneHybrid(inner, {
      ...{ sources, mixture, repeats, attention: attention.score },
      mostCustomers: validationCustomers,
    });
    const own = ownStatistics(train, items, counting);
    const student = tuned.weights.attention > 0 ? await learnt(train) : model;
    return { recipe: servingRecipe(recipe), served: undefined, own, student, weights: tuned.weights, tuned };
  } finally {
    await attention.close();
  }
}
