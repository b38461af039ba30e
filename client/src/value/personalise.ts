/**
 * `tributary node personalise`: the federated model, fine-tuned on this merchant's own customers. In-house processing: nothing is released, nothing is charged,
 * and what comes out is sealed into the home (`personal-model.ts`), if it is kept at all.
 *
 *   own customers ─▶ training (fine-tunes) · validation (stops it, chooses weights) · test (keeps or drops) · judged (looked at by the value report alone)
 *
 * Kept is only what ranks better than what would serve without it, by the last item events of test customers, which neither training nor validation has seen:
 * the one-sided bound of the paired bootstrap of NDCG@10 has to be above 0. A tie keeps the federated model.
 *
 * Where no round has trained attention there are no weights to fine-tune: serving tunes the mixture of released tables, own counts, content and history on the
 * own log by itself, and all that is said here is what that gains.
 */
import { fail } from "@tributary/errors";
import { type Histories, leaveLastOut, sliceHistories } from "@tributary/events";
import {
  bootstrapDifference,
  evaluatedCustomers,
  fewestJudged,
  type HybridWeights,
  modelScorer,
  ownStatistics,
  type PairedDifference,
  personalLayers,
  type ResultBlock,
  resultBlock,
  type Student,
  sourcesOf,
  trainPersonally,
  tuneHybrid,
} from "@tributary/model";
import { planHash, sha256Hex } from "@tributary/protocol";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { readPlannedCatalogue } from "../home/catalogue.ts";
import { readHistories } from "../home/histories.ts";
import { type Home, withHome } from "../home/open.ts";
import { readPolicy } from "../home/policy.ts";
import {
  type Ingredients,
  type Personal,
  type PreparedRanking,
  prepareRanking,
  servedRecipe,
  studentOf,
} from "../serving/prepare.ts";
import { type InHousePart, type InHouseSplit, inHouseSplit, placesOf } from "./holdout.ts";
import { personalOf, removePersonal, writePersonal } from "./personal-model.ts";
import { lastReleased, rankedBy, repeatsOf } from "./ranked.ts";

export interface PersonaliseOptions {
  readonly home: string;
  /** Names of `personalLayers`; default the usual ones that the model has. */
  readonly layers?: readonly string[];
  /** Most passes over the own customers; default 20. */
  readonly epochs?: number;
  /** μ of the pull towards the federated weights; default .01. */
  readonly proximal?: number;
  /** Chance that a model which is no better is kept; default .05. */
  readonly level?: number;
  /** Orders customers; no secret. Default 1. */
  readonly seed?: number;
}

export interface Personalised {
  readonly model: { readonly hash: string; readonly round: number };
  /** `attention`: weights of the model's layers. `mixture`: no round has trained any, so what is tuned is what its tables count for. */
  readonly tuned: "attention" | "mixture";
  /** Whether a personalised model serves from now on. */
  readonly kept: boolean;
  readonly sentence: string;
  /** Tensors that were fine-tuned. */
  readonly layers: readonly string[];
  /** Customers of each part with two item events or more. */
  readonly customers: Readonly<Record<InHousePart, number>>;
  /** NDCG@10 of attention alone on validation customers; 0 epochs: none was better than none. */
  readonly training?: {
    readonly epochs: number;
    readonly learningRate: number;
    readonly moved: number;
    readonly validation: { readonly federated: number; readonly personal: number };
  };
  readonly weights: { readonly without: HybridWeights; readonly personal: HybridWeights };
  /** On test customers: what would serve without personalisation, and with it. */
  readonly without: ResultBlock;
  readonly personal: ResultBlock;
  readonly gain: PairedDifference;
  /** Of the one-sided test. */
  readonly level: number;
}

/** Fewer say nothing. */
const fewest = { training: 50, validation: 20, test: fewestJudged } as const;

