/**
 * Requests to the coordinator. Every one of them is idempotent, so each is repeated after network failures, 5xx answers and 429, no earlier
 * than the answer's `retry-after` says; any other coded refusal is final and is thrown as it came. Answers are read up to a limit, never further.
 */
import { createHash } from "node:crypto";
import { setTimeout as wait } from "node:timers/promises";
import { fail, isTributaryError } from "@tributary/errors";
import type { MessageOf, RosterMember, Sha256 } from "@tributary/protocol";
import pRetry from "p-retry";
import { Agent, request } from "undici";
import type { z } from "zod";
import { reasonOf } from "../home/layout.ts";
import { identityAnswer, joinAnswer, offsetAnswer, refusalIn, rosterAnswer } from "./answers.ts";
import { type Channel, requirePrivate } from "./channel.ts";

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
function waitIn(header: string | string[] | undefined): number {
  return typeof header === "string" && /^[0-9]{1,9}$/.test(header) ? 1000 * Math.min(longestWait, Number(header)) : 0;
}

interface Call {
  readonly method: "GET" | "POST" | "PUT";
  readonly path: string;
  readonly limit: number;
  readonly body?: Uint8Array | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * Every call may throw TRB_NODE_COORDINATOR_UNREACHABLE, TRB_NODE_COORDINATOR_ANSWER, or the coordinator's own refusal.
 * @throws TRB_NODE_PLAIN_HTTP
 */
export function connectHttp(url: string, channel: Channel = {}): CoordinatorClient {
  requirePrivate(url, channel);
  const base = new URL(url.endsWith("/") ? url : `${url}/`);
  const connect = channel.ca === undefined ? {} : { connect: { ca: channel.ca, timeout: 10_000 } };
  const agent = new Agent({ connections: 4, connectTimeout: 10_000, headersTimeout: 60_000, bodyTimeout: 60_000, ...connect });

  const once = async (call: Call, signal: AbortSignal | undefined): Promise<Buffer<ArrayBuffer>> => {
    const answer = await request(new URL(call.path, base), {
      method: call.method,
      dispatcher: agent,
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
    const octets = Buffer.concat(chunks, length);
    if (answer.statusCode < 300) return octets;
    const refusal = refusalIn(parseJson(octets));
    if (answer.statusCode >= 500 || answer.statusCode === 429) {
      throw new NotNow(`HTTP status ${answer.statusCode}`, { cause: refusal }, waitIn(answer.headers["retry-after"]));
    }
    throw refusal ?? unclear(call, `HTTP status ${answer.statusCode}`);
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
          await wait(Math.max(0, error.milliseconds - retryDelay), undefined, signal === undefined ? {} : { signal });
        },
        shouldRetry: ({ error }) => !isTributaryError(error) || goesOn.has(error.code),
      });
    } catch (cause) {
      if (isTributaryError(cause)) throw cause;
      if (signal?.aborted) throw fail("TRB_NODE_CLOSED", {}, cause);
      throw fail("TRB_NODE_COORDINATOR_UNREACHABLE", { url: base.origin, reason: reasonOf(cause) }, cause);
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
      const text = (await repeated(call, options)).toString("utf8");
      if (text !== "" && !text.endsWith("\n")) throw unclear(call, "its last line has no end");
      return text.split("\n").slice(0, -1);
    },
    async blob(sha256, options) {
      const call: Call = { method: "GET", path: `v1/blobs/${sha256}`, limit: limits.blob };
      const octets = await repeated(call, options);
      if (createHash("sha256").update(octets).digest("hex") !== sha256) throw unclear(call, "its SHA-256 is another");
      return octets;
    },
    certificate: (modelHash, options) =>
      repeated({ method: "GET", path: `v1/certificates/${modelHash}`, limit: limits.json }, options),
    async upload(message, octets, options) {
      const path = `v1/rounds/${message.round}/vectors/${message.body.sha256}`;
      const says = { "x-tributary-message": Buffer.from(JSON.stringify(message), "utf8").toString("base64url") };
      const asking: Call = { method: "GET", path, limit: limits.json, headers: says };
      await persistently(async (signal) => {
        const stored = offsetAnswer.safeParse(parseJson(await once(asking, signal)));
        if (!stored.success || stored.data.offset > octets.length) throw unclear(asking, "it isn't what this version expects");
        const { offset } = stored.data;
        const headers = { ...says, "content-type": "application/octet-stream", "upload-offset": String(offset) };
        await once({ method: "PUT", path, limit: limits.json, body: octets.subarray(offset), headers }, signal);
      }, options);
    },
    close: () => agent.destroy(),
  };
}

function unclear(call: Call, reason: string) {
  return fail("TRB_NODE_COORDINATOR_ANSWER", { request: `${call.method} ${call.path.split("?")[0] ?? ""}`, reason });
}

/** Undefined when it isn't JSON. */
function parseJson(octets: Buffer): unknown {
  try {
    return JSON.parse(octets.toString("utf8"));
  } catch {
    return undefined;
  }
}
