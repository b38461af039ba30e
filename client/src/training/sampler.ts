/** Whose sampler draws this node's noise: the plan says so, and the ledger's entries say it again. */
import type { SamplerOf } from "@tributary/dp";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import type { Plan } from "@tributary/protocol";

/**
 * Undefined for ours, which `dp` takes by itself. OpenDP's is loaded only here, when a plan names it.
 * @throws TRB_OPENDP_NOT_BUILT, TRB_OPENDP_ARTEFACT_CHANGED
 */
export async function plannedSampler({ sampler }: Pick<Plan, "sampler">): Promise<SamplerOf | undefined> {
  if (sampler === "exact") return undefined;
  const { openOpenDp } = await import("@opendp/opendp").catch((cause: unknown) => {
    // in a checkout it is there, if only to say that it isn't built
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: "the package @opendp/opendp can't be loaded" }, cause);
  });
  return (await openOpenDp()).discreteGaussian;
}

/** Why this node can't draw the noise that the plan asks for; none: it can. */
export async function samplerRefusals(plan: Pick<Plan, "sampler">): Promise<TributaryError[]> {
  try {
    await plannedSampler(plan);
    return [];
  } catch (error) {
    if (isTributaryError(error)) return [error];
    throw error;
  }
}
