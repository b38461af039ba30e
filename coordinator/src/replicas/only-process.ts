/**
 * A coordinator of one process, which leads for as long as it holds its home's lock. What its nodes say doesn't leave it. What stops its engine, a disk that is
 * full or a blob that is gone, ends neither the process nor the federation: it leads anew from what the disk holds, again and again until that works. A ledger or
 * database that is damaged does end it: whoever starts it again has to restore something first.
 */
import { fail, isTributaryError } from "@tributary/errors";
import type { Logger } from "pino";
import type { RunningFederation } from "../rounds/federation.ts";
import { isLasting } from "../storage/faults.ts";
import type { Store } from "../storage/store.ts";
import { pause } from "./connection.ts";
import { type ConnectedNodes, ownLeader } from "./leader.ts";
import type { Deployment, Term } from "./replica.ts";

/** The name under which it leads, and its nodes are connected: the next process takes both over. */
export const onlyReplica = "coordinator";

export interface OnlyProcessParts {
  readonly home: string;
  readonly store: Pick<Store, "takeLeadership">;
  readonly nodes: () => ConnectedNodes;
  readonly lead: (term: Term) => Promise<RunningFederation>;
  /** The engine has stopped by what has no code or can't mend itself, or another process has the home: this process ends. */
  readonly broken: (error: unknown) => void;
  readonly log: Logger;
}

/** From an engine's stop to the next attempt, in milliseconds, doubling. */
const rests = { first: 1_000, longest: 30_000 };

export function onlyProcess({ home, store, nodes, lead, broken, log }: OnlyProcessParts): Deployment {
  const first = Promise.withResolvers<RunningFederation>();
  first.promise.catch(() => {}); // `start` rejects
  const closing = new AbortController();
  let leading = first.promise;
  /** Whose engine has not stopped. */
  let running: RunningFederation | undefined;
  let goingOn: Promise<void> = Promise.resolve();

  const begin = async (): Promise<RunningFederation> => {
    const over = Promise.withResolvers<unknown>();
    const fence = await store.takeLeadership(onlyReplica);
    const fenced = () => broken(fail("TRB_COORDINATOR_HOME_IN_USE", { home }));
    const federation = await lead({ fence, nodes: nodes(), broken: over.resolve, fenced });
    running = federation;
    void over.promise.then((error) => {
      goingOn = leadAgain(federation, error);
    });
    return federation;
  };

  async function leadAgain(stopped: RunningFederation, reason: unknown): Promise<void> {
    let error = reason;
    running = undefined;
    await stopped.stop();
    for (let rest = rests.first; isTributaryError(error) && !isLasting(error); rest = Math.min(2 * rest, rests.longest)) {
      log.error({ code: error.code, seconds: rest / 1_000 }, "no rounds; tried again");
      await pause(rest, closing.signal);
      if (closing.signal.aborted) return;
      try {
        const federation = await begin();
        leading = Promise.resolve(federation);
        for (const node of nodes().online()) federation.connected(node);
        return;
      } catch (again) {
        error = again;
      }
    }
    broken(error);
  }

  return {
    leader: ownLeader(() => leading),
    async start() {
      goingOn = begin().then(first.resolve, first.reject);
      await first.promise;
    },
    async retire() {
      closing.abort();
      await goingOn;
      await running?.stop();
    },
    async close() {},
  };
}
