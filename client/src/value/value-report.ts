/**
 * `tributary node report --value`: whether joining pays this merchant, by its own held-out customers. In-house: figures are exact, nothing leaves the node.
 *
 *   floor          public content alone, ε = 0             federated      what was released, as it is
 *   popularity     the merchant's own, exact                joined         what serves: released + own counts, weights tuned in-house
 *   local          alone, tuned, without privacy (`alone.ts`)   personalised   joined, with the model that `node personalise` kept
 *   localStatistics  that without own attention: what `node serve` serves where nothing was released
 *
 * Protocol (DESIGN §7): each judged customer's last item event is ranked among the whole catalogue by what came before it. Judged are customers whom no round has
 * learnt from (`holdout.ts`), and their last item events are in nothing that is counted, tuned or trained here. Where no such customers are, those who are judged
 * were learnt from by the federation, if through noise: `heldOut.clean` is false, and a gain is then no verdict.
 */
import { fail, isTributaryError } from "@tributary/errors";
import { type Histories, leaveLastOut, seededRandom, shuffle, sliceHistories } from "@tributary/events";
import {
  type BlockIntervals,
  bootstrapBlock,
  bootstrapDifference,
  contentScorer,
  itemCounts,
  itemSimilarity,
  type JoiningVerdict,
  joiningVerdict,
  type PairedDifference,
  popularityScorer,
  type Ranks,
  type ResultBlock,
  rankCustomers,
  resultBlock,
} from "@tributary/model";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { budgetOf } from "../budget.ts";
import { readPlannedCatalogue } from "../home/catalogue.ts";
import { readHistories } from "../home/histories.ts";
import { type Home, withHome } from "../home/open.ts";
import { readPolicy } from "../home/policy.ts";
import { prepareRanking, prepareServing, type Released, servedRecipe, studentOf } from "../serving/prepare.ts";
import { openServed } from "../serving/served-model.ts";
import { type Alone, initialStudent, prepareAlone } from "./alone.ts";
import { type InHouseSplit, inHouseSplit, placesOf } from "./holdout.ts";
import { keepValue } from "./kept-value.ts";
import { type PersonalModel, readPersonal, servedWeights } from "./personal-model.ts";
import { lastReleased, rankedBy, repeatsOf } from "./ranked.ts";
import { type Timeline, timelinesOf } from "./timelines.ts";

export interface ValueReportOptions {
  readonly home: string;
  /** Of own attention's training, where the federation trained attention; default 120. */
  readonly seconds?: number;
  /** Customers whose timelines are shown; default 5. */
  readonly samples?: number;
  /** Of bootstraps, training and who is sampled; no secret. Default 1. */
  readonly seed?: number;
}

export interface ValueBlock extends ResultBlock {
  /** 95 %, over customers. */
  readonly intervals: BlockIntervals;
  /** NDCG@10 against `local`, on the same customers. */
  readonly againstLocal?: PairedDifference;
}

export interface ValueReport {
  readonly federation: string;
  readonly model: { readonly hash: string; readonly round: number };
  readonly heldOut: {
    /** Customers whom nothing in-house looked at but to judge; of them those with two item events or more are evaluated. */
    readonly customers: number;
    readonly evaluated: number;
    readonly by: InHouseSplit["heldOutBy"];
    readonly clean: boolean;
    readonly sentence: string;
  };
  readonly repeats: "keep" | "mask";
  readonly items: number;
  readonly floor: ValueBlock;
  readonly popularity: ValueBlock;
  readonly local: ValueBlock;
  /** Where own attention is a part of `local`. */
  readonly localStatistics?: ValueBlock;
  readonly federated: ValueBlock;
  readonly joined: ValueBlock;
  readonly personalised?: ValueBlock;
  /** What the merchant's own attention came to, where the federation trained any. */
  readonly localAttention?: NonNullable<Alone["attention"]>;
  readonly personalisation: {
    readonly state: "serves" | "stale" | "unreadable" | "otherSplit" | "none";
    readonly code?: string;
    readonly sentence: string;
  };
  /** What this node's customers have spent, by its own charges. */
  readonly epsilon: { readonly spent: number; readonly limit: number; readonly delta: number };
  /** Of what serves: `personalised` where that is, else `joined`. */
  readonly verdict: JoiningVerdict & { readonly of: "joined" | "personalised" };
  readonly timelines: {
    readonly customers: number;
    readonly events: number;
    /** Of those events: the item was among the first ten, and the action was the one expected. */
    readonly hits: number;
    readonly actionsRight: number;
  };
}

