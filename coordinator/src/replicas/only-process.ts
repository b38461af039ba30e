/** A coordinator of one process, which leads for as long as it holds its home's lock. What its nodes say doesn't leave it. */
import { fail } from "@tributary/errors";
import type { RunningFederation } from "../rounds/federation.ts";
import type { Store } from "../storage/store.ts";
import { type ConnectedNodes, ownLeader } from "./leader.ts";
import type { Deployment, Term } from "./replica.ts";

/** The name under which it leads, and its nodes are connected: the next process takes both over. */
export const onlyReplica = "coordinator";

export interface OnlyProcessParts {
  readonly home: string;
  readonly store: Pick<Store, "takeLeadership">;
  readonly nodes: () => ConnectedNodes;
  readonly lead: (term: Term) => Promise<RunningFederation>;
  /** The engine has stopped, and this process ends. */
  readonly broken: (error: unknown) => void;
}

export function onlyProcess({ home, store, nodes, lead, broken }: OnlyProcessParts): Deployment {
  const leading = Promise.withResolvers<RunningFederation>();
  leading.promise.catch(() => {}); // `start` rejects
  let started: Promise<RunningFederation> | undefined;
  const begin = async () => {
    const fence = await store.takeLeadership(onlyReplica);
    return lead({ fence, nodes: nodes(), broken, fenced: () => broken(fail("TRB_COORDINATOR_HOME_IN_USE", { home })) });
  };
  return {
    leader: ownLeader(leading.promise),
    async start() {
      started = begin();
      started.then(leading.resolve, leading.reject);
      await started;
    },
    async retire() {
      const federation = await started?.catch(() => undefined);
      await federation?.stop();
    },
    async close() {},
  };
}
