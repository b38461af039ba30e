/**
 * A replica that is asked to stop, on its way out: nothing new begins, what has begun comes to its end.
 *
 *   SIGTERM ─▶ begin: /readyz fails, requests and connections are refused ─▶ the leadership goes to another replica ─▶ settled ─▶ sockets close ─▶ exit 0
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "@tributary/errors";
import type { FastifyInstance } from "fastify";

export interface Draining {
  /** From now on nothing new is taken. */
  begin(): void;
  active(): boolean;
  /** Once no request is under way, and at the latest after so many milliseconds. @returns how many are left */
  settled(milliseconds: number): Promise<number>;
}

/** Whoever watches this process still has to see how it goes. */
const stillAnswered: ReadonlySet<string> = new Set(["/healthz", "/readyz", "/metrics"]);
/** Between two looks, in milliseconds. */
const lookEvery = 20;

/** @param app before it is ready: its hooks count what is under way. While it drains, requests are refused with TRB_COORDINATOR_STOPPING */
export function watchDraining(app: FastifyInstance): Draining {
  let draining = false;
  const underWay = new Set<string>();
  app.addHook("onRequest", async ({ id, url }, reply) => {
    if (stillAnswered.has(url.split("?")[0] ?? "")) return;
    if (draining) {
      reply.header("connection", "close"); // a balancer's connections would be refused here again and again
      throw fail("TRB_COORDINATOR_STOPPING");
    }
    underWay.add(id);
    reply.raw.once("close", () => void underWay.delete(id)); // also when whoever asked is gone before the answer
  });
  return {
    begin() {
      draining = true;
    },
    active: () => draining,
    async settled(milliseconds) {
      for (const end = performance.now() + milliseconds; underWay.size > 0 && performance.now() < end; ) await sleep(lookEvery);
      return underWay.size;
    },
  };
}
