/** Whether the coordinator answers: asked now and then, beside everything else, while somebody looks at the page. What it is asked for is public, the ledger. */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { type PageOverview, problemOf } from "@tributary/protocol";
import { connectHttp } from "../transport/http.ts";
import type { Channel } from "../transport/private-channel.ts";

export interface Reach {
  /** What is known by now; asks again, if it is time to. */
  known(asked: { readonly url: string; readonly entries: number; readonly channel: Channel }): PageOverview["coordinator"];
  close(): Promise<void>;
}

/** Milliseconds between questions, and for an answer. */
const [every, patience] = [10_000, 5_000];

export function reachCoordinator(): Reach {
  let known: PageOverview["coordinator"] = { state: "asking", askedAt: null, behind: null, problem: null };
  let next = 0;
  let asking: Promise<void> | undefined;
  const stopping = new AbortController();

  const ask = async (url: string, entries: number, channel: Channel): Promise<void> => {
    const askedAt = new Date().toISOString();
    try {
      const client = connectHttp(url, channel);
      try {
        const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(patience)]);
        const lines = await client.ledger(entries, { retries: 0, signal });
        known = { state: "reachable", askedAt, behind: lines.length, problem: null };
      } finally {
        await client.close();
      }
    } catch (error) {
      if (!isTributaryError(error)) throw error;
      known = { state: "unreachable", askedAt, behind: null, problem: problemOf(unreachable(error, url)) };
    }
  };

  return {
    known({ url, entries, channel }) {
      if (asking === undefined && Date.now() >= next && !stopping.signal.aborted) {
        asking = ask(url, entries, channel).finally(() => {
          next = Date.now() + every;
          asking = undefined;
        });
      }
      return known;
    },
    async close() {
      stopping.abort();
      await asking;
    },
  };
}

/** A question that was given up after its time says only that it was. */
const unreachable = (error: TributaryError, url: string): TributaryError =>
  error.code === "TRB_NODE_CLOSED"
    ? fail("TRB_NODE_COORDINATOR_UNREACHABLE", { url: new URL(url).origin, reason: `no answer for ${patience / 1000} s` })
    : error;
