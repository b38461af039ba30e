/** What the coordinator answers, narrowed at the border; and its refusals, which come back as the coded errors they were. */
import { type ErrorCode, errorTable, fail, TributaryError } from "@tributary/errors";
import { identityKey, planSchema, rosterSchema, signatureHex } from "@tributary/protocol";
import { z } from "zod";

export const identityAnswer = z.object({ federation: z.string(), key: identityKey, signature: signatureHex });
export const joinAnswer = z.object({ plan: planSchema, planSignature: signatureHex, roster: rosterSchema });
export const rosterAnswer = rosterSchema;
/** How many octets of a vector the coordinator has. */
export const offsetAnswer = z.object({ offset: z.int().min(0) });

const refusalSchema = z.object({
  error: z.object({ code: z.string().max(80), message: z.string().max(4_000), advice: z.string().max(4_000) }),
});

/** A refusal that another process made: its code from the table, its words as they came. */
class RemoteRefusal extends TributaryError {
  override readonly advice: string;

  constructor(code: ErrorCode, message: string, advice: string) {
    super(code);
    this.message = message;
    this.advice = advice;
  }
}

/** The refusal in an answer, if it is one. */
export function refusalIn(answer: unknown): TributaryError | undefined {
  const parsed = refusalSchema.safeParse(answer);
  if (!parsed.success) return undefined;
  const { code, message, advice } = parsed.data.error;
  if (!isErrorCode(code)) {
    return fail("TRB_NODE_COORDINATOR_ANSWER", {
      request: "the request",
      reason: `it refused with the unknown code ${printable(code)}`,
    });
  }
  return new RemoteRefusal(code, printable(message), printable(advice));
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorTable, code);
}

/** Without control characters: another machine's words end up on this one's terminal. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, " ");
}
