/** What replicas say to each other, as it arrives: another one may be of another version, so its words are narrowed like anybody's. */
import { fail, isTributaryError } from "@tributary/errors";
import { erasureNoteSchema, type Message, type MessageOf, nodeId, parseMessage, protocolVersion } from "@tributary/protocol";
import { z } from "zod";
import { parseRequest } from "../transport/answers.ts";

const step = z.custom<Message["step"]>((value) => typeof value === "string"); // only compared with steps that this version knows
const refusalCode = z.string().regex(/^TRB_[A-Z_]{1,60}$/);

const askForm = z.discriminatedUnion("kind", [
  z.object({ kind: z.enum(["message", "checkUpload", "uploaded"]), message: z.unknown() }),
  z.object({ kind: z.literal("erased"), note: erasureNoteSchema }),
  z.object({ kind: z.literal("connected"), node: nodeId, version: z.string().max(40) }),
]);

/** What the leader answers. */
export type Ask =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "checkUpload" | "uploaded"; readonly message: MessageOf<"masked"> }
  | Exclude<z.infer<typeof askForm>, { message?: unknown }>;

/**
 * @param roster nodes of the roster, which bounds lists in messages
 * @throws TRB_COORDINATOR_REQUEST_INVALID, and what `parseMessage` refuses
 */
export function parseAsk(value: unknown, roster: number): Ask {
  const ask = parseRequest(askForm, value);
  if (!("message" in ask)) return ask;
  const message = parseMessage(ask.message, protocolVersion, roster);
  if (ask.kind === "message") return { kind: ask.kind, message };
  if (message.step === "masked") return { kind: ask.kind, message };
  throw fail("TRB_COORDINATOR_REQUEST_INVALID", { path: "message", reason: "it is not of the step `masked`" });
}

/** What the leader takes in; nobody waits for it. */
export const tellSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("refused"), node: nodeId, step, round: z.int(), code: refusalCode }),
  z.object({ kind: z.literal("disconnected"), node: nodeId }),
]);
export type Tell = z.infer<typeof tellSchema>;

const unheard: ReadonlySet<string> = new Set([
  "TRB_COORDINATOR_NO_LEADER",
  "TRB_COORDINATOR_STOPPING",
  "TRB_COORDINATOR_FENCED",
  "TRB_COORDINATOR_DATABASE_UNREACHABLE",
]);

/** Whether a refusal leaves open that the leader has heard what it answers: then it has to be said again, and a leader has to tell again. */
export const isUnheard = (error: unknown): boolean => isTributaryError(error) && unheard.has(error.code);
