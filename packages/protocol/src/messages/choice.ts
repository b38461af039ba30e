/** What a vote for a set of survivors says: the sets themselves, or their hash where they are long and the voters many. */
import { hashOf } from "../canonical/canonical.ts";
import type { Crypto } from "../crypto/crypto.ts";
import type { NodeId } from "../identifiers.ts";
import { isGraphRound } from "../plan/graph.ts";
import type { Plan } from "../plan/schema.ts";
import type { BodyOf } from "./schemas.ts";

/**
 * @param cohort how many nodes are in U1
 * @param sharers U2
 * @param survivors U3
 */
export function survivorChoice(
  crypto: Pick<Crypto, "sha256">,
  plan: Pick<Plan, "graph">,
  cohort: number,
  sharers: readonly NodeId[],
  survivors: readonly NodeId[],
): BodyOf<"vote">["choice"] {
  const sets = { sharers: [...sharers], survivors: [...survivors] };
  return isGraphRound(plan, cohort) ? { for: "sets", sha256: hashOf(crypto, sets) } : { for: "survivors", ...sets };
}