export interface ValueReportWithTimelines {
  readonly report: ValueReport;
  /** Private: histories of single customers, for a local page alone. */
  readonly timelines: readonly Timeline[];
}

/** Fewer give no figures; below `fewestJudged` there are figures and no verdict. */
const fewestEvaluated = 10;
const [eventsShown, itemsShown] = [8, 10];

/**
 * @throws TRB_VALUE_NO_MODEL, TRB_VALUE_TOO_FEW_CUSTOMERS, TRB_NODE_NO_HISTORIES, TRB_NODE_NOT_JOINED, and what fetching the model and preparing throw
 */
export function valueReport(options: ValueReportOptions): Promise<ValueReportWithTimelines> {
  return withHome(options.home, (home) => reportOf(home, options));
}

async function reportOf(home: Home, options: ValueReportOptions): Promise<ValueReportWithTimelines> {
  const { layout, plan, membership } = home;
  const { seconds = 120, samples = 5, seed = 1 } = options;
  const released = await lastReleased(home);
  if (released === undefined) throw fail("TRB_VALUE_NO_MODEL");
  const histories = readHistories(layout);
  const split = inHouseSplit(home);
  const isJudged = (customer: string) => split.partOf(customer) === "judged";
  const heldOut = leaveLastOut(sliceHistories(histories, placesOf(histories, isJudged)));
  const evaluated = heldOut.targets.filter((target) => target > 0).length;
  if (evaluated < fewestEvaluated)
    throw fail("TRB_VALUE_TOO_FEW_CUSTOMERS", { what: "The value report", least: fewestEvaluated, found: evaluated });

  const sample = sampled(histories, isJudged, samples, seed);
  const shown = new Set(sample.customers);
  // of judged customers what comes before the event that is asked about; of those whose timelines are shown nothing at all
  const known = leaveLastOut(histories, (at) => isJudged(histories.customers[at] as string)).train;
  const train = sliceHistories(
    known,
    placesOf(known, (customer) => !shown.has(customer)),
  );
  const catalogue = readPlannedCatalogue(layout, plan);
  const executor = onnxruntimeExecutor();
  const repeats = repeatsOf(plan);
  const items = catalogue.items.length;
  const recipe = servedRecipe(plan);
  const similarity = itemSimilarity(catalogue.items);
  const serve = { mode: "inHouse", minSupport: readPolicy(layout).serve.minSupport } as const;
  const isUnlearnt = split.clean ? isJudged : undefined;
  const ingredients = { catalogue, plan, serve, churnDays: 30, histories: train, isUnlearnt };
  const own = personalisation(home, released, split);

  const student = studentOf(plan, released);
  const alone = await prepareAlone(ingredients, (at) => split.partOf(train.customers[at] as string) === "validation", {
    ...{ executor, seconds, seed, initial: student && (await initialStudent(home)) },
  });
  const asReleased = { ...ingredients, released, serve: { ...serve, mode: "releasedOnly" } as const };
  const judging = { repeats, executor };
  const ranks = {
    floor: await rankCustomers(contentScorer(similarity, recipe), heldOut, { items, repeats }),
    popularity: await rankCustomers(popularityScorer(itemCounts([train], items)), heldOut, { items, repeats }),
    local: await rankedBy(alone.ranking, heldOut, judging),
    federated: await rankedBy(await prepareRanking(asReleased, executor), heldOut, judging),
    joined: await rankedBy(await prepareRanking({ ...ingredients, released }, executor), heldOut, judging),
  };
  const { model: personal } = own;
  const serving = await openServed(
    await prepareServing(
      {
        ...ingredients,
        released,
        personal: personal && { state: "serves", parameters: personal.parameters, weights: servedWeights(personal.weights) },
      },
      executor,
    ),
    executor,
  );
  try {
    const personalised = personal && (await rankedBy(serving.prepared, heldOut, judging));
    const timelines = await timelinesOf(serving, sample, catalogue, { events: eventsShown, shown: itemsShown });
    const block = (of: Ranks): ValueBlock => ({
      ...resultBlock(of),
      intervals: bootstrapBlock(of, { seed }),
      ...(of === ranks.local ? {} : { againstLocal: bootstrapDifference(of, ranks.local, { seed }) }),
    });
    const statistics = alone.ranking === alone.statistics ? undefined : await rankedBy(alone.statistics, heldOut, judging);
    const judged = { alone: ranks.local, joined: personalised ?? ranks.joined };
    const { spent, limit, delta } = budgetOf(home);
    const report: ValueReport = {
      ...{ federation: membership.federation, model: { hash: released.hash, round: released.round } },
      heldOut: {
        ...{ customers: heldOut.targets.length, evaluated, by: split.heldOutBy, clean: split.clean },
        sentence: heldOutSentence(split),
      },
      ...{ repeats, items },
      ...{ floor: block(ranks.floor), popularity: block(ranks.popularity), local: block(ranks.local) },
      ...{ federated: block(ranks.federated), joined: block(ranks.joined) },
      ...(statistics === undefined ? {} : { localStatistics: block(statistics) }),
      ...(personalised === undefined ? {} : { personalised: block(personalised) }),
      ...(alone.attention === undefined ? {} : { localAttention: alone.attention }),
      personalisation: own.said,
      epsilon: { spent, limit, delta },
      verdict: {
        ...joiningVerdict(judged, { seed, seenByFederation: !split.clean }),
        of: personalised === undefined ? "joined" : "personalised",
      },
      timelines: countsOf(timelines),
    };
    keepValue(layout, report);
    return { report, timelines };
  } finally {
    await serving.ranker.close();
  }
}

