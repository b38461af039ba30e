/** A central team whose members are threads: parameters and gradients lie in shared memory, everything else is said in messages. */
import { SHARE_ENV, Worker } from "node:worker_threads";
import { fail } from "@tributary/errors";
import type { BatchTotals } from "../central/batch-gradient.ts";
import type { Member, MemberSetup, PartialRanks } from "../central/member.ts";
import { createTeam, shardsOfBatch, type Team, type TeamTask } from "../central/team.ts";
import type { MemberAnswer, MemberResult, MemberWord } from "./words.ts";

/**
 * Starts a team of threads, each with its own sessions of ONNX Runtime.
 * @param threads how many; more than `shardsOfBatch` are not started
 * @throws TRB_TRAINING_THREAD_FAILED, and what loading and training throw
 */
export function threadTeam(task: TeamTask, threads: number): Promise<Team> {
  const members = Math.max(1, Math.min(threads, shardsOfBatch));
  return createTeam(task, members, shared, startThread);
}

const shared = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));

async function startThread(setup: MemberSetup): Promise<Member> {
  // the executor turns ONNX Runtime's telemetry off in the environment, of which the thread would have a copy only
  const worker = new Worker(new URL("./central-worker.ts", import.meta.url), {
    workerData: setup,
    name: "central training",
    env: SHARE_ENV,
  });
  const waiting: { readonly resolve: (result: MemberResult) => void; readonly reject: (error: unknown) => void }[] = [];
  let over: unknown;
  const end = (error: unknown) => {
    over ??= error;
    for (const { reject } of waiting.splice(0)) reject(over);
  };
  worker.on("message", (answer: MemberAnswer) => {
    const asked = waiting.shift();
    if ("code" in answer) asked?.reject(fail(answer.code, answer.details));
    else asked?.resolve(answer.result);
  });
  worker.on("error", (error) => end(fail("TRB_TRAINING_THREAD_FAILED", { reason: error.message }, error)));
  worker.on("exit", () => end(fail("TRB_TRAINING_THREAD_FAILED", { reason: "it has ended" })));
  const ask = <Result extends MemberResult>(word: MemberWord): Promise<Result> =>
    new Promise<MemberResult>((resolve, reject) => {
      if (over !== undefined) return reject(over);
      waiting.push({ resolve, reject });
      worker.postMessage(word);
    }) as Promise<Result>;
  try {
    await ask<undefined>({ type: "ready" });
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    gradient: (order) => ask<BatchTotals>({ type: "gradient", order }),
    move: (step) => ask<undefined>({ type: "move", step }),
    ranks: (order) => ask<PartialRanks>({ type: "ranks", order }),
    async close() {
      if (over === undefined) await ask<undefined>({ type: "close" }).catch(() => {});
      await worker.terminate();
    },
  };
}
