/**
 * Who is away for a moment only. A node that restarts while the last round ends would come back to nobody, and never hear that the federation is over: so the end
 * waits for those whose connection was lost a short while ago, and, after a start of the coordinator, for those who have had no time to come.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { NodeId } from "@tributary/protocol";

export interface Homecoming {
  came(node: NodeId): void;
  left(node: NodeId): void;
  /** Settles once nobody is awaited any more: all came back, or have been away for too long. Who leaves from now on has heard. */
  everybody(): Promise<void>;
}

/** How often it is looked whether they came, in milliseconds. */
const lookEvery = 50;

/**
 * @param members those who may be on their way when the server starts
 * @param arrival how long they are awaited, in milliseconds from then
 * @param patience how long who was here is awaited, in milliseconds from when its connection was lost
 * @param now in milliseconds, of a clock that is never set
 */
export function watchHomecoming(
  members: readonly NodeId[],
  { arrival, patience }: { readonly arrival: number; readonly patience: number },
  now: () => number = () => performance.now(),
): Homecoming {
  /** Until when each is awaited. */
  const away = new Map(members.map((node) => [node, now() + arrival]));
  let ending = false;
  const isAwaited = () => [...away.values()].some((until) => now() < until);
  return {
    came: (node) => void away.delete(node),
    left(node) {
      if (!ending) away.set(node, now() + patience);
    },
    async everybody() {
      ending = true;
      while (isAwaited()) await sleep(lookEvery, undefined, { ref: false });
    },
  };
}
