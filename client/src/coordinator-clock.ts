/** How far this machine's clock is from the coordinator's, which both sides' expiries and the ledger's times are held against. */
import { fail } from "@tributary/errors";
import { withHome } from "./home/open.ts";
import { reasonOf } from "./reason.ts";
import { requirePrivate } from "./transport/private-channel.ts";

export interface ClockDifference {
  readonly url: string;
  /** Seconds that this clock is ahead by; the coordinator's is known to the second. */
  readonly ahead: number;
}

/** In milliseconds. */
const patience = 10_000;

/** @throws TRB_NODE_NOT_JOINED, TRB_NODE_HOME_UNREADABLE, TRB_NODE_PLAIN_HTTP, TRB_NODE_COORDINATOR_UNREACHABLE */
export function coordinatorClock({ home }: { readonly home: string }): Promise<ClockDifference> {
  return withHome(home, async ({ membership }) => {
    const { url, ca } = membership;
    requirePrivate(url, membership);
    const { Agent, request } = await import("undici"); // for those who ask
    const agent = new Agent({ connectTimeout: patience, ...(ca === undefined ? {} : { connect: { ca } }) });
    try {
      const before = Date.now();
      const answer = await request(new URL("/healthz", url), {
        dispatcher: agent,
        headersTimeout: patience,
        bodyTimeout: patience,
      });
      const between = (before + Date.now()) / 2;
      await answer.body.dump();
      const said = Date.parse(String(answer.headers["date"] ?? ""));
      if (!Number.isFinite(said)) throw new Error("it says no time");
      return { url, ahead: (between - (said + 500)) / 1000 }; // the header is cut to the second
    } catch (cause) {
      throw fail("TRB_NODE_COORDINATOR_UNREACHABLE", { url, reason: reasonOf(cause) }, cause);
    } finally {
      await agent.destroy();
    }
  });
}
