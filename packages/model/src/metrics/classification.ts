/** How well classes are told apart: accuracy, precision, recall and F1 of a single-label classifier. */

export interface ClassMetrics {
  readonly precision: number;
  readonly recall: number;
  /** Harmonic mean of precision and recall. */
  readonly f1: number;
  /** How often the class was true. */
  readonly support: number;
}

export interface ClassificationMetrics {
  readonly count: number;
  readonly accuracy: number;
  /** Unweighted means over the classes that were true or predicted at least once. */
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
  readonly classes: readonly ClassMetrics[];
}

/**
 * @param predicted class of each example, 0 ≤ class < classes
 * @param truth class of each example
 */
export function classificationMetrics(
  predicted: ArrayLike<number>,
  truth: ArrayLike<number>,
  classes: number,
): ClassificationMetrics {
  const right = new Float64Array(classes);
  const predictions = new Float64Array(classes);
  const support = new Float64Array(classes);
  for (let i = 0; i < truth.length; i++) {
    const guess = predicted[i] as number;
    const fact = truth[i] as number;
    predictions[guess] = (predictions[guess] as number) + 1;
    support[fact] = (support[fact] as number) + 1;
    if (guess === fact) right[fact] = (right[fact] as number) + 1;
  }
  const perClass = Array.from({ length: classes }, (_, c): ClassMetrics => {
    const precision = ratio(right[c] as number, predictions[c] as number);
    const recall = ratio(right[c] as number, support[c] as number);
    return { precision, recall, f1: ratio(2 * precision * recall, precision + recall), support: support[c] as number };
  });
  const present = perClass.filter((metrics, c) => metrics.support > 0 || (predictions[c] as number) > 0);
  const mean = (of: (metrics: ClassMetrics) => number) =>
    ratio(
      present.reduce((sum, m) => sum + of(m), 0),
      present.length,
    );
  return {
    count: truth.length,
    accuracy: ratio(
      right.reduce((sum, n) => sum + n, 0),
      truth.length,
    ),
    precision: mean((m) => m.precision),
    recall: mean((m) => m.recall),
    f1: mean((m) => m.f1),
    classes: perClass,
  };
}

const ratio = (part: number, whole: number) => (whole === 0 ? 0 : part / whole);
