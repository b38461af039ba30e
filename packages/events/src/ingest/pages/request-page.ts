/**
 * One page of an HTTP API. A request is repeated where that may help: after network failures, 5xx, and 429 or 503, whose Retry-After is kept. The token
 * goes to the server that the merchant named and to no other, whatever an answer says.
 */
import { setTimeout as wait } from "node:timers/promises";
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import pRetry from "p-retry";
import { Agent, request } from "undici";
import { pageAddress, withoutQuery } from "./page-address.ts";

export interface PageAnswer {
  readonly text: string;
  readonly body: Uint8Array;
  /** The header `Link`, as it is. */
  readonly link: string;
  /** Where it was answered, behind redirects. */
  readonly url: URL;
}

export interface PageClient {
  /** @throws TRB_EVENTS_SOURCE_REFUSED, TRB_EVENTS_SOURCE_UNREACHABLE, TRB_EVENTS_SOURCE_FAILED, TRB_EVENTS_PAGE_INVALID, TRB_EVENTS_BAD_ADDRESS */
  readonly get: (url: URL) => Promise<PageAnswer>;
  readonly close: () => Promise<void>;
}

/** Largest page, in bytes: it is in memory as a whole. */
const largestPage = 16 * 1024 * 1024;
const mostRedirects = 5;
/** Longer pauses are the merchant's to make: what was fetched stays fetched. */
const longestPause = 600;

/** An answer that may be another one later. */
class Passing extends Error {
  /** Seconds that the server asks for. */
  readonly pause: number;

  constructor(reason: string, pause: number) {
    super(reason);
    this.pause = pause;
  }
}

export function pageClient(token: string | undefined, retries: number): PageClient {
  const agent = new Agent({ connectTimeout: 10_000, headersTimeout: 60_000, bodyTimeout: 60_000 });
  const headers = {
    accept: "application/json",
    "user-agent": "tributary",
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  };
  const once = async (first: URL): Promise<PageAnswer> => {
    let url = first;
    for (let redirects = 0; redirects <= mostRedirects; redirects++) {
      const answer = await request(url, { dispatcher: agent, headers });
      const { statusCode } = answer;
      const header = (name: string) => [answer.headers[name] ?? []].flat().join(", ");
      if (statusCode === 200) {
        if (!/^(identity)?$/i.test(header("content-encoding"))) throw invalid(url, "it is compressed, which was not asked for");
        const body = await bounded(answer.body, url);
        return { text: decoded(body, url), body, link: header("link"), url };
      }
      await answer.body.dump(); // the connection is used again
      if (statusCode >= 300 && statusCode < 400 && header("location") !== "") url = pageAddress(header("location"), url);
      else throw refusal(url, statusCode, header("retry-after"));
    }
    throw fail("TRB_EVENTS_SOURCE_FAILED", { source: withoutQuery(first), reason: "it redirects in a circle" });
  };
  return {
    get: async (url) => {
      try {
        return await pRetry(() => once(url), {
          retries,
          minTimeout: 200,
          maxTimeout: 10_000,
          randomize: true,
          shouldRetry: ({ error }) => !isTributaryError(error),
          onFailedAttempt: async ({ error, retriesLeft }) => {
            if (error instanceof Passing && retriesLeft > 0) await wait(error.pause * 1000);
          },
        });
      } catch (error) {
        if (isTributaryError(error)) throw error;
        const source = withoutQuery(url);
        if (error instanceof Passing) throw fail("TRB_EVENTS_SOURCE_FAILED", { source, reason: error.message });
        throw fail("TRB_EVENTS_SOURCE_UNREACHABLE", { source, reason: networkReason(error) });
      }
    },
    close: () => agent.destroy(),
  };
}

function refusal(url: URL, status: number, retryAfter: string): Error {
  const source = withoutQuery(url);
  if (status === 401 || status === 403 || status === 407) {
    return fail("TRB_EVENTS_SOURCE_REFUSED", { source, reason: `HTTP status ${status}` });
  }
  const pause = secondsOf(retryAfter);
  if (pause > longestPause) {
    return fail("TRB_EVENTS_SOURCE_FAILED", { source, reason: `it asks for a pause of ${Math.ceil(pause)} seconds` });
  }
  if (status === 429 || status === 408 || status >= 500) return new Passing(`HTTP status ${status}`, pause);
  return fail("TRB_EVENTS_SOURCE_FAILED", { source, reason: `HTTP status ${status}` });
}

/** `120`, or a date (RFC 9110 §10.2.3); 0 for neither. */
function secondsOf(retryAfter: string): number {
  if (/^\d+$/.test(retryAfter)) return Number(retryAfter);
  const moment = Date.parse(retryAfter);
  return Number.isNaN(moment) ? 0 : Math.max(0, (moment - Date.now()) / 1000);
}

async function bounded(body: AsyncIterable<Uint8Array>, url: URL): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > largestPage) throw invalid(url, `it is longer than ${largestPage} bytes; ask for fewer items a page`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length);
}

function decoded(body: Uint8Array, url: URL): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch {
    throw invalid(url, "it is no UTF-8");
  }
}

/** Of a page: never what stands in it. */
export const invalid = (url: URL, reason: string): TributaryError =>
  fail("TRB_EVENTS_PAGE_INVALID", { source: withoutQuery(url), reason });

/** `ECONNREFUSED`, `UND_ERR_HEADERS_TIMEOUT`, …; undici's own words name no value. */
function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  return "code" in error && typeof error.code === "string" ? error.code : error.message.slice(0, 80);
}
