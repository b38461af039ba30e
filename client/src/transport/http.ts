/** The coordinator's HTTP side in Node: what `requests.ts` asks, carried by undici. Answers are read up to a limit, never further. */
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Agent } from "undici";
import { type Channel, requirePrivate } from "./private-channel.ts";
import { type CoordinatorClient, requestsOver, unclear } from "./requests.ts";

/** @throws TRB_NODE_PLAIN_HTTP */
export function connectHttp(url: string, channel: Channel = {}): CoordinatorClient {
  requirePrivate(url, channel);
  const base = new URL(url.endsWith("/") ? url : `${url}/`);
  const connect = channel.ca === undefined ? {} : { connect: { ca: channel.ca, timeout: 10_000 } };
  let agent: Agent | undefined;
  let closed = false;
  /** Read at the first request: most of a merchant's commands make none. */
  const library = async () => {
    const undici = await import("undici");
    agent ??= new undici.Agent({
      ...{ connections: 4, connectTimeout: 10_000, headersTimeout: 60_000, bodyTimeout: 60_000 },
      ...connect,
    });
    if (closed) await agent.destroy(); // and refuses what is asked of it
    return { request: undici.request, dispatcher: agent };
  };
  return requestsOver({
    crypto: nodeCrypto(),
    origin: base.origin,
    async carry(call, signal) {
      const { request, dispatcher } = await library();
      const answer = await request(new URL(call.path, base), {
        method: call.method,
        dispatcher,
        headers: call.headers ?? {},
        body: call.body ?? null,
        signal: signal ?? null,
      });
      const chunks: Buffer[] = [];
      let length = 0;
      for await (const chunk of answer.body) {
        length += chunk.length;
        if (length > call.limit) throw unclear(call, `it is longer than ${call.limit} bytes`);
        chunks.push(chunk);
      }
      const after = answer.headers["retry-after"];
      const octets = Buffer.concat(chunks, length);
      return { status: answer.statusCode, octets, retryAfter: typeof after === "string" ? after : undefined };
    },
    async close() {
      closed = true;
      await agent?.destroy();
    },
  });
}
