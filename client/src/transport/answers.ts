/** What the coordinator answers, narrowed at the border; and its refusals, which come back as the coded errors they were. */
import { fail, type TributaryError } from "@tributary/errors";
import { identityKey, planSchema, refusalIn as refusalOf, rosterSchema, signatureHex } from "@tributary/protocol";
import { z } from "zod";

export const identityAnswer = z.object({ federation: z.string(), key: identityKey, signature: signatureHex });
export const joinAnswer = z.object({ plan: planSchema, planSignature: signatureHex, roster: rosterSchema });
export const rosterAnswer = rosterSchema;
/** How many octets of a vector the coordinator has. */
export const offsetAnswer = z.object({ offset: z.int().min(0) });

/** Longer is nobody kept away, in seconds. */
const longestPause = 60;
const pauseAnswer = z.object({ retryAfter: z.number().min(0) });

/** After how many milliseconds a refusal may be otherwise, where it says so: what the header `retry-after` is over HTTP. */
export function retryAfterIn(answer: unknown): number | undefined {
  const asked = pauseAnswer.safeParse(answer);
  return asked.success ? 1e3 * Math.min(asked.data.retryAfter, longestPause) : undefined;
}

/** The refusal in an answer, if it is one. */
export const refusalIn = (answer: unknown): TributaryError | undefined =>
  refusalOf(answer, (code) =>
    fail("TRB_NODE_COORDINATOR_ANSWER", { request: "the request", reason: `it refused with the unknown code ${code}` }),
  );
