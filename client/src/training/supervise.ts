/**
 * The main thread's side of training: one worker, started when it is first needed and again after it died. Fetching the model is
 * part of a job, since the time for it is the round's.
 */
import { SHARE_ENV, Worker } from "node:worker_threads";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import type { NodeId, Plan, Sha256 } from "@tributary/protocol";
import type { Failure, TrainingAnswer, TrainingEnd, TrainingJob, TrainingPreparation, TrainingSetup } from "./words.ts";

interface RoundOrder {
  readonly round: number;
  readonly release: number;
  readonly modelHash: Sha256;
  readonly stopAt: number;
}

export interface Training {
  /**
   * Starts the worker and has it load histories and graphs, so that the first round's time is for training.
   * @throws TRB_NODE_TRAINING_FAILED when this machine can't train
   */
  prepare(): Promise<void>;
  start(order: RoundOrder): void;
  /** Gives this round, and every one before it, up. */
  stop(round: number): void;
  close(): Promise<void>;
}

export interface TrainingOptions {
  readonly entry: URL;
  readonly home: string;
  readonly node: NodeId;
  readonly plan: Plan;
  readonly threads: number;
  readonly fetchModel: (sha256: Sha256, signal: AbortSignal) => Promise<Uint8Array<ArrayBuffer>>;
  readonly onTrained: (round: number, vector: Uint32Array) => void;
  /** A round's time was too short for this machine. Said once, and not of which round: that would depend on who was sampled. */
  readonly onOutOfTime: () => void;
  /** Training failed on a sample, which is noise alone then. Said once, and not of which round, for the same reason. */
  readonly onNoiseAlone: (failure: Failure) => void;
  readonly onFailed: (round: number, error: TributaryError) => void;
}

export function superviseTraining(options: TrainingOptions): Training {
  const { entry, home, node, plan, threads, fetchModel, onTrained, onOutOfTime, onNoiseAlone, onFailed } = options;
  const stopped = new Int32Array(new SharedArrayBuffer(4));
  let worker: Worker | undefined;
  /** The model that the living worker holds. */
  let held: Sha256 | undefined;
  let saidOutOfTime = false;
  let saidNoiseAlone = false;
  const prepared = Promise.withResolvers<void>();
  prepared.promise.catch(() => {}); // whoever called `prepare` hears of it
  const open = new Map<number, AbortController>();

  const settle = (round: number): boolean => open.delete(round) && Atomics.load(stopped, 0) < round;
  const failRound = (round: number, error: TributaryError): void => {
    if (settle(round)) onFailed(round, error);
  };

  const begin = (): Worker => {
    const setup: TrainingSetup = { home, node, plan, threads, stopped };
    // the worker turns ONNX Runtime's telemetry off in the environment, of which it would have a copy only
    const started = new Worker(entry, { workerData: setup, name: "training", env: SHARE_ENV });
    started.on("message", (answer: TrainingAnswer) => {
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
    });
    const died = (reason: string) => {
      if (worker !== started) return;
      worker = undefined;
      held = undefined;
      prepared.reject(fail("TRB_NODE_TRAINING_FAILED", { round: 0, reason }));
      for (const round of [...open.keys()]) failRound(round, fail("TRB_NODE_TRAINING_FAILED", { round, reason }));
    };
    started.on("error", (error) => died(error instanceof Error ? error.name : "the worker died"));
    started.on("exit", () => died("the worker ended"));
    return started;
  };

  const send = async (order: RoundOrder, signal: AbortSignal): Promise<void> => {
    const { round, modelHash } = order;
    let model: Uint8Array<ArrayBuffer> | null = null;
    if (held !== modelHash) model = await fetchModel(modelHash, signal);
    if (!open.has(round)) return;
    worker ??= begin();
    const job: TrainingJob = { type: "train", ...order, model };
    held = modelHash;
    worker.postMessage(job, model !== null && model.byteLength === model.buffer.byteLength ? [model.buffer] : []);
  };

  return {
    prepare() {
      worker ??= begin();
      const order: TrainingPreparation = { type: "prepare" };
      worker.postMessage(order);
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
      if (Atomics.load(stopped, 0) < round) Atomics.store(stopped, 0, round);
      for (const [started, control] of open) {
        if (started > round) continue;
        control.abort();
        open.delete(started);
      }
    },
    async close() {
      this.stop(2 ** 31 - 1);
      const ending = worker;
      worker = undefined;
      if (ending === undefined) return;
      const gone = new Promise((resolve) => ending.once("exit", resolve));
      const end: TrainingEnd = { type: "end" };
      ending.postMessage(end);
      await gone; // at most one bucket's run; to tear it down in the middle would take the whole process along
    },
  };
}
