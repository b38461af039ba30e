/**
 * The coordinator's student: trained on walks from what was released and nothing else, so that it is post-processing and costs no ε. Its arguments say
 * so: released tables, the public catalogue, numbers.
 */
import type { Executor } from "@tributary/tensor";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import type { ServedStatistics } from "../statistics/rounds.ts";
import type { ServingRecipe } from "../statistics/scoring.ts";
import { type Student, type StudentTraining, startStudent, studentSpec, trainStudent } from "./student.ts";
import { sampleWalks, type WalkOptions, walkLength, walkProfile } from "./walks.ts";

export interface ReleasedStudentOptions extends Pick<WalkOptions, "walks" | "repeats">, Omit<StudentTraining, "frozen"> {
  readonly recipe: ServingRecipe;
  readonly executor: Executor;
  /** Default `studentSpec`. */
  readonly spec?: Student["spec"];
  /** Where training starts, in place of public attributes (`startStudent`): imported vectors, or a body learnt elsewhere (`warm-start.ts`). */
  readonly start?: Student;
}

/** @throws what `startStudent` and `trainStudent` throw */
export async function releasedStudent(
  served: ServedStatistics,
  similarity: ItemSimilarity,
  options: ReleasedStudentOptions,
): Promise<Student> {
  const { recipe, executor, walks, repeats, seed } = options;
  const sequences = sampleWalks(served, similarity, {
    ...{ walks, repeats, seed, length: walkLength, contentWeight: recipe.contentWeight },
    profile: { ...recipe, latest: walkProfile },
  });
  const start =
    options.start ??
    startStudent(options.spec ?? studentSpec(similarity.items), { popularity: served.popularity, similarity, seed });
  return trainStudent(start, sequences, executor, options);
}
