/** A central team whose members are threads: parameters and gradients lie in shared memory, everything else is said in messages. */
import type { BatchTotals } from "../central/batch-gradient.ts";
import type { Member, MemberSetup, PartialRanks } from "../central/member.ts";
import { createTeam, shardsOfBatch, type Team, type TeamTask } from "../central/team.ts";
import { startThread } from "./thread.ts";
import type { MemberResult, MemberWord } from "./words.ts";

/**
 * Starts a team of threads, each with its own sessions of ONNX Runtime.
 * @param threads how many; more than `shardsOfBatch` are not started
 * @throws TRB_TRAINING_THREAD_FAILED, and what loading and training throw
 */
export function threadTeam(task: TeamTask, threads: number): Promise<Team> {
  const members = Math.max(1, Math.min(threads, shardsOfBatch));
  return createTeam(task, members, shared, startMember);
}

const shared = (length: number) => new Float32Array(new SharedArrayBuffer(4 * length));

async function startMember(setup: MemberSetup): Promise<Member> {
  const entry = new URL("./central-worker.ts", import.meta.url);
  const thread = startThread<MemberWord, MemberResult>(entry, "central training", setup);
  const ask = <Result extends MemberResult>(word: MemberWord) => thread.ask(word) as Promise<Result>;
  try {
    await ask<undefined>({ type: "ready" });
  } catch (error) {
    await thread.end({ type: "close" });
    throw error;
  }
  return {
    gradient: (order) => ask<BatchTotals>({ type: "gradient", order }),
    move: (step) => ask<undefined>({ type: "move", step }),
    ranks: (order) => ask<PartialRanks>({ type: "ranks", order }),
    close: () => thread.end({ type: "close" }),
  };
}
