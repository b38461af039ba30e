/** From the planner's choice to plan.json: adds what follows from it (hashes) and whose federation it is. */
import { type Catalogue, catalogueBytes } from "@tributary/events";
import { encodeFederationModel, graphHashOf, initialFederationModel } from "@tributary/federation";
import { type Crypto, type IdentityKey, type Plan, parsePlan, type Sha256, toHex } from "@tributary/protocol";
import type { PlannedNumbers } from "./planner/choose-plan.ts";

export interface PlanIdentity {
  readonly federation: string;
  readonly coordinatorKey: IdentityKey;
  readonly catalogue: Catalogue;
  readonly catalogueProvenance: Plan["catalogueProvenance"];
}

/** @throws TRB_PLAN_INVALID when the numbers don't fit the schema */
export function planDocument(crypto: Crypto, numbers: PlannedNumbers, identity: PlanIdentity): Plan {
  const { model, trained } = numbers;
  const hash = (bytes: Uint8Array) => toHex(crypto.sha256(bytes)) as Sha256;
  return parsePlan({
    ...numbers,
    federation: identity.federation,
    graphHash: graphHashOf(crypto, model, trained),
    initialModelHash: hash(encodeFederationModel(numbers, initialFederationModel(crypto, numbers))),
    catalogueHash: hash(catalogueBytes(identity.catalogue)),
    catalogueProvenance: identity.catalogueProvenance,
    coordinatorKey: identity.coordinatorKey,
  });
}
