/**
 * From what a node has to what it serves: released tables and model, own counts with enough support, weights tuned on own validation, and what the own log
 * says of churn, next actions and clicks. Plain data, so that it can be made in a thread of its own while the old one serves on.
 *
 * In mode `releasedOnly` nothing that the merchant counted, trained or tuned is in it (DESIGN §3).
 */
import { actions, type Catalogue, type FeatureMoments, type Histories, leaveLastOut } from "@tributary/events";
import { type FederationModel, recipeOf } from "@tributary/federation";
import {
  type ActionChain,
  actionChain,
  type ChurnModel,
  type ClickModel,
  chooseNextAction,
  churnCases,
  churnHorizon,
  finishStatistics,
  fitChurn,
  fitClicks,
  fitPurchase,
  type HybridWeights,
  type ItemContent,
  type ItemSimilarity,
  itemCategories,
  itemContent,
  itemSimilarity,
  modelScorer,
  type NextActionBlend,
  nextActionCases,
  type OpenedHybrid,
  ownStatistics,
  type PurchaseModel,
  type RankerTables,
  readsContent,
  releasedWeights,
  type ServePolicy,
  type StatisticsRecipe,
  type Student,
  servingRecipe,
  sourcesOf,
  transferredRecipe,
  tuneHybrid,
  tuneInHouse,
} from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { actionsSaid, churnSaid } from "./heads.ts";

/** Which model answers. */
interface Origin {
  /** `none`: nothing was released yet, or nothing could be read. */
  readonly source: "released" | "artefact" | "none";
  /** Of the ledger; null where there is none. */
  readonly hash: string | null;
  readonly round: number | null;
  /** What its scores are made of. */
  readonly parts: readonly ("releasedStatistics" | "attention" | "ownCounts" | "content" | "popularity")[];
  /** Until the first model is there: popularity alone. */
  readonly fallback: boolean;
  /** Of a personalised model, where there is one; one that doesn't serve leaves the federated model to. */
  readonly personal?: Personal["state"];
}

/** What ranks items. */
export interface PreparedRanking {
  readonly origin: Origin;
  readonly tables: RankerTables;
  readonly similarity: ItemSimilarity;
  /** Of the attention model, where it reads any. */
  readonly content: ItemContent | undefined;
  /** Heads that a round trained. */
  readonly heads: { readonly nextAction: boolean; readonly purchase: boolean; readonly churnDays: number };
}

export interface Prepared extends PreparedRanking {
  readonly chain: ActionChain | undefined;
  /** How much the head says beside the chain; undefined where either is missing, or nobody is there to judge by: then the chain serves, if there is one. */
  readonly nextAction: NextActionBlend | undefined;
  readonly churn: ChurnModel | undefined;
  readonly purchase: PurchaseModel | undefined;
  readonly clicks: ClickModel | undefined;
}

/** What a federation released, as the node's own ledger names it. */
export interface Released {
  readonly hash: string;
  readonly round: number;
  readonly model: FederationModel;
  /** Whether a round has trained the model's weights; at random ones nobody listens. */
  readonly trained: boolean;
}

/** A model that was fine-tuned in-house (`../value/personal-model.ts`), and the weights that it was tested with; or why there is none to serve. */
export type Personal =
  | { readonly state: "serves"; readonly parameters: Float32Array; readonly weights: HybridWeights }
  | { readonly state: "stale" | "unreadable" };

export interface Ingredients {
  readonly catalogue: Catalogue;
  readonly histories: Histories | undefined;
  readonly serve: ServePolicy & { readonly minSupport: number };
  /** As wished, where the model has no churn head, which has a horizon of its own. */
  readonly churnDays: number;
  readonly plan: Plan;
  readonly released?: Released | undefined;
  /** Goes before what the ledger names. */
  readonly artefact?: OpenedHybrid | undefined;
  /** Of the merchant's own making, so it serves in mode `inHouse` alone, and beside no artefact. */
  readonly personal?: Personal | undefined;
  /** Whether no round has learnt from a customer (`../value/holdout.ts`); undefined: nobody is held out. What weighs released parts is tuned on them. */
  readonly isUnlearnt?: ((customer: string) => boolean) | undefined;
  /** What customers' features are standardised by, as the federation released it; else public constants. */
  readonly moments?: readonly FeatureMoments[] | undefined;
}

/** Weights of attention alone, and of the middle of what merchants choose where tables serve beside it (docs/utility.md). */
const [attentionAlone, attentionBeside] = [1, 0.25];
const nothing = { content: 0, released: 0, own: 0, history: 0 };
/** Below this many customers own validation says nothing. */
const leastTuned = 20;

