/**
 * Requests to the coordinator. Every one of them is idempotent, so each is repeated after network failures, 5xx answers and 429, no earlier
 * than the answer's `retry-after` says; any other coded refusal is final and is thrown as it came. What carries a request is handed in: undici in
 * Node (`http.ts`), `fetch` in browsers.
 */
import { fail, isTributaryError } from "@tributary/errors";
import { type Crypto, type MessageOf, type RosterMember, type Sha256, toHex } from "@tributary/protocol";
import pRetry from "p-retry";
import type { z } from "zod";
import { reasonOf } from "../reason.ts";
import { identityAnswer, joinAnswer, offsetAnswer, refusalIn, rosterAnswer } from "./answers.ts";

/** Largest answers that are read, in bytes. */
const limits = { json: 64 * 1024 * 1024, ledger: 1024 * 1024 * 1024, blob: 1024 * 1024 * 1024 };

/** Refusals of an upload that are answered by asking again where to go on: the part stored was longer, or had been damaged. */
const goesOn: ReadonlySet<string> = new Set(["TRB_COORDINATOR_UPLOAD_OFFSET", "TRB_COORDINATOR_UPLOAD_HASH"]);

export interface RetryOptions {
  /** Repetitions after the first attempt; default 4. */
  readonly retries?: number;
  readonly signal?: AbortSignal;
}

