/** A member of a central team in a thread of its own: orders come in as messages, answers go out in the same order. */
import { parentPort, workerData } from "node:worker_threads";
import { isTributaryError } from "@tributary/errors";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { createMember, type MemberSetup } from "../central/member.ts";
import type { Answer } from "./thread.ts";
import type { MemberResult, MemberWord } from "./words.ts";

const port = parentPort;
const setup: MemberSetup = workerData;
const member = createMember(setup, onnxruntimeExecutor());
member.catch(() => {}); // whoever asks whether it is ready hears of it

let turn: Promise<void> = Promise.resolve();
port?.on("message", (word: MemberWord) => {
  turn = turn.then(async () => {
    port.postMessage(await obey(word).then((result) => ({ result }), refusal));
    if (word.type === "close") port.close();
  });
});

async function obey(word: MemberWord): Promise<MemberResult> {
  const { gradient, move, ranks, close } = await member;
  if (word.type === "gradient") return gradient(word.order);
  if (word.type === "move") return move(word.step);
  if (word.type === "ranks") return ranks(word.order);
  if (word.type === "close") return close();
}

function refusal(error: unknown): Answer<MemberResult> {
  if (isTributaryError(error)) return { code: error.code, details: error.details };
  const reason = error instanceof Error ? error.message : "something that is no error was thrown";
  return { code: "TRB_TRAINING_THREAD_FAILED", details: { reason } };
}
