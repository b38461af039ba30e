/** Asking the server that the page came from. Refusals are problem+json (RFC 9457) and are thrown as what they were; no answer at all is a code of its own. */

/** What the server said instead of an answer. `TRB_API_UNREACHABLE`: it said nothing. */
export class Refusal extends Error {
  readonly code: string;
  readonly advice: string;
  /** HTTP status; 0 when there was no answer. */
  readonly status: number;

  constructor(code: string, message: string, advice: string, status: number) {
    super(message);
    this.code = code;
    this.advice = advice;
    this.status = status;
  }
}

export interface AskOptions {
  readonly method?: "GET" | "POST" | "DELETE" | "PUT";
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** Milliseconds after which a server that says nothing counts as gone. */
const patience = 20_000;

/** @param path from the server's root. @throws Refusal, and AbortError when `signal` says so */
export async function ask<Answer>(path: string, options: AskOptions = {}): Promise<Answer> {
  const answer = await askRaw(path, options);
  if (answer.status === 204) return undefined as Answer;
  const text = await answer.text().catch(unreachable(options.signal));
  return (text === "" ? undefined : read(text)) as Answer;
}

/** The answer, of whatever kind, once it is no refusal. */
async function askRaw(path: string, { method = "GET", body, headers = {}, signal }: AskOptions = {}): Promise<Response> {
  const answer = await fetch(path, {
    ...{ method, cache: "no-store", credentials: "same-origin", redirect: "error" },
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.any([...(signal === undefined ? [] : [signal]), AbortSignal.timeout(patience)]),
  }).catch(unreachable(signal));
  if (!answer.ok) throw refusalOf(read(await answer.text().catch(() => "")), answer.status);
  return answer;
}

/** Whoever stopped it knows; everything else that keeps an answer away is the server's being gone. */
const unreachable =
  (signal?: AbortSignal) =>
  (cause: unknown): never => {
    if (signal?.aborted === true) throw cause;
    throw new Refusal("TRB_API_UNREACHABLE", "The server doesn't answer.", "", 0);
  };

function read(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (_) {
    return undefined;
  }
}

/** A proxy's page, say, is no problem document: then the status is all there is, and a gateway without anybody behind it is a server that is gone. */
export function refusalOf(document: unknown, status: number): Refusal {
  const { code, detail, advice } = (typeof document === "object" && document !== null ? document : {}) as Record<
    string,
    unknown
  >;
  if (typeof code === "string") {
    return new Refusal(code, typeof detail === "string" ? detail : code, typeof advice === "string" ? advice : "", status);
  }
  if (status === 502 || status === 504) return new Refusal("TRB_API_UNREACHABLE", "The server doesn't answer.", "", 0);
  return new Refusal("TRB_API_ANSWER", `HTTP ${status}`, "", status);
}
