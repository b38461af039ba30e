/**
 * A federation's own model as the student of what it released: where a plan's training begins (`warmStart`). Like every student on released tables it is
 * post-processing and costs no ε.
 *
 * Walks are items in a row and nothing else. What a model reads of events besides (actions, gaps, dwells, prices) and the head of the next action begin at
 * zero and stay there: nothing that no walk knows may stir what they teach. Private rounds may train them afterwards.
 */
import type { Executor } from "@tributary/tensor";
import type { ModelSpec } from "../spec.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import type { ServedStatistics } from "../statistics/rounds.ts";
import type { ServingRecipe } from "../statistics/scoring.ts";
import { trainedTensors } from "../trained-tensors.ts";
import { biasPlaces, type Student, type StudentTraining, startStudent, trainStudent } from "./student.ts";
import { sampleWalks, type WalkOptions, walkLength, walkProfile } from "./walks.ts";

export interface PlannedStudentOptions
  extends Pick<WalkOptions, "walks" | "repeats">,
    Pick<StudentTraining, "epochs" | "batch" | "learningRate" | "seed"> {
  readonly recipe: ServingRecipe;
  readonly executor: Executor;
}

/** Tables that walks say nothing of, and the head that they can't teach. */
const silent = /^(?:action|gap|dwell|price)\.weight$|^actionHead\./;

/** @throws TRB_TRAINING_SPEC_INVALID for a model that walks can't teach, TRB_MODEL_LENGTH_MISMATCH, TRB_TRAINING_CENTRAL_INVALID */
export async function plannedStudent(
  spec: ModelSpec,
  served: ServedStatistics,
  similarity: ItemSimilarity,
  { walks, repeats, recipe, executor, ...training }: PlannedStudentOptions,
): Promise<Student> {
  const start = startStudent(spec, { popularity: served.popularity, similarity, seed: training.seed });
  const frozen = [...biasPlaces(spec)];
  for (const { name, inModel, size } of trainedTensors(spec, undefined)) {
    if (!silent.test(name)) continue;
    start.parameters.fill(0, inModel, inModel + size);
    for (let place = inModel; place < inModel + size; place++) frozen.push(place);
  }
  const sequences = sampleWalks(served, similarity, {
    ...{
      walks,
      repeats,
      seed: training.seed,
      length: Math.min(walkLength, spec.length + 1),
      contentWeight: recipe.contentWeight,
    },
    profile: { ...recipe, latest: walkProfile },
  });
  return trainStudent(start, sequences, executor, { ...training, frozen: Uint32Array.from(frozen) });
}
