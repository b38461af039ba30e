/** The coordinator's HTTP side in a browser: what `requests.ts` asks, carried by `fetch`. Answers are read up to a limit, never further; no cookie goes along. */
import type { Crypto } from "@tributary/protocol";
import { requirePrivate } from "../src/transport/private-channel.ts";
import { type Call, type CoordinatorClient, type HttpAnswer, requestsOver, unclear } from "../src/transport/requests.ts";

/** A connection that says nothing for so long is given up, in milliseconds. */
const patience = 60_000;

/** @throws TRB_NODE_PLAIN_HTTP */
export function fetchHttp(url: string, crypto: Crypto): CoordinatorClient {
  requirePrivate(url, {});
  const base = new URL(url.endsWith("/") ? url : `${url}/`);
  const carry = async (call: Call, signal: AbortSignal | undefined): Promise<HttpAnswer> => {
    const late = AbortSignal.timeout(patience);
    const answer = await fetch(new URL(call.path, base), {
      ...{ method: call.method, credentials: "omit", cache: "no-store", redirect: "error", referrerPolicy: "no-referrer" },
      signal: signal === undefined ? late : AbortSignal.any([signal, late]),
      headers: call.headers ?? {},
      body: call.body === undefined ? null : typeof call.body === "string" ? call.body : Uint8Array.from(call.body),
    }).catch((cause: unknown) => {
      // browsers say no more than that it failed, by an error that would else be taken for a fault of ours
      throw new Error("the connection failed", { cause });
    });
    return {
      status: answer.status,
      octets: await bodyOf(answer, call),
      retryAfter: answer.headers.get("retry-after") ?? undefined,
    };
  };
  return requestsOver({ crypto, origin: base.origin, carry, close: async () => {} });
}

async function bodyOf(answer: Response, call: Call): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = answer.body?.getReader();
  for (let part = await reader?.read(); part !== undefined && !part.done; part = await reader?.read()) {
    length += part.value.length;
    if (length > call.limit) {
      await reader?.cancel();
      throw unclear(call, `it is longer than ${call.limit} bytes`);
    }
    chunks.push(part.value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
