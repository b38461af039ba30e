/**
 * The main thread's side of training: one thread, started when it is first needed and again after it died. Fetching the model is
 * part of a job, since the time for it is the round's.
 */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import type { Sha256 } from "@tributary/protocol";
import type { Failure, TrainingAnswer, TrainingJob, TrainingOrder } from "./words.ts";

interface RoundOrder {
  readonly round: number;
  readonly release: number;
  readonly modelHash: Sha256;
  readonly stopAt: number;
}

export interface Training {
  /**
   * Starts the thread and has it load histories and graphs, so that the first round's time is for training.
   * @throws TRB_NODE_TRAINING_FAILED when this machine can't train
   */
  prepare(): Promise<void>;
  start(order: RoundOrder): void;
  /** Gives this round, and every one before it, up. */
  stop(round: number): void;
  close(): Promise<void>;
}

/** A thread that trains: a worker of Node (`node-thread.ts`) or of a browser. */
export interface TrainingThread {
  post(order: TrainingOrder, transfer: ArrayBuffer[]): void;
  /** Work for rounds up to this one may end at once. @returns false when the thread itself ended with it, and holds nothing any more */
  stop(round: number): boolean;
  /** Resolves once the thread is gone. */
  end(): Promise<void>;
}

export interface ThreadHearing {
  readonly answer: (answer: TrainingAnswer) => void;
  /** The thread is gone, though nobody asked for it. */
  readonly died: (reason: string) => void;
}

export interface TrainingEvents {
  readonly onTrained: (round: number, vector: Uint32Array) => void;
  /** A round's time was too short for this machine. Said once, and not of which round: that would depend on who was sampled. */
  readonly onOutOfTime: () => void;
  /** Training failed on a sample, which is noise alone then. Said once, and not of which round, for the same reason. */
  readonly onNoiseAlone: (failure: Failure) => void;
  readonly onFailed: (round: number, error: TributaryError) => void;
}

export interface TrainingOptions {
  readonly open: (hear: ThreadHearing) => TrainingThread;
  readonly fetchModel: (sha256: Sha256, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;
  readonly events: TrainingEvents;
}

export function superviseTraining({ open: openThread, fetchModel, events }: TrainingOptions): Training {
  const { onTrained, onOutOfTime, onNoiseAlone, onFailed } = events;
  let stopped = 0;
  let thread: TrainingThread | undefined;
  /** The model that the living thread holds. */
  let held: Sha256 | undefined;
  let saidOutOfTime = false;
  let saidNoiseAlone = false;
  const prepared = Promise.withResolvers<void>();
  prepared.promise.catch(() => {}); // whoever called `prepare` hears of it
  const open = new Map<number, AbortController>();

  const settle = (round: number): boolean => open.delete(round) && stopped < round;
  const failRound = (round: number, error: TributaryError): void => {
    if (settle(round)) onFailed(round, error);
  };

  const begin = (): TrainingThread => {
    const started: TrainingThread = openThread({
      answer(answer) {
        if (answer.type === "trained" && answer.outOfTime && !saidOutOfTime) {
          saidOutOfTime = true;
          onOutOfTime();
        }
        if (answer.type === "trained" && answer.failure && !saidNoiseAlone) {
          saidNoiseAlone = true;
          onNoiseAlone(answer.failure);
        }
        if (answer.type === "prepared") prepared.resolve();
        else if (answer.type === "failed" && answer.round === 0) {
          prepared.reject(fail("TRB_NODE_TRAINING_FAILED", { round: 0, reason: `${answer.code}: ${answer.reason}` }));
        } else if (answer.type === "failed") {
          held = undefined;
          failRound(
            answer.round,
            fail("TRB_NODE_TRAINING_FAILED", { round: answer.round, reason: `${answer.code}: ${answer.reason}` }),
          );
        } else if (answer.type === "stopped") settle(answer.round);
        else if (settle(answer.round)) onTrained(answer.round, answer.vector);
        else answer.vector.fill(0);
      },
      died(reason) {
        if (thread !== started) return;
        thread = undefined;
        held = undefined;
        prepared.reject(fail("TRB_NODE_TRAINING_FAILED", { round: 0, reason }));
        for (const round of [...open.keys()]) failRound(round, fail("TRB_NODE_TRAINING_FAILED", { round, reason }));
      },
    });
    return started;
  };

  const send = async (order: RoundOrder, signal: AbortSignal): Promise<void> => {
    const { round, modelHash } = order;
    let model: Uint8Array<ArrayBuffer> | null = null;
    if (held !== modelHash) model = await fetchModel(modelHash, signal);
    if (!open.has(round)) return;
    thread ??= begin();
    const job: TrainingJob = { type: "train", ...order, model };
    held = modelHash;
    thread.post(job, model !== null && model.byteLength === model.buffer.byteLength ? [model.buffer] : []);
  };

  return {
    prepare() {
      thread ??= begin();
      thread.post({ type: "prepare" }, []);
      return prepared.promise;
    },
    start(order) {
      const control = new AbortController();
      open.set(order.round, control);
      send(order, control.signal).catch((error: unknown) => {
        const reason = isTributaryError(error) ? `${error.code}: ${error.message}` : "the model can't be fetched";
        failRound(order.round, fail("TRB_NODE_TRAINING_FAILED", { round: order.round, reason }, error));
      });
    },
    stop(round) {
      stopped = Math.max(stopped, round);
      let busy = false;
      for (const [started, control] of open) {
        if (started > round) continue;
        control.abort();
        open.delete(started);
        busy = true;
      }
      if (!busy || thread === undefined || thread.stop(round)) return;
      thread = undefined;
      held = undefined;
    },
    async close() {
      const ending = thread;
      thread = undefined;
      this.stop(2 ** 31 - 1);
      ending?.stop(2 ** 31 - 1);
      await ending?.end();
    },
  };
}
