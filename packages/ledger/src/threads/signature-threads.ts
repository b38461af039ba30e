/**
 * Signatures of a long ledger on threads of their own (`@tributary/ledger/threads`), while the thread that reads it does everything else. Batches wait for a free thread;
 * the reader waits where too many do, so that memory stays what it is. A ledger of a batch or less starts no thread.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type Signatories, signatureFailures } from "../verification/signatures.ts";
import type { Failure } from "../verification/state.ts";
import type { SignatureChecks } from "../verify.ts";
import type { Batch, BatchAnswer, Whose } from "./words.ts";

export interface SignatureThreads extends SignatureChecks {
  /** Ends the threads, whatever they are at. */
  close(): Promise<void>;
}

export interface SignatureThreadOptions {
  /** Default: one for each core. */
  readonly threads?: number;
  readonly whose?: Whose;
}

/** A batch ends at either. */
const mostLines = 512;
const mostCharacters = 1 << 20;

interface Thread {
  readonly worker: Worker;
  /** Batches that it has not answered. */
  waiting: number;
  /** Whose keys it checks with. */
  told: Signatories["roster"] | undefined;
}

export function signatureThreads({
  threads = availableParallelism(),
  whose = "all",
}: SignatureThreadOptions = {}): SignatureThreads {
  const crew: Thread[] = [];
  const failures: Failure[] = [];
  let keys: Signatories | undefined;
  let lines: [place: number, line: string][] = [];
  let characters = 0;
  let broken: unknown;
  /** Whoever waits for a thread to answer. */
  let wake: () => void = () => undefined;

  const start = (): Thread => {
    const thread: Thread = { worker: new Worker(new URL("./worker.ts", import.meta.url)), waiting: 0, told: undefined };
    thread.worker.on("message", ({ failures: found }: BatchAnswer) => {
      failures.push(...found);
      thread.waiting -= 1;
      wake();
    });
    thread.worker.on("error", (error) => {
      broken = error;
      wake();
    });
    return thread;
  };
  const until = async (holds: () => boolean): Promise<void> => {
    while (broken === undefined && !holds()) await new Promise<void>((resolve) => (wake = resolve));
    if (broken !== undefined) throw broken;
  };
  const outstanding = () => crew.reduce((sum, { waiting }) => sum + waiting, 0);

  const flush = (): void => {
    if (crew.length < threads) crew.push(start());
    const [least] = crew.toSorted((a, b) => a.waiting - b.waiting);
    if (least === undefined || keys === undefined) return;
    const batch: Batch = { ...(least.told === keys.roster ? {} : { signatories: keys }), whose, lines };
    least.waiting += 1;
    least.told = keys.roster;
    least.worker.postMessage(batch);
    [lines, characters] = [[], 0];
  };

  return {
    add(line, place, signatories) {
      if (keys !== undefined && keys.roster !== signatories.roster && lines.length > 0) flush(); // other keys from here on
      keys = signatories;
      lines.push([place, line]);
      characters += line.length;
      if (lines.length >= mostLines || characters >= mostCharacters) flush();
    },
    ready: () => until(() => outstanding() <= 4 * threads),
    async rest() {
      const [left, signatories] = [lines, keys];
      [lines, characters] = [[], 0];
      if (signatories !== undefined) {
        const crypto = nodeCrypto();
        for (const [place, line] of left) failures.push(...signatureFailures(line, place, signatories, crypto, whose));
      }
      await until(() => outstanding() === 0);
      return failures;
    },
    async close() {
      await Promise.all(crew.map(({ worker }) => worker.terminate()));
    },
  };
}
