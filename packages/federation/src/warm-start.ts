/**
 * Where training begins once statistics are known (`plan.warmStart`): the last step of making the model of the last statistics round. Everything that it
 * reads was released or is public; shells call it after `nextModel`, with an executor of their own.
 */
import { fail } from "@tributary/errors";
import { finishStatistics, type ItemSimilarity, type PlannedStudentOptions, plannedStudent } from "@tributary/model";
import { type Plan, parseDecimal } from "@tributary/protocol";
import type { FederationModel } from "./agreed-model.ts";
import { recipeOf } from "./statistics.ts";

export interface WarmStartSurroundings {
  readonly executor: PlannedStudentOptions["executor"];
  /** Of the plan's catalogue; asked for only where something is to be done. */
  readonly similarity: () => ItemSimilarity;
}

/**
 * The model with a student's weights where its statistics have just become complete, else the model as it is.
 * @param before what the round started from
 * @param after what `nextModel` made of its sum
 */
export async function warmStarted(
  plan: Plan,
  before: FederationModel,
  after: FederationModel,
  surroundings: WarmStartSurroundings,
): Promise<FederationModel> {
  if (plan.warmStart === undefined || isComplete(before) || !isComplete(after)) return after;
  return { ...after, parameters: await warmStartOf(plan, after, surroundings) };
}

/**
 * The weights that follow from complete statistics: what an auditor holds the model file of the last statistics round to. The same executor on a like
 * machine gives the same bytes; another one differs in last digits, and so after training in more.
 * @throws TRB_PLAN_WARM_START_UNFIT, TRB_PLAN_STATISTICS_UNFIT, and what `plannedStudent` throws
 */
export async function warmStartOf(
  plan: Plan,
  { statistics }: Pick<FederationModel, "statistics">,
  { executor, similarity }: WarmStartSurroundings,
): Promise<Float32Array> {
  const { warmStart } = plan;
  if (warmStart === undefined || statistics === undefined)
    throw fail("TRB_PLAN_WARM_START_UNFIT", { reason: "there is none in the plan, or nothing to begin from" });
  const items = similarity();
  const recipe = recipeOf(plan);
  const { parameters } = await plannedStudent(plan.model, finishStatistics(recipe, items, statistics), items, {
    ...{ ...warmStart, learningRate: parseDecimal(warmStart.learningRate) },
    ...{ recipe, executor },
  });
  return parameters;
}

const isComplete = ({ statistics }: FederationModel): boolean =>
  statistics?.popularity !== undefined && statistics.query === undefined;
