/** The plan of rounds that are timed: one release of about so many parameters, everybody in every round, deadlines that keep nobody waiting. */

import type { PackedBits } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { type Catalogue, makeCatalogue } from "@tributary/events";
import { graphVersion } from "@tributary/model";
import { type Crypto, type IdentityKey, leastUploadOffset, type Plan } from "@tributary/protocol";
import { planDocument } from "../plan-document.ts";
import { modelOfSize, scalePlan } from "../scale/scale-plan.ts";

export interface RoundPlanRequest {
  readonly nodes: number;
  readonly parameters: number;
  readonly rounds: number;
  /** What a coordinate is sent in; 32 unless given. */
  readonly bits?: PackedBits | undefined;
  readonly coordinatorKey: IdentityKey;
  /** How long uploads are waited for, in milliseconds: what a round with dropouts waits in vain. */
  readonly uploadDeadline: number;
}

/** Long enough for any step on a machine that does a hundred other things. */
const patience = 600_000;

/** @throws TRB_SIMULATE_BATCH_TOO_LARGE, and what `scalePlan` throws */
export function roundPlan(crypto: Crypto, request: RoundPlanRequest): { readonly plan: Plan; readonly catalogue: Catalogue } {
  const { nodes, rounds, bits, coordinatorKey, uploadDeadline } = request;
  const model = modelOfSize(request.parameters);
  const { plan, why } = scalePlan({
    ...{ nodes, cohort: nodes, customers: nodes, unit: "node", model, catalogueItems: model.items },
    ...{ epsilon: 8, delta: 1e-9, rounds },
    local: { epochs: 1, batchSize: 32, learningRate: 0.05 },
    ...(bits === undefined ? {} : { bits }),
  });
  if (plan.releases[0]?.rounds !== rounds) throw fail("TRB_UNEXPECTED", { reason: why.join(" ") });
  const catalogue = makeCatalogue(
    Array.from({ length: model.items }, (_, item) => ({ id: `item-${String(item).padStart(7, "0")}` })),
  );
  const [keys, shares, consistency, unmask, grace] = Array.from({ length: 5 }, () => patience) as [
    number,
    number,
    number,
    number,
    number,
  ];
  // nothing is trained, so nothing is waited for but the least offset that a plan may name
  const uploadOffset = leastUploadOffset(plan);
  const deadlines = { keys, shares, uploadOffset, masked: uploadDeadline + uploadOffset, consistency, unmask, grace };
  const document = planDocument(
    crypto,
    { ...plan, graphVersion, deadlines },
    { federation: "benchmark", coordinatorKey, catalogue, catalogueProvenance: "public" },
  );
  return { plan: document, catalogue };
}
