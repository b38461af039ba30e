/** ε of several releases together, by the plan's accountant: as `planCost` of `protocol` has it, before there is a plan. */
import { composeRdp, epsilonFromRdp, rdpIntegerOrders, rdpVector, type SampledGaussian } from "@tributary/dp";

/** @throws TRB_DP_DELTA_INVALID, TRB_DP_EPSILON_UNBOUNDED */
export function costOf(events: readonly SampledGaussian[], delta: number): number {
  return epsilonFromRdp(rdpIntegerOrders, composeRdp(...events.map((event) => rdpVector(event))), delta).epsilon;
}
