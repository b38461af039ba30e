/** From the planner's choice to plan.json: adds what follows from it (hashes) and whose federation it is. */
import { type Catalogue, catalogueBytes } from "@tributary/events";
import { broughtModel, encodeFederationModel, graphHashOf, initialFederationModel } from "@tributary/federation";
import { type Crypto, type IdentityKey, type Plan, parsePlan, type Sha256, toHex } from "@tributary/protocol";
import type { PlannedNumbers } from "./planner/choose-plan.ts";

export interface PlanIdentity {
  readonly federation: string;
  readonly coordinatorKey: IdentityKey;
  readonly catalogue: Catalogue;
  readonly catalogueProvenance: Plan["catalogueProvenance"];
  /** Where training begins, of public knowledge alone; default: the model that follows from the spec. */
  readonly initialParameters?: Float32Array;
}

/** @throws TRB_PLAN_INVALID when the numbers don't fit the schema */
export function planDocument(crypto: Crypto, numbers: PlannedNumbers, identity: PlanIdentity): Plan {
  const { model, trained } = numbers;
  const hash = (bytes: Uint8Array) => toHex(crypto.sha256(bytes)) as Sha256;
  const { initialParameters } = identity;
  const initial =
    initialParameters === undefined ? initialFederationModel(crypto, numbers) : broughtModel(numbers, initialParameters);
  return parsePlan({
    ...numbers,
    federation: identity.federation,
    graphHash: graphHashOf(crypto, model, trained),
    initialModelHash: hash(encodeFederationModel(numbers, initial)),
    ...(initialParameters === undefined ? {} : { initialModel: "public" }),
    catalogueHash: hash(catalogueBytes(identity.catalogue)),
    catalogueProvenance: identity.catalogueProvenance,
    coordinatorKey: identity.coordinatorKey,
  });
}
