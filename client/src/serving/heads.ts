/** What the heads of a model say of own customers' cases, for whoever weighs, calibrates or judges them by what came of it. */
import type { Histories } from "@tributary/events";
import { type ItemContent, openScorer, type Scores, type Stretch, type Student } from "@tributary/model";
import type { Executor } from "@tributary/tensor";

interface Heads {
  readonly student: Student;
  readonly content: ItemContent | undefined;
}

const atOnce = 64;

/** @param rowsOf of one batch's answer, a row a stretch */
async function said<Row>(
  { student, content }: Heads,
  executor: Executor,
  histories: Histories,
  stretches: readonly Stretch[],
  rowsOf: (scores: Scores, batch: number) => readonly Row[],
): Promise<readonly Row[]> {
  const scorer = await openScorer(student.spec, student.parameters, executor, content);
  try {
    const rows: Row[] = [];
    for (let first = 0; first < stretches.length; first += atOnce) {
      const batch = stretches.slice(first, first + atOnce);
      rows.push(...rowsOf(await scorer.score(histories, batch), batch.length));
    }
    return rows;
  } finally {
    await scorer.close();
  }
}

/** @returns a stretch's log-odds of churn; 0 of a model without that head */
export function churnSaid(
  heads: Heads,
  executor: Executor,
  histories: Histories,
  stretches: readonly Stretch[],
): Promise<readonly number[]> {
  return said(heads, executor, histories, stretches, ({ churn }, batch) =>
    Array.from(churn ?? new Float64Array(batch).fill(0.5), logOdds),
  );
}

/** @returns [stretches, actions] logits of the next action; empty rows of a model without that head */
export function actionsSaid(
  heads: Heads,
  executor: Executor,
  histories: Histories,
  stretches: readonly Stretch[],
): Promise<readonly ArrayLike<number>[]> {
  return said(heads, executor, histories, stretches, ({ actions = new Float32Array(0) }, batch) => {
    const width = actions.length / batch;
    return Array.from({ length: batch }, (_, row) => actions.subarray(row * width, (row + 1) * width));
  });
}

const logOdds = (probability: number): number => {
  const bounded = Math.min(1 - 1e-6, Math.max(1e-6, probability));
  return Math.log(bounded / (1 - bounded));
};