/**
 * @throws TRB_VALUE_NO_MODEL, TRB_VALUE_TOO_FEW_CUSTOMERS, TRB_VALUE_LAYER_UNKNOWN, TRB_NODE_NO_HISTORIES, TRB_NODE_NOT_JOINED, and what fetching the
 *   model and training throw
 */
export function personalise(options: PersonaliseOptions): Promise<Personalised> {
  return withHome(options.home, (home) => personaliseHome(home, options));
}

async function personaliseHome(home: Home, options: PersonaliseOptions): Promise<Personalised> {
  const { layout, plan } = home;
  const { level = 0.05, seed = 1 } = options;
  const released = await lastReleased(home);
  if (released === undefined) throw fail("TRB_VALUE_NO_MODEL");
  const student = studentOf(plan, released);
  const layers = student === undefined ? [] : personalLayers(student.spec, options.layers);
  const histories = readHistories(layout);
  const split = inHouseSplit(home);
  const customers = countParts(histories, split);
  for (const part of ["training", "validation", "test"] as const) {
    const [least, found] = [fewest[part], customers[part]];
    if (found < least) throw fail("TRB_VALUE_TOO_FEW_CUSTOMERS", { what: `Personalisation (${part})`, least, found });
  }
  const stage = stageOf(home, histories, split);
  const { executor, common, repeats } = stage;
  const test = leaveLastOut(
    sliceHistories(
      histories,
      placesOf(histories, (id) => split.partOf(id) === "test"),
    ),
  );
  const judge = (ranking: PreparedRanking) => rankedBy(ranking, test, { repeats, executor });
  const ingredients = { ...common, histories: stage.known, released };
  const compare = async (without: PreparedRanking, personal: PreparedRanking) => {
    const [before, after] = [await judge(without), await judge(personal)];
    const gain = bootstrapDifference(after, before, { seed, confidence: 1 - 2 * level });
    return {
      ...{ without: resultBlock(before), personal: resultBlock(after), gain },
      weights: { without: without.tables.weights, personal: personal.tables.weights },
    };
  };
  const said = { model: { hash: released.hash, round: released.round }, layers, customers, level };

  const inHouse = await prepareRanking(ingredients, executor);
  if (student === undefined) {
    const asReleased = { ...ingredients, serve: { ...common.serve, mode: "releasedOnly" } as const };
    const compared = await compare(await prepareRanking(asReleased, executor), inHouse);
    removePersonal(layout); // of a model that is not the last one any more
    return { ...said, ...compared, tuned: "mixture", kept: false, sentence: mixtureSentence(compared.gain) };
  }

  const validation = leaveLastOut(
    sliceHistories(
      histories,
      placesOf(histories, (id) => split.partOf(id) === "validation"),
    ),
  );
  // of test customers what comes before the event that they are asked about: those whom the shop serves are known to it as well
  const training = sliceHistories(
    stage.known,
    placesOf(stage.known, (id) => split.partOf(id) !== "validation"),
  );
  const { content } = inHouse;
  const trained = await trainPersonally(student, training, executor, {
    ...{ items: common.catalogue.items.length, layers, validation, repeats, seed, content, now: Date.now() / 1000 },
    ...(options.epochs === undefined ? {} : { epochs: options.epochs }),
    ...(options.proximal === undefined ? {} : { proximal: options.proximal }),
  });
  const { parameters, ...course } = trained;
  const own = { spec: student.spec, parameters };
  const weights = await weightsFor(own, inHouse, stage);
  const personal: Personal = { state: "serves", parameters, weights };
  const compared = await compare(inHouse, await prepareRanking({ ...ingredients, personal }, executor));
  const kept = course.epochs > 0 && compared.gain.interval[0] > 0;
  const earlier = personalOf(layout, plan, released)?.state === "serves";
  if (kept) {
    await writePersonal(layout, {
      ...{ version: 1, scope: "inHouse", plan: planHash(home.crypto, plan), federated: sha256Hex.parse(released.hash) },
      ...{ round: released.round, layers: [...layers], weights, reserved: split.reserved, parameters },
    });
  } else if (!earlier) removePersonal(layout);
  const sentence = keptSentence(kept, course.epochs, level, earlier);
  return { ...said, ...compared, training: course, tuned: "attention", kept, sentence };
}

