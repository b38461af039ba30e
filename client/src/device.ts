/**
 * Device mode: a node that holds one customer's history. There is no crowd in it that noise could hide anybody in, so it takes part only in plans that
 * protect whole nodes (`unit: node`): its update of several passes is clipped as one vector. That it takes part is seen, and the coordinator picks the
 * cohort, so nothing is claimed of sampling (q = 1): a device in `cap` rounds has ρ = cap·Δ²/2σ², and the cap is enforced here, by what the device
 * itself has charged, not by what the coordinator says.
 */
import { fail } from "@tributary/errors";
import type { Plan } from "@tributary/protocol";

/** What a device is told when it starts. */
export interface DeviceParticipation {
  /** Rounds that the plan permits; one more is refused with TRB_ROUND_RELEASE_SPENT, whoever offers it. */
  readonly most: number;
  /** Rounds that the device has been charged for. */
  readonly charged: number;
}

/** @throws TRB_NODE_DEVICE_PLAN */
export function requireDevicePlan({ unit }: Pick<Plan, "unit">): void {
  if (unit !== "node") throw fail("TRB_NODE_DEVICE_PLAN", { unit });
}

/** @throws TRB_NODE_DEVICE_CUSTOMERS */
export function requireOneCustomer(customers: number): void {
  if (customers !== 1) throw fail("TRB_NODE_DEVICE_CUSTOMERS", { customers });
}

export const participationOf = ({ releases }: Pick<Plan, "releases">, charged: number): DeviceParticipation => ({
  most: releases.reduce((sum, { rounds }) => sum + rounds, 0),
  charged,
});