/** Popularity alone, at once: what serves while the rest is being made. */
export function preparePopularity({ catalogue, histories, serve, plan }: Ingredients): Prepared {
  const similarity = itemSimilarity(catalogue.items);
  const recipe = servedRecipe(plan);
  const own = serve.mode === "inHouse" && histories !== undefined ? counts(histories, similarity, recipe, serve) : undefined;
  const weights: HybridWeights = { mixture: nothing, popularity: 1, attention: 0 };
  return {
    origin: { source: "none", hash: null, round: null, parts: ["popularity"], fallback: true },
    tables: { recipe: servingRecipe(recipe), served: undefined, own, weights, student: undefined },
    ...{ similarity, content: undefined, heads: { nextAction: false, purchase: false, churnDays: 0 } },
    ...{ chain: undefined, nextAction: undefined, churn: undefined, purchase: undefined, clicks: undefined },
  };
}

/** @throws what reading and tuning throw */
export async function prepareServing(from: Ingredients, executor: Executor): Promise<Prepared> {
  const ranking = await prepareRanking(from, executor);
  const { similarity, content, heads } = ranking;
  const { student } = ranking.tables;
  const { serve } = from;
  const histories = serve.mode === "inHouse" ? from.histories : undefined;
  return {
    ...ranking,
    chain: histories && actionChain(histories, actions.length, serve.minSupport),
    nextAction:
      histories && heads.nextAction ? await nextActionBlend(histories, from, { student, content }, executor) : undefined,
    churn: histories && (await churnModel(histories, from, { student, content, heads }, executor)),
    purchase: histories && fitPurchase(histories),
    clicks:
      histories &&
      fitClicks(histories, similarity, { minSupport: serve.minSupport, categories: itemCategories(from.catalogue.items) }),
  };
}

/** What ranks items, without what answers other questions. @throws what reading and tuning throw */
export async function prepareRanking(from: Ingredients, executor: Executor): Promise<PreparedRanking> {
  const { catalogue, plan, serve, artefact, released } = from;
  const inHouse = serve.mode === "inHouse";
  const histories = inHouse ? from.histories : undefined;
  const personal = inHouse && artefact === undefined ? from.personal : undefined;
  const similarity = itemSimilarity(catalogue.items);
  const recipe = servedRecipe(plan);
  const student = artefact?.hybrid.student ?? personalStudent(plan, personal) ?? studentOf(plan, released);
  const content =
    artefact === undefined && student !== undefined && readsContent(student.spec)
      ? itemContent(student.spec, catalogue.items)
      : undefined;
  const statistics = released?.model.statistics;
  const served =
    artefact?.hybrid.served ??
    (statistics?.popularity === undefined ? undefined : finishStatistics(recipe, similarity, statistics));
  const own = histories && counts(histories, similarity, recipe, serve);
  const tables = { recipe: artefact?.hybrid.recipe ?? servingRecipe(recipe), served, own };
  const weights =
    personal?.state === "serves"
      ? personal.weights
      : histories !== undefined && histories.customers.length >= leastTuned
        ? await tunedWeights(histories, { ...from, similarity, recipe, tables, student, content }, executor)
        : (artefact?.hybrid.weights ?? givenWeights(recipe, tables, student));
  const heard = weights.attention > 0 || artefact === undefined ? student : undefined;
  return {
    origin: { ...originOf(from, tables, weights), ...(personal === undefined ? {} : { personal: personal.state }) },
    tables: { ...tables, weights, student: heard },
    ...{ similarity, content, heads: headsOf(artefact === undefined ? student : undefined) },
  };
}

const personalStudent = ({ model }: Plan, personal: Personal | undefined): Student | undefined =>
  personal?.state === "serves" ? { spec: model, parameters: personal.parameters } : undefined;

/** What pairs, content and history count for where nothing is tuned. */
export function servedRecipe(plan: Plan): StatisticsRecipe {
  return plan.statistics === undefined ? transferredRecipe(Number(plan.epsilon)) : recipeOf(plan);
}

const counts = (histories: Histories, { items }: ItemSimilarity, { window }: StatisticsRecipe, serve: Ingredients["serve"]) =>
  ownStatistics(histories, items, { window, minSupport: serve.minSupport });

/** The federation's model where training has moved it. Models of extensions are not served. */
export function studentOf(plan: Plan, released: Released | undefined): Student | undefined {
  if (released === undefined || !released.trained || plan.model.family === "extension") return undefined;
  return { spec: plan.model, parameters: released.model.parameters };
}

function headsOf(student: Student | undefined): Prepared["heads"] {
  if (student === undefined) return { nextAction: false, purchase: false, churnDays: 0 };
  const { weights, actions: known, churnDays } = student.spec;
  return {
    nextAction: known > 0 && weights.nextAction > 0,
    purchase: weights.purchase > 0,
    churnDays: weights.churn > 0 ? churnDays : 0,
  };
}

type Tables = Pick<RankerTables, "recipe" | "served" | "own">;

