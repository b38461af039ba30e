/**
 * A client of the coordinator's API, with one method a route. What comes back is held to the route's schema; refusals are thrown as the coded errors
 * they were. It needs `fetch` and nothing else, so that pages have it as well.
 */
import { fail, type TributaryError } from "@tributary/errors";
import { documentRoutes } from "./documents.ts";
import { operatorRoutes } from "./operators.ts";
import { refusalIn } from "./problem.ts";
import type { AnswerOfRoute, ApiRoute, RequestOf } from "./route.ts";

/** Every route of the coordinator, by the name of the client's method. */
export const apiRoutes = { ...documentRoutes, ...operatorRoutes };
export type ApiRouteName = keyof typeof apiRoutes;

export interface ClientOptions {
  /** Where the coordinator listens. */
  readonly url: string;
  /** `trb_…`; without it a browser's session is shown, if there is one. */
  readonly token?: string;
  /** Default: the platform's. */
  readonly fetch?: typeof fetch;
  /** Lets a token go over plain HTTP to another machine: on test networks. */
  readonly insecureHttp?: boolean;
}

interface CallOptions {
  readonly signal?: AbortSignal;
}

type Method<Route extends ApiRoute> =
  Record<never, never> extends RequestOf<Route>
    ? (request?: RequestOf<Route>, options?: CallOptions) => Promise<AnswerOfRoute<Route>>
    : (request: RequestOf<Route>, options?: CallOptions) => Promise<AnswerOfRoute<Route>>;

export type CoordinatorApi = { readonly [Name in ApiRouteName]: Method<(typeof apiRoutes)[Name]> };

/** Longest answers that are read, in octets. */
const mostOctets = { json: 64 * 2 ** 20, other: 2 ** 30 };

interface Request {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
}

/**
 * Every method throws the coordinator's own refusals, TRB_API_UNREACHABLE, and TRB_API_ANSWER for what is no answer to its question.
 * @throws TRB_API_PLAIN_HTTP for a token that would go over plain HTTP to another machine
 */
export function coordinatorClient(options: ClientOptions): CoordinatorApi {
  const { token, insecureHttp = false, fetch: ask = fetch } = options;
  const base = new URL(options.url.endsWith("/") ? options.url : `${options.url}/`);
  if (token !== undefined && base.protocol !== "https:" && !insecureHttp && !isLoopback(base.hostname)) {
    throw fail("TRB_API_PLAIN_HTTP", { host: base.hostname });
  }
  // a cookie counts only beside a header that no other origin's page can send
  const shown = token === undefined ? { "x-tributary-operator": "1" } : { authorization: `Bearer ${token}` };

  async function call(name: string, route: ApiRoute, request: Request, { signal }: CallOptions): Promise<unknown> {
    const unclear = (reason: string) => fail("TRB_API_ANSWER", { request: name, reason });
    const isJson = route.bodyMedia === undefined;
    const hasBody = route.body !== undefined;
    const sent = isJson ? JSON.stringify(request.body ?? {}) : (request.body as Uint8Array<ArrayBuffer>);
    let answer: Response;
    let octets: Uint8Array<ArrayBuffer>;
    try {
      answer = await ask(addressOf(base, route, request), {
        method: route.method,
        headers: {
          ...(route.least === null && !route.path.startsWith("/v1/operators/") ? {} : shown),
          ...texts(request.headers),
          ...(hasBody ? { "content-type": isJson ? "application/json" : "application/octet-stream" } : {}),
        },
        ...(hasBody ? { body: sent } : {}),
        ...(signal === undefined ? {} : { signal }),
      });
      octets = await read(answer, route.answerMedia === undefined ? mostOctets.json : mostOctets.other, unclear);
    } catch (cause) {
      if (cause instanceof TypeError || (cause instanceof Error && /^(Abort|Timeout)Error$/.test(cause.name))) {
        throw fail("TRB_API_UNREACHABLE", { url: base.origin, reason: reasonOf(cause) }, cause);
      }
      throw cause;
    }
    const { status } = answer;
    const schema = status === route.status ? route.answer : route.others?.[status];
    if (schema === undefined) {
      const refusal = refusalIn(parseJson(octets), (code) => unclear(`it refused with the unknown code ${code}`));
      throw refusal ?? unclear(`HTTP status ${status}`);
    }
    const parsed = schema.safeParse(contentOf(route, octets));
    if (!parsed.success) throw unclear("it isn't what this version expects");
    return parsed.data;
  }

  const methods: Record<string, unknown> = {};
  for (const [name, route] of Object.entries<ApiRoute>(apiRoutes)) {
    methods[name] = (request: Request = {}, how: CallOptions = {}) => call(name, route, request, how);
  }
  return methods as CoordinatorApi;
}

function addressOf(base: URL, { path }: ApiRoute, { params = {}, query }: Request): URL {
  const filled = path.slice(1).replace(/:([a-zA-Z0-9]+)/g, (_, name: string) => encodeURIComponent(String(params[name])));
  const address = new URL(filled, base);
  for (const [name, value] of Object.entries(texts(query))) address.searchParams.set(name, value);
  return address;
}

const texts = (fields: Readonly<Record<string, unknown>> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])));

async function read(
  answer: Response,
  most: number,
  unclear: (reason: string) => TributaryError,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (const reader = answer.body?.getReader(); reader !== undefined; ) {
    const { done, value } = await reader.read();
    if (done) break;
    length += value.length;
    if (length > most) {
      await reader.cancel();
      throw unclear(`it is longer than ${most} bytes`);
    }
    chunks.push(value);
  }
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function contentOf({ answerMedia }: ApiRoute, octets: Uint8Array<ArrayBuffer>): unknown {
  if (answerMedia === "application/octet-stream") return octets;
  if (answerMedia === "text/plain") return new TextDecoder().decode(octets);
  return octets.length === 0 ? undefined : parseJson(octets);
}

/** Null for what is no JSON, which no answer is. */
function parseJson(octets: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(octets));
  } catch (_) {
    return null;
  }
}

/** `fetch` hides what happened behind "fetch failed". */
function reasonOf(error: Error): string {
  const { cause } = error;
  if (cause instanceof Error) return "code" in cause ? String(cause.code) : cause.message;
  return error.message;
}

/** RFC 6761, §6.3; RFC 1122, §3.2.1.3; RFC 4291, §2.5.3. */
const isLoopback = (host: string): boolean =>
  host === "localhost" || host.endsWith(".localhost") || host === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(host);
