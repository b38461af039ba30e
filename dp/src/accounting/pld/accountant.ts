/**
 * The accountant `pld`: privacy loss distributions. Tight to the grid for everything with a known dominating pair; Gaussian releases without
 * sampling add up to one (μ² = Σ 1/z²), which alone is answered by its exact formula; equal discrete Gaussians of one number are composed
 * on a grid that holds their losses exactly.
 */
import { fail } from "@tributary/errors";
import { type Releases, releaseKey } from "../events.ts";
import { gaussianDelta, gaussianEpsilon } from "../gaussian-dp.ts";
import { type Answer, type CountedLosses, compose } from "./composition.ts";
import { gaussianLoss, privacyLosses } from "./losses.ts";
import type { Question } from "./tail.ts";

/** @param interval nats; chosen by the width of the losses unless given */
export function lossBound(releases: readonly Releases[], question: Question, interval?: number): Answer {
  let squares = 0; // Σ 1/z² of Gaussian releases without sampling
  const parts: CountedLosses[] = [];
  for (const { event, count } of releases) {
    if (event.kind === "gaussian" && event.samplingRate === 1) squares += count / event.noiseMultiplier ** 2;
    else parts.push({ key: releaseKey(event), losses: privacyLosses(event), count });
  }
  const mu = Math.sqrt(squares);
  if (mu === Number.POSITIVE_INFINITY) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  if (parts.length === 0) {
    const exact = "epsilon" in question ? gaussianDelta(mu, question.epsilon) : gaussianEpsilon(mu, question.delta);
    return { upper: exact, lower: exact, interval: 0, widened: [] };
  }
  if (mu > 0) {
    const loss = gaussianLoss(mu);
    parts.push({ key: `gaussian ${mu}`, losses: { remove: loss, add: loss }, count: 1 });
  }
  return compose(parts, question, interval ?? commonInterval(parts));
}

/** Losses finer than this are rounded to the usual grid, where that hardly shows. */
const finestExact = 1e-4;

/** The interval of which all losses are multiples, where there is one: without rounding, the answer is exact to the transform. */
function commonInterval(parts: readonly CountedLosses[]): number | undefined {
  const [interval] = parts.map(({ losses }) => losses.remove.atoms?.interval);
  if (interval === undefined || interval < finestExact) return undefined;
  return parts.every(({ losses }) => losses.remove.atoms?.interval === interval) ? interval : undefined;
}
