/**
 * What a page keeps asking for. While the server answers it is asked again and again; while it doesn't, after longer and longer pauses, and the page
 * goes on showing what it knew. A page that nobody looks at asks nothing.
 */
import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { Refusal } from "./request.ts";

export interface Live<Value> {
  /** The last answer; undefined before the first. */
  readonly value: ReadonlySignal<Value | undefined>;
  /** Why there was no answer the last time; undefined when there was. */
  readonly failure: ReadonlySignal<Refusal | undefined>;
  /** Asks now. */
  refresh(): Promise<void>;
  stop(): void;
}

/** Every `Live` that runs and has no answer from the server, with when it asks again (milliseconds since 1970). */
const away = signal<ReadonlyMap<object, number>>(new Map());

/** When the server is asked again, while it is gone; undefined while it is there. */
export const serverGone: ReadonlySignal<number | undefined> = computed(() =>
  away.value.size === 0 ? undefined : Math.min(...away.value.values()),
);

/** Milliseconds before the n-th question to a server that is gone: 1 s, doubled up to 30 s, and up to half as much again so that pages don't come together. */
export function pauseBefore(attempt: number, random: number): number {
  return Math.min(30_000, 1000 * 2 ** Math.max(0, attempt - 1)) * (1 + random / 2);
}

/** @param every milliseconds between an answer and the next question; infinite: only when it is asked to */
export function live<Value>(load: (signal: AbortSignal) => Promise<Value>, { every }: { readonly every: number }): Live<Value> {
  const value = signal<Value | undefined>(undefined);
  const failure = signal<Refusal | undefined>(undefined);
  const own = {};
  let timer: ReturnType<typeof setTimeout> | undefined;
  let asking: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;
  let [attempt, stopped] = [0, false];

  function gone(until: number | undefined): void {
    if (until === undefined && !away.value.has(own)) return;
    const next = new Map(away.value);
    if (until === undefined) next.delete(own);
    else next.set(own, until);
    away.value = next;
  }

  function later(milliseconds: number): void {
    clearTimeout(timer);
    if (stopped || milliseconds === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(() => {
      if (document.visibilityState === "visible") void refresh();
    }, milliseconds);
  }

  async function question(stop: AbortController): Promise<void> {
    try {
      value.value = await load(stop.signal);
      failure.value = undefined;
      attempt = 0;
      gone(undefined);
      later(every);
    } catch (error) {
      if (stopped || stop.signal.aborted) return;
      if (!(error instanceof Refusal)) throw error;
      failure.value = error;
      if (error.code === "TRB_API_UNREACHABLE") {
        attempt += 1;
        const pause = pauseBefore(attempt, Math.random());
        gone(Date.now() + pause);
        later(pause);
      } else {
        attempt = 0;
        gone(undefined);
        later(Math.max(every, 5000));
      }
    } finally {
      asking = undefined;
    }
  }

  function refresh(): Promise<void> {
    if (stopped) return Promise.resolve();
    if (asking !== undefined) return asking.done;
    clearTimeout(timer);
    const stop = new AbortController();
    const done = question(stop);
    asking = { stop, done };
    return done;
  }

  const seen = () => {
    if (document.visibilityState === "visible") void refresh();
  };
  document.addEventListener("visibilitychange", seen);
  addEventListener("online", seen);
  void refresh();
  return {
    ...{ value, failure, refresh },
    stop() {
      stopped = true;
      clearTimeout(timer);
      asking?.stop.abort();
      gone(undefined);
      document.removeEventListener("visibilitychange", seen);
      removeEventListener("online", seen);
    },
  };
}