interface Stage {
  readonly executor: ReturnType<typeof onnxruntimeExecutor>;
  readonly common: Pick<Ingredients, "catalogue" | "plan" | "serve" | "churnDays">;
  readonly repeats: ReturnType<typeof repeatsOf>;
  /** All but the judged; of test and validation customers only what comes before the event that they are asked about. */
  readonly known: Histories;
  /** The same customers; targets are those of validation alone. */
  readonly validation: { readonly train: Histories; readonly targets: Int32Array };
}

function stageOf({ layout, plan }: Home, histories: Histories, { partOf }: InHouseSplit): Stage {
  const others = sliceHistories(
    histories,
    placesOf(histories, (id) => partOf(id) !== "judged"),
  );
  const parts = others.customers.map(partOf);
  const { train, targets } = leaveLastOut(others, (at) => parts[at] === "test" || parts[at] === "validation");
  return {
    executor: onnxruntimeExecutor(),
    common: {
      ...{ catalogue: readPlannedCatalogue(layout, plan), plan, churnDays: 0 },
      serve: { mode: "inHouse", minSupport: readPolicy(layout).serve.minSupport },
    },
    repeats: repeatsOf(plan),
    known: train,
    validation: { train, targets: targets.map((target, at) => (parts[at] === "validation" ? target : 0)) },
  };
}

/** Weights of attention and popularity around the mixture that serves already, by validation customers. */
async function weightsFor(
  student: Student,
  { tables, similarity, content }: PreparedRanking,
  stage: Stage,
): Promise<HybridWeights> {
  const { executor, validation, repeats, common } = stage;
  const { window } = servedRecipe(common.plan);
  const { minSupport } = common.serve;
  const own = ownStatistics(validation.train, similarity.items, { window, minSupport });
  const sources = sourcesOf({ recipe: tables.recipe, served: tables.served, own }, similarity);
  const attention = await modelScorer(student.spec, student.parameters, executor, similarity.items, content);
  try {
    const { mixture } = tables.weights;
    const options = { sources, attention: attention.score, mixture, repeats, mostCustomers: 500 };
    return (await tuneHybrid(validation, options)).weights;
  } finally {
    await attention.close();
  }
}

function countParts(histories: Histories, { partOf }: InHouseSplit): Record<InHousePart, number> {
  const counts = { judged: 0, test: 0, validation: 0, training: 0 };
  for (const at of evaluatedCustomers(leaveLastOut(histories))) counts[partOf(histories.customers[at] as string)] += 1;
  return counts;
}

const percent = (level: number) => `${Number((100 * level).toPrecision(3))} %`;

function keptSentence(kept: boolean, epochs: number, level: number, earlier: boolean): string {
  if (kept) {
    return `Kept: on test customers the personalised model ranks better than the federated one (one-sided paired bootstrap at ${percent(level)}). It serves from now on, until the federation releases another.`;
  }
  const serves = `The ${earlier ? "personalised model that was kept earlier" : "federated model"} goes on serving.`;
  return epochs === 0
    ? `Not kept: no epoch of fine-tuning was better for validation customers. ${serves}`
    : `Not kept: on test customers the personalised model is not better than the federated one (one-sided paired bootstrap at ${percent(level)}). ${serves}`;
}

function mixtureSentence({ interval }: PairedDifference): string {
  const found = interval[0] > 0 ? "ranks better than" : interval[1] < 0 ? "ranks worse than" : "is no better and no worse than";
  return `There is no attention to fine-tune (no round has trained any, or the model is of an extension), and no file was written. What is tuned in-house is the mixture of released tables, own counts, content and history, which \`tributary node serve\` tunes by itself: on test customers it ${found} what was released as it is.`;
}
