/** One piece of work at a time, in the order in which it was given: the reducer sees events one after another. */
import { fail } from "@tributary/errors";

export interface SerialQueue {
  /** @throws TRB_NODE_CLOSED after `end`, and whatever the work throws */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** Lets the work that has begun come to its end; what waits is refused. */
  end(): Promise<void>;
}

export function serialQueue(): SerialQueue {
  let last: Promise<unknown> = Promise.resolve();
  let ended = false;
  return {
    run(work) {
      const turn = last.then(() => {
        if (ended) throw fail("TRB_NODE_CLOSED");
        return work();
      });
      last = turn.catch(() => {});
      return turn;
    },
    async end() {
      ended = true;
      await last;
    },
  };
}
