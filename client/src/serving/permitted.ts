/** How this node may serve: what policy.json says, and what the command line makes stricter. */
import { fail } from "@tributary/errors";
import type { Policy } from "../policy-document.ts";

export interface ServingLimits {
  /** `releasedOnly`: nothing that the merchant counted, trained or tuned serves. */
  readonly mode: "inHouse" | "releasedOnly";
  /** Distinct customers that an exact own pair needs to be served. */
  readonly minSupport: number;
}

/**
 * @param asked what isn't said is as the policy has it
 * @throws TRB_POLICY_SERVING_LOOSER, where less is asked for than the policy wants
 */
export function permittedServing(
  { serve }: Pick<Policy, "serve">,
  { mode = serve.mode, minSupport = serve.minSupport }: Partial<ServingLimits>,
): ServingLimits {
  if (serve.mode === "releasedOnly" && mode === "inHouse")
    throw fail("TRB_POLICY_SERVING_LOOSER", { field: "mode", asked: mode, permitted: serve.mode });
  if (minSupport < serve.minSupport)
    throw fail("TRB_POLICY_SERVING_LOOSER", { field: "minSupport", asked: minSupport, permitted: serve.minSupport });
  return { mode, minSupport };
}
