/**
 * What a merchant makes in its own house of what was released and of what it has: exact own counts, a student that is fine-tuned on own sequences and
 * walks together, and weights tuned on its own validation. Nothing of it leaves the merchant, and all of it is outside ε (DESIGN §3).
 *
 * Without a federation the same steps with own counts alone are the tuned local-only baseline (`baselines/local-only.ts`): what joining has to beat.
 */
import { fail } from "@tributary/errors";
import { type Histories, leaveLastOut } from "@tributary/events/histories";
import type { Executor } from "@tributary/tensor";
import { modelScorer } from "../evaluation/item-scorer.ts";
import type { Repeats } from "../evaluation/result-block.ts";
import { releasedWeights, type Sources, tuneInHouse } from "../in-house/mixture.ts";
import type { MixtureWeights } from "../in-house/mixture-cases.ts";
import { defaultMinSupport, ownStatistics } from "../in-house/own-statistics.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import type { ServedStatistics } from "../statistics/rounds.ts";
import type { ServingRecipe } from "../statistics/scoring.ts";
import { type Hybrid, popularityOf, servingRecipe, sourcesOf } from "./hybrid.ts";
import { type Student, type StudentTraining, startStudent, studentSpec, trainStudent } from "./student.ts";
import { type TunedWeights, tuneHybrid } from "./tune.ts";
import { joinSequences, sampleWalks, walkLength, walkProfile, weightedSum } from "./walks.ts";

/** DESIGN §3, `serve`. */
export interface ServePolicy {
  /** `releasedOnly`: nothing that the merchant counted, trained or tuned serves. */
  readonly mode: "inHouse" | "releasedOnly";
  /** Distinct customers that an exact own pair needs to be served, or walked along. Default 5. */
  readonly minSupport?: number;
}

export interface HybridOptions {
  readonly similarity: ItemSimilarity;
  readonly recipe: ServingRecipe & { readonly window: number };
  readonly repeats: Repeats;
  readonly executor: Executor;
  readonly serve: ServePolicy;
  /** What the federation released, and the student that the coordinator trained on it. Undefined: the merchant is alone. */
  readonly released?: ReleasedModel | undefined;
  /** A student from scratch, on twice the walks, where the merchant is alone. */
  readonly scratch?: Partial<Pick<StudentTraining, "epochs" | "batch" | "learningRate">>;
  /** On own sequences and walks. */
  readonly fineTuning?: Partial<Pick<StudentTraining, "epochs" | "batch" | "learningRate">>;
  /** Walks beside own sequences: as many as customers, and at least so many; default 1000. */
  readonly leastWalks?: number;
  /** The student's shape where the merchant is alone; default `studentSpec`. */
  readonly spec?: Student["spec"];
  /** Customers whose last item the weights are tuned on, at most. */
  readonly validationCustomers?: number;
  /** Of walks, batches and dropout; no secret. */
  readonly seed: number;
}

export interface ReleasedModel {
  readonly served: ServedStatistics;
  readonly student: Student;
}

export interface TunedHybrid extends Hybrid {
  /** Undefined where nothing was tuned. */
  readonly tuned: TunedWeights | undefined;
}

/** The middle of what merchants choose (docs/utility.md), where nothing may be tuned. */
const releasedAttention = 0.25;

const scratchDefaults = { epochs: 8, batch: 64, learningRate: 0.002 };
const fineTuningDefaults = { epochs: 4, batch: 64, learningRate: 0.001 };

/**
 * What serves without anything of the merchant's: tables and student as they were released, weights as they come. A customer's own history is read when
 * that customer is served, and by nobody else.
 */
export function releasedOnlyHybrid({ served, student }: ReleasedModel, recipe: ServingRecipe): TunedHybrid {
  const weights = { mixture: releasedWeights(recipe, served.pairs), popularity: 0, attention: releasedAttention };
  return { recipe: servingRecipe(recipe), served, own: undefined, student, weights, tuned: undefined };
}

/**
 * @param train the merchant's training histories: nothing that it is judged by is in them
 * @throws TRB_MODEL_EVALUATION_INVALID in mode `releasedOnly` without anything released, and what training throws
 */
export async function hybridInHouse(train: Histories, options: HybridOptions): Promise<TunedHybrid> {
  const { similarity, recipe, repeats, executor, serve, released, validationCustomers = 500 } = options;
  if (serve.mode === "releasedOnly" && released !== undefined) return releasedOnlyHybrid(released, recipe);
  if (serve.mode === "releasedOnly") throw nothingReleased();
  const minSupport = serve.minSupport ?? defaultMinSupport;
  const counting = { window: recipe.window, minSupport };
  const served = released?.served;
  const { weights: mixture } = tuneInHouse(train, { similarity, recipe, repeats, served, minSupport, validationCustomers });

  const inner = leaveLastOut(train);
  const innerOwn = ownStatistics(inner.train, similarity.items, counting);
  const innerSources = sourcesOf({ recipe, served, own: innerOwn }, similarity);
  const innerStudent = await studentOf(inner.train, innerSources, mixture, options);
  const attention = await modelScorer(innerStudent.spec, innerStudent.parameters, executor, similarity.items);
  try {
    const tuning = { sources: innerSources, attention: attention.score, mixture, repeats, mostCustomers: validationCustomers };
    const tuned = await tuneHybrid(inner, tuning);
    const own = ownStatistics(train, similarity.items, counting);
    const sources = sourcesOf({ recipe, served, own }, similarity);
    // where attention is not listened to there is no need of a better one
    const listens = tuned.weights.attention > 0;
    const student = listens ? await studentOf(train, sources, mixture, options) : innerStudent;
    return { recipe: servingRecipe(recipe), served, own, student, weights: tuned.weights, tuned };
  } finally {
    await attention.close();
  }
}

const nothingReleased = () =>
  fail("TRB_MODEL_EVALUATION_INVALID", {
    what: "serve.mode",
    value: "releasedOnly",
    expected: "inHouse where no federation has released anything",
  });

/** The released student, or one from scratch on walks, fine-tuned on own sequences and walks of (D + own counts). */
async function studentOf(own: Histories, sources: Sources, mixture: MixtureWeights, options: HybridOptions): Promise<Student> {
  const { similarity, recipe, repeats, executor, released, seed, leastWalks = 1000 } = options;
  const { scratch = {}, fineTuning = {} } = options;
  const { items } = similarity;
  const pairs = weightedSum(items, [
    { table: sources.served?.pairs ?? sources.own.pairs, weight: released ? mixture.released : mixture.own },
    ...(released ? [{ table: sources.own.pairs, weight: mixture.own }] : []),
  ]);
  const tables = { popularity: popularityOf(sources), pairs };
  const walk = (walks: number, part: number) =>
    sampleWalks(tables, similarity, {
      ...{ walks, length: walkLength, contentWeight: mixture.content, repeats, seed: seed + part },
      profile: { ...recipe, latest: walkProfile },
    });
  const count = Math.max(own.customers.length, leastWalks);
  const begun = async () => {
    if (released !== undefined) return released.student;
    const spec = options.spec ?? studentSpec(items);
    const start = startStudent(spec, { popularity: tables.popularity, similarity, seed });
    return trainStudent(start, walk(2 * count, 1), executor, { ...scratchDefaults, ...scratch, seed });
  };
  const sequences = joinSequences([own, walk(count, 2)]);
  return trainStudent(await begun(), sequences, executor, { ...fineTuningDefaults, ...fineTuning, seed: seed + 1 });
}
