/**
 * A trainer whose buckets are spread over threads, each with sessions of its own. A bucket's integers depend on nothing but its
 * customers, and integers add up in any order: how many threads there are changes no bit of the sum.
 */
import { widenSupport } from "@tributary/dp";
import type { Histories } from "@tributary/events/histories";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { ModelSpec } from "../spec.ts";
import { trainedCount } from "../trained-tensors.ts";
import { createPartialTrainer, type PartialSum, type PartialTrainer } from "../training/partial-sum.ts";
import { nobody, roundOf, type SumRequest, type Trainer, type TrainerOptions } from "../training/trainer.ts";
import { startThread, type Thread } from "./thread.ts";
import type { ShareResult, ShareSetup, ShareWord } from "./words.ts";

/** Milliseconds between two looks at the clock while others still work. */
const pause = 5;

type Share = Thread<ShareWord, ShareResult>;

/**
 * Starts the threads and loads the graphs in all of them.
 * @param threads how many work at a time, the calling one among them
 * @throws what `createTrainer` throws, and TRB_TRAINING_THREAD_FAILED
 */
export async function createThreadTrainer(spec: ModelSpec, threads: number, options: TrainerOptions = {}): Promise<Trainer> {
  const setup: ShareSetup = { spec, options };
  const entry = new URL("./private-worker.ts", import.meta.url);
  const shares = Array.from({ length: Math.max(1, threads) - 1 }, (): Share => startThread(entry, "private training", setup));
  const loading = [
    createPartialTrainer(spec, onnxruntimeExecutor(), options),
    ...shares.map((share) => share.ask({ type: "ready" })),
  ];
  const loaded = await Promise.allSettled(loading);
  const own = await (loading[0] as Promise<PartialTrainer>).catch(() => undefined);
  const failed = loaded.find((result) => result.status === "rejected");
  const close = async () => {
    await Promise.all([own?.close(), ...shares.map((share) => share.end({ type: "close" }))]);
  };
  if (own === undefined || failed) {
    await close();
    throw failed?.reason;
  }
  const dimension = trainedCount(spec, options.trained);
  let held: Histories | undefined;
  return {
    async sum(request) {
      if (request.deadline?.()) return nobody(new Float64Array(dimension), request);
      const { histories, deadline: _, into, support, ...round } = roundOf(spec, dimension, request);
      if (support) widenSupport(support, 0, dimension); // where other threads add is not told
      const sent = held === histories ? [] : shares.map((share) => share.ask({ type: "histories", histories }));
      held = histories;
      const late = new Int32Array(new SharedArrayBuffer(4));
      const isLate = () => {
        if (request.deadline?.()) Atomics.store(late, 0, 1);
        return Atomics.load(late, 0) !== 0;
      };
      const workers = shares.length + 1;
      const watch = request.deadline && setInterval(isLate, pause);
      try {
        const theirs = shares.map((share, place) =>
          share.ask({ type: "sum", request: { ...round, worker: place + 1, workers }, late }),
        );
        const mine = own.sum({
          ...round,
          ...(into && { into }),
          ...(support && { support }),
          histories,
          deadline: isLate,
          worker: 0,
          workers,
        });
        const [first, others] = await Promise.all([mine, Promise.all(theirs), Promise.all(sent)]);
        return added(first, others, request);
      } catch (error) {
        Atomics.store(late, 0, 1);
        throw error;
      } finally {
        clearInterval(watch);
      }
    },
    close,
  };
}

/** All shares together, in the first one's array; if time ran out for one of them, nobody's. */
function added(first: PartialSum, others: readonly ShareResult[], request: SumRequest): Awaited<ReturnType<Trainer["sum"]>> {
  const { total } = first;
  let { customers, zeroed, late } = first;
  for (const part of others) {
    if (part === undefined) continue;
    for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) + (part.total[i] as number);
    part.total.fill(0);
    customers += part.customers;
    zeroed += part.zeroed;
    late ||= part.late;
  }
  return late ? nobody(total, request) : { total, counts: { customers, zeroed, skipped: 0 } };
}
