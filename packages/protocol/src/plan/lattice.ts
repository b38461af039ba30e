/**
 * The accountant `lattice`: discrete Gaussian noise on integer vectors, of everybody, costs what continuous noise costs and two tiny terms more
 * (`latticeGaussianEpsilon` of `dp`, theorem and proof). It is proven for unsampled releases only, each of which may be chosen by what the ones before
 * it showed; a plan that holds anything else is refused.
 */
import { type LatticeRelease, sumQueryParameters, toNumber } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { parseDecimal } from "../canonical/decimals.ts";
import type { Plan } from "./schema.ts";
import { sumQueryOf } from "./sum-query.ts";

/** Why the theorem says nothing of a plan, and of which field; none: it holds. */
export function latticeFaults(plan: Plan): readonly { readonly path: string; readonly reason: string }[] {
  const { releases, selection, noiseMode } = plan;
  const sampled = releases.flatMap(({ kind, samplingRate }, place) =>
    parseDecimal(samplingRate) === 1
      ? []
      : [
          {
            path: `releases.${place}.samplingRate`,
            reason: `its ${kind} is of a sample of customers, and only sums of everybody are proven`,
          },
        ],
  );
  return [
    ...sampled,
    ...(selection === undefined
      ? []
      : [{ path: "selection", reason: "its recipe was chosen privately, which only Rényi divergences bound" }]),
    ...(noiseMode === "central"
      ? [{ path: "noiseMode", reason: "its noise is central, and the theorem is about the discrete noise that nodes draw" }]
      : []),
  ];
}

/** One round of a release, and σ in the integers that it is released in. @throws TRB_PLAN_LATTICE_UNFIT, and the codes of `sumQueryParameters` */
export function latticeReleases(plan: Plan): readonly LatticeRelease[] {
  const [fault] = latticeFaults(plan);
  if (fault !== undefined) throw fail("TRB_PLAN_LATTICE_UNFIT", { reason: fault.reason });
  return plan.releases.map(({ noiseMultiplier, touched, dimension }, place) => {
    const { nodeVariance, honestNodes } = sumQueryParameters(sumQueryOf(plan, place));
    const deviation = Math.sqrt(toNumber(nodeVariance, "down") * honestNodes) * (1 - 2 ** -50);
    // a person at k merchants moves what k customers move, by k times as much, which z counts already
    const moved = Math.min(dimension, touched * plan.maxMerchantsPerCustomer);
    return { noiseMultiplier: parseDecimal(noiseMultiplier), deviation, touched: moved };
  });
}