function heldOutSentence({ clean, heldOutBy }: InHouseSplit): string {
  if (!clean) {
    return "No customer is held out of the rounds, or only since the federation has learnt from them: what was released has learnt from the events that are judged, if through noise, which flatters joining. `tributary node holdout --share 0.1` before the first round makes the next report clean.";
  }
  const who = heldOutBy.map((by) => (by === "plan" ? "by the plan" : "by this node")).join(" and ");
  return `Judged are customers who are held out of every round (${who}); their last item event is in nothing that was counted, tuned or trained.`;
}

/** The model that serves, and why there is none. */
function personalisation(
  { layout, plan }: Home,
  released: Released,
  split: InHouseSplit,
): { readonly model: PersonalModel | undefined; readonly said: ValueReport["personalisation"] } {
  let model: PersonalModel | undefined;
  try {
    model = readPersonal(layout, plan);
  } catch (error) {
    if (!isTributaryError(error) || error.code !== "TRB_VALUE_PERSONAL_UNREADABLE") throw error;
    return { model, said: { state: "unreadable", code: error.code, sentence: `${error.message} ${error.advice}` } };
  }
  if (model === undefined) {
    return {
      model,
      said: { state: "none", sentence: "No personalised model was kept: `tributary node personalise` makes one." },
    };
  }
  if (model.federated !== released.hash) {
    const { code, message, advice } = fail("TRB_VALUE_PERSONAL_STALE");
    return { model: undefined, said: { state: "stale", code, sentence: `${message} ${advice}` } };
  }
  if (model.reserved < split.reserved) {
    const sentence =
      "The personalised model serves, and isn't judged: it was made when fewer customers were held out, and may have learnt from those who are judged now. Make it anew.";
    return { model: undefined, said: { state: "otherSplit", sentence } };
  }
  const sentence = `The personalised model serves: ${model.layers.length} tensors were fine-tuned on own customers, none of whom is judged here.`;
  return { model, said: { state: "serves", sentence } };
}

/** Judged customers with something to show, in no order that says who they are. */
function sampled(histories: Histories, isJudged: (customer: string) => boolean, most: number, seed: number): Histories {
  const { offsets, items } = histories;
  const able = placesOf(histories, isJudged).filter((at) => {
    return items.subarray(offsets[at], offsets[at + 1]).filter((item) => item > 0).length > 2;
  });
  const chosen = shuffle(Uint32Array.from(able), seededRandom(seed, "timelines")).slice(0, most).sort();
  return sliceHistories(histories, chosen);
}

function countsOf(timelines: readonly Timeline[]): ValueReport["timelines"] {
  const events = timelines.flatMap((timeline) => timeline.events);
  return {
    ...{ customers: timelines.length, events: events.length },
    hits: events.filter(({ rank }) => rank <= itemsShown).length,
    actionsRight: events.filter(({ action, expected }) => expected?.action === action).length,
  };
}