/** Where nothing may be tuned, or nobody is there to tune on. */
function givenWeights(recipe: StatisticsRecipe, { served, own }: Tables, student: Student | undefined): HybridWeights {
  if (served !== undefined) {
    const mixture = releasedWeights(recipe, served.pairs);
    return { mixture, popularity: 0, attention: student === undefined ? 0 : attentionBeside };
  }
  if (student !== undefined) return { mixture: nothing, popularity: 0, attention: attentionAlone };
  const mixture = { ...nothing, content: recipe.contentWeight, own: own === undefined ? 0 : 1 };
  return { mixture, popularity: 0, attention: 0 };
}

interface Tuning extends Ingredients {
  readonly similarity: ItemSimilarity;
  readonly recipe: StatisticsRecipe;
  readonly tables: Tables;
  readonly student: Student | undefined;
  readonly content: ItemContent | undefined;
}

/**
 * By the last item of the merchant's own customers, on counts of what comes before it. What the federation trained has seen that item, if through noise, except
 * at customers who are held out of the rounds: where there are enough, they alone say what attention is worth. Else everybody does, and it gets no more weight
 * beside released tables than where nothing is tuned.
 */
async function tunedWeights(histories: Histories, tuning: Tuning, executor: Executor): Promise<HybridWeights> {
  const { similarity, recipe, tables, student, content, serve, plan, isUnlearnt, artefact } = tuning;
  const { served } = tables;
  const repeats = plan.warmStart?.repeats ?? "keep";
  const { minSupport } = serve;
  const { weights: mixture } = tuneInHouse(histories, { similarity, recipe, repeats, served, minSupport });
  if (student === undefined) return { mixture, popularity: 0, attention: 0 };
  const unless = artefact?.hybrid.weights ?? givenWeights(recipe, tables, student);
  const inner = leaveLastOut(histories);
  const isHeldOut = (place: number) => isUnlearnt?.(histories.customers[place] as string) === true;
  const heldOut = inner.targets.filter((target, place) => target > 0 && isHeldOut(place)).length;
  const asked = heldOut >= leastTuned ? { isAsked: isHeldOut } : { mostAttention: unless.attention };
  const own = counts(inner.train, similarity, recipe, serve);
  const sources = sourcesOf({ recipe: tables.recipe, served, own }, similarity);
  const attention = await modelScorer(student.spec, student.parameters, executor, similarity.items, content);
  try {
    const options = { sources, attention: attention.score, mixture, repeats, mostCustomers: 500, unless, ...asked };
    return (await tuneHybrid(inner, options)).weights;
  } finally {
    await attention.close();
  }
}

/** The federated head, where there is one, is one more feature of the merchant's own model, which calibrates it. */
async function churnModel(
  histories: Histories,
  { catalogue, churnDays, moments }: Ingredients,
  { student, content, heads }: Pick<Tuning, "student" | "content"> & Pick<Prepared, "heads">,
  executor: Executor,
): Promise<ChurnModel | undefined> {
  if (histories.items.length === 0) return undefined;
  const days = heads.churnDays > 0 ? heads.churnDays : churnHorizon(histories, churnDays);
  const cases = churnCases(histories, days);
  const categories = itemCategories(catalogue.items);
  if (heads.churnDays === 0 || student === undefined) return fitChurn(histories, days, cases, { categories, moments });
  const said: (readonly number[])[] = [];
  for (const list of cases) {
    const stretches = list.map(({ stretch }) => stretch);
    said.push(await churnSaid({ student, content }, executor, histories, stretches));
  }
  return fitChurn(histories, days, cases, { heads: said, categories, moments });
}

/** The federated head against the merchant's own chain, on customers whom as far as known no round has learnt from. */
async function nextActionBlend(
  histories: Histories,
  { serve, isUnlearnt }: Ingredients,
  { student, content }: Pick<Tuning, "student" | "content">,
  executor: Executor,
): Promise<NextActionBlend | undefined> {
  const cases = nextActionCases(histories, actions.length, { minSupport: serve.minSupport, isUnlearnt });
  if (cases === undefined || student === undefined) return undefined;
  return chooseNextAction(cases, await actionsSaid({ student, content }, executor, histories, cases.stretches));
}

function originOf({ artefact, released }: Ingredients, tables: Tables, weights: HybridWeights): Origin {
  const { mixture, popularity, attention } = weights;
  const listens = attention < attentionAlone;
  const parts: Origin["parts"] = [
    ...(listens && tables.served !== undefined ? (["releasedStatistics"] as const) : []),
    ...(attention > 0 ? (["attention"] as const) : []),
    ...(listens && tables.own !== undefined && mixture.own > 0 ? (["ownCounts"] as const) : []),
    ...(listens && mixture.content > 0 ? (["content"] as const) : []),
    ...(listens && popularity > 0 ? (["popularity"] as const) : []),
  ];
  if (artefact !== undefined) return { source: "artefact", hash: artefact.card.modelHash, round: null, parts, fallback: false };
  if (released === undefined) return { source: "none", hash: null, round: null, parts, fallback: false };
  return { source: "released", hash: released.hash, round: released.round, parts, fallback: false };
}
