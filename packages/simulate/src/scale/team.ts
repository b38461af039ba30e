/** All threads of a run: the calling one and as many more as were asked for. */
import { startThread, type Thread } from "@tributary/model/workers";
import type { Crypto } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { openShare, type ShareResult, type ShareSetup, type ShareWord } from "./share.ts";

export interface ScaleTeam {
  readonly threads: number;
  /** Says a word of its own to each thread and waits for all of them. @param wordOf by the thread's number */
  all(wordOf: (thread: number) => ShareWord): Promise<readonly ShareResult[]>;
  close(): Promise<void>;
}

/** @throws TRB_TRAINING_THREAD_FAILED, and what loading the training graphs throws */
export async function openTeam(setup: ShareSetup, threads: number, crypto: Crypto, executor: Executor): Promise<ScaleTeam> {
  const entry = new URL("./share-worker.ts", import.meta.url);
  const others = Array.from(
    { length: Math.max(1, threads) - 1 },
    (_, place): Thread<ShareWord, ShareResult> => startThread(entry, `simulation ${place + 1}`, setup),
  );
  const close = async () => {
    await Promise.all(others.map((other) => other.end({ type: "close" })));
  };
  try {
    const [own] = await Promise.all([
      openShare(setup, crypto, executor),
      ...others.map((other) => other.ask({ type: "ready" })),
    ]);
    return {
      threads: others.length + 1,
      all(wordOf) {
        const theirs = others.map((other, place) => other.ask(wordOf(place + 1)));
        return Promise.all([own.obey(wordOf(0)), ...theirs]);
      },
      async close() {
        await own.obey({ type: "close" });
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