export interface CoordinatorClient {
  identity(nonce: string): Promise<z.infer<typeof identityAnswer>>;
  join(token: string, member: RosterMember): Promise<z.infer<typeof joinAnswer>>;
  roster(): Promise<z.infer<typeof rosterAnswer>>;
  /** The ledger's lines from this entry on, without their `\n`. */
  ledger(from: number, options?: RetryOptions): Promise<string[]>;
  /** A model or a catalogue; its octets have this SHA-256. */
  blob(sha256: Sha256, options?: RetryOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** What the coordinator signed of a model; as it came. */
  certificate(modelHash: Sha256, options?: RetryOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** Resolves once the coordinator has the vector on disk. After each break it goes on where the coordinator's part ends. */
  upload(message: MessageOf<"masked">, octets: Uint8Array, options?: RetryOptions): Promise<void>;
  close(): Promise<void>;
}

/** An answer that says to ask again. */
class NotNow extends Error {
  /** No earlier than after so many. */
  readonly milliseconds: number;
  constructor(message: string, options: ErrorOptions, milliseconds: number) {
    super(message, options);
    this.milliseconds = milliseconds;
  }
}

/** Longest that a coordinator can make a node wait, in seconds. */
const longestWait = 60;

/** Milliseconds of a `retry-after` in seconds; 0 of anything else. */
function waitIn(header: string | undefined): number {
  return header !== undefined && /^[0-9]{1,9}$/.test(header) ? 1000 * Math.min(longestWait, Number(header)) : 0;
}

export interface Call {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  /** No more octets of an answer are read. */
  readonly limit: number;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly octets: Uint8Array<ArrayBuffer>;
  readonly retryAfter: string | undefined;
}

/** One attempt. What it throws, but for coded errors, is a failure of the network. */
type Carry = (call: Call, signal: AbortSignal | undefined) => Promise<HttpAnswer>;

export interface RequestTools {
  readonly crypto: Pick<Crypto, "sha256">;
  /** Where the coordinator is, for the error's text. */
  readonly origin: string;
  readonly carry: Carry;
  readonly close: () => Promise<void>;
}

/** Every call may throw TRB_NODE_COORDINATOR_UNREACHABLE, TRB_NODE_COORDINATOR_ANSWER, or the coordinator's own refusal. */
export function requestsOver({ crypto, origin, carry, close }: RequestTools): CoordinatorClient {
  const once = async (call: Call, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> => {
    const { status, octets, retryAfter } = await carry(call, signal);
    if (status < 300) return octets;
    const refusal = refusalIn(parseJson(octets));
    if (status >= 500 || status === 429) throw new NotNow(`HTTP status ${status}`, { cause: refusal }, waitIn(retryAfter));
    throw refusal ?? unclear(call, `HTTP status ${status}`);
  };

  const persistently = async <Result>(
    attempt: (signal: AbortSignal | undefined) => Promise<Result>,
    { retries = 4, signal }: RetryOptions = {},
  ): Promise<Result> => {
    try {
      return await pRetry(() => attempt(signal), {
        ...(Number.isFinite(retries) ? { retries } : { retries: Number.POSITIVE_INFINITY }),
        minTimeout: 200,
        maxTimeout: 10_000,
        randomize: true,
        ...(signal === undefined ? {} : { signal }),
        async onFailedAttempt({ error, retriesLeft, retryDelay }) {
          if (!(error instanceof NotNow) || retriesLeft <= 0) return;
          await pause(Math.max(0, error.milliseconds - retryDelay), signal);
        },
        shouldRetry: ({ error }) => !isTributaryError(error) || goesOn.has(error.code),
      });
    } catch (cause) {
      if (isTributaryError(cause)) throw cause;
      if (signal?.aborted) throw fail("TRB_NODE_CLOSED", {}, cause);
      throw fail("TRB_NODE_COORDINATOR_UNREACHABLE", { url: origin, reason: reasonOf(cause) }, cause);
    }
  };

  const repeated = (call: Call, options?: RetryOptions) => persistently((signal) => once(call, signal), options);

  const json = async <Schema extends z.ZodType>(call: Call, schema: Schema): Promise<z.infer<Schema>> => {
    const parsed = schema.safeParse(parseJson(await repeated(call)));
    if (!parsed.success) throw unclear(call, "it isn't what this version expects");
    return parsed.data;
  };

  return {
    identity: (nonce) => json({ method: "GET", path: `v1/identity?nonce=${nonce}`, limit: limits.json }, identityAnswer),
    join: (token, member) =>
      json(
        {
          method: "POST",
          path: "v1/join",
          limit: limits.json,
          body: JSON.stringify({ token, member }),
          headers: { "content-type": "application/json" },
        },
        joinAnswer,
      ),
    roster: () => json({ method: "GET", path: "v1/roster", limit: limits.json }, rosterAnswer),
    async ledger(from, options) {
      const call: Call = { method: "GET", path: `v1/ledger?from=${from}`, limit: limits.ledger };
      const text = new TextDecoder().decode(await repeated(call, options));
      if (text !== "" && !text.endsWith("\n")) throw unclear(call, "its last line has no end");
      return text.split("\n").slice(0, -1);
    },
    async blob(sha256, options) {
      const call: Call = { method: "GET", path: `v1/blobs/${sha256}`, limit: limits.blob };
      const octets = await repeated(call, options);
      if (toHex(crypto.sha256(octets)) !== sha256) throw unclear(call, "its SHA-256 is another");
      return octets;
    },
    certificate: (modelHash, options) =>
      repeated({ method: "GET", path: `v1/certificates/${modelHash}`, limit: limits.json }, options),
    async upload(message, octets, options) {
      const path = `v1/rounds/${message.round}/vectors/${message.body.sha256}`;
      const says = { "x-tributary-message": base64url(JSON.stringify(message)) };
      const asking: Call = { method: "GET", path, limit: limits.json, headers: says };
      await persistently(async (signal) => {
        const stored = offsetAnswer.safeParse(parseJson(await once(asking, signal)));
        if (!stored.success || stored.data.offset > octets.length) throw unclear(asking, "it isn't what this version expects");
        const { offset } = stored.data;
        const headers = { ...says, "content-type": "application/octet-stream", "upload-offset": String(offset) };
        await once({ method: "PUT", path, limit: limits.json, body: octets.subarray(offset), headers }, signal);
      }, options);
    },
    close,
  };
}

export function unclear(call: Call, reason: string) {
  return fail("TRB_NODE_COORDINATOR_ANSWER", { request: `${call.method} ${call.path.split("?")[0] ?? ""}`, reason });
}

/** Undefined when it isn't JSON. */
function parseJson(octets: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(octets));
  } catch {
    return undefined;
  }
}

const base64url = (text: string): string =>
  btoa(String.fromCharCode(...new TextEncoder().encode(text))).replace(
    /[+/=]/g,
    (sign) => ({ "+": "-", "/": "_" })[sign] ?? "",
  );

/** So many milliseconds, or until the signal says that nobody waits any more. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const ended = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", ended);
      resolve();
    }, milliseconds);
    if (signal?.aborted) ended();
    else signal?.addEventListener("abort", ended, { once: true });
  });
}
