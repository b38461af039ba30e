/** The learning rate over a training's steps: a linear warm-up, then constant or down along half a cosine (Loshchilov & Hutter 2017). */

export interface Schedule {
  readonly learningRate: number;
  /** Steps until the full rate is reached. */
  readonly warmUpSteps: number;
  readonly decay: "constant" | "cosine";
  /** What is left of the rate at the last step, as a share of it; only `cosine` goes there. */
  readonly floor: number;
}

/**
 * @param step counts from 1
 * @param steps how many there are if nothing stops training early
 */
export function learningRateAt({ learningRate, warmUpSteps, decay, floor }: Schedule, step: number, steps: number): number {
  if (step <= warmUpSteps) return (learningRate * step) / warmUpSteps;
  if (decay === "constant") return learningRate;
  const done = Math.min(1, (step - warmUpSteps) / Math.max(1, steps - warmUpSteps));
  return learningRate * (floor + ((1 - floor) * (1 + Math.cos(Math.PI * done))) / 2);
}
