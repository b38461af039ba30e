/** HTTP requests and websocket frames that no honest node sends, written octet by octet. */
import { connect } from "node:net";
import fc from "fast-check";

export interface RawRequest {
  readonly kind: string;
  readonly octets: Buffer;
  /** Codes that it may be answered with; none: the connection may also just end. */
  readonly codes: readonly string[];
  readonly mayHangUp?: true;
}

const zeros = "0".repeat(64);
const requestInvalid = ["TRB_COORDINATOR_REQUEST_INVALID"];

function http(
  method: string,
  path: string,
  headers: Readonly<Record<string, string | number>>,
  body: Buffer | string = "",
): Buffer {
  const lines = Object.entries({ host: "h", connection: "close", ...headers }).map(([name, value]) => `${name}: ${value}`);
  return Buffer.concat([Buffer.from(`${[`${method} ${path} HTTP/1.1`, ...lines].join("\r\n")}\r\n\r\n`), Buffer.from(body)]);
}

const json = (body: string, more = {}) =>
  http("POST", "/v1/join", { "content-type": "application/json", "content-length": Buffer.byteLength(body), ...more }, body);
const put = (
  headers: Readonly<Record<string, string | number>>,
  body: Buffer | string = "",
  path = `/v1/rounds/1/vectors/${zeros}`,
) =>
  http(
    "PUT",
    path,
    { "content-type": "application/octet-stream", "content-length": Buffer.from(body).length, ...headers },
    body,
  );
const says = (message: unknown) => Buffer.from(JSON.stringify(message)).toString("base64url");

export const rawRequests: fc.Arbitrary<RawRequest> = fc.oneof(
  fc
    .uint8Array({ minLength: 1, maxLength: 200 })
    .filter(([first = 0]) => first < 65)
    .map((octets) => ({
      ...{
        kind: "no HTTP",
        octets: Buffer.concat([octets, Buffer.from("\r\n\r\n")]),
        codes: requestInvalid,
        mayHangUp: true as const,
      },
    })),
  fc.integer({ min: 17_000, max: 60_000 }).map((length) => ({
    kind: "a head too long",
    octets: http("GET", "/v1/plan", { "x-tributary-message": "a".repeat(length) }),
    codes: ["TRB_COORDINATOR_REQUEST_TOO_LARGE"],
    mayHangUp: true as const,
  })),
  fc
    .constantFrom("{", "[1,", '"', "\u0000", "nul", '{"token":1}', "[]", '{"__proto__":{}}', '{"constructor":{"prototype":{}}}')
    .map((body) => ({ kind: "a body that is no request", octets: json(body), codes: requestInvalid })),
  fc.integer({ min: 65_537, max: 200_000 }).map((length) => ({
    kind: "a body too long",
    octets: json("x".repeat(length)),
    codes: ["TRB_COORDINATOR_REQUEST_TOO_LARGE"],
    mayHangUp: true as const,
  })),
  fc.constantFrom("gzip", "br", "deflate", "zstd", "gzip, gzip").map((encoding) => ({
    kind: "a packed body",
    octets: json("x".repeat(100), { "content-encoding": encoding }),
    codes: ["TRB_COORDINATOR_ENCODING_REFUSED"],
    mayHangUp: true as const,
  })),
  fc
    .constantFrom("/v1/nowhere", "/", "/v1/../keys/identity", "/v1/blobs", `/v1/rounds/1/vectors/${zeros}/more`)
    .map((path) => ({
      kind: "no route",
      octets: http("GET", path, {}),
      codes: ["TRB_COORDINATOR_ROUTE_UNKNOWN", ...requestInvalid],
    })),
  fc.constantFrom("/v2/plan", "/v0/join", "/v9999/x").map((path) => ({
    kind: "another major",
    octets: http("GET", path, {}),
    codes: ["TRB_ROUND_VERSION_UNKNOWN"],
  })),
  fc
    .constantFrom(
      "/v1/ledger?from=-1",
      "/v1/ledger?from=NaN",
      "/v1/ledger?from=1e99",
      "/v1/identity?nonce=g",
      "/v1/blobs/%00",
      "/v1/ledger?x=1",
      "/v1/ledger?from=1&from=2",
    )
    .map((path) => ({ kind: "a query that asks nothing", octets: http("GET", path, {}), codes: requestInvalid })),
  fc.tuple(fc.base64String({ maxLength: 200 }), fc.uint8Array({ maxLength: 300 })).map(([text, octets]) => ({
    kind: "a vector under no message",
    octets: put({ "x-tributary-message": text.replaceAll("\n", "") }, Buffer.from(octets)),
    codes: [...requestInvalid, "TRB_MESSAGE_INVALID"],
  })),
  fc
    .constantFrom<unknown>(
      {},
      [],
      1,
      { step: "vote" },
      { version: "7.0" },
      { step: "masked", body: { length: -1 } },
      { body: "x".repeat(5000) },
    )
    .map((message) => ({
      kind: "a vector under a malformed message",
      octets: put({ "x-tributary-message": says(message) }, Buffer.alloc(64)),
      codes: [...requestInvalid, "TRB_MESSAGE_INVALID", "TRB_MESSAGE_TOO_LARGE", "TRB_ROUND_VERSION_UNKNOWN"],
    })),
  fc.constantFrom("-1", "1e3", "NaN", "0x10", "99999999999999999999").map((length) => ({
    kind: "a length that is none",
    octets: put({ "content-length": length }, "abc"),
    codes: requestInvalid,
    mayHangUp: true as const,
  })),
  fc.integer({ min: 1, max: 60 }).map((sent) => ({
    kind: "a body cut off",
    octets: json("x".repeat(64)).subarray(0, -sent),
    codes: requestInvalid,
    mayHangUp: true as const,
  })),
  fc.constantFrom("PATCH", "DELETE", "TRACE", "PROPFIND").map((method) => ({
    kind: "another method",
    octets: http(method, "/v1/plan", {}),
    codes: ["TRB_COORDINATOR_ROUTE_UNKNOWN"],
  })),
);

/** Sends the octets, ends its side, and reads what comes back. Status 0: nothing came. */
export function sendRaw(port: number, octets: Buffer): Promise<{ readonly status: number; readonly code: string | undefined }> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(port, "127.0.0.1", () => void socket.end(octets));
    socket.on("data", (chunk) => {
      text += chunk.toString("latin1");
    });
    socket.on("error", () => {}); // it was cut off: `close` follows
    socket.on("close", () => {
      const status = Number(/^HTTP\/1\.1 ([0-9]{3})/.exec(text)?.[1] ?? 0);
      resolve({ status, code: /"code":"(TRB_[A-Z_]+)"/.exec(text)?.[1] });
    });
  });
}

/** One websocket frame of a stranger: text or octets, whole or broken. What it is answered with doesn't matter; that it ends does. */
export const strangeFrames: fc.Arbitrary<string | Uint8Array<ArrayBuffer>> = fc.oneof(
  fc.string({ maxLength: 300 }),
  fc.uint8Array({ maxLength: 300 }).map((octets) => Uint8Array.from(octets)),
  fc.constantFrom(
    "0",
    "40",
    "42",
    '42["message"',
    '42["hello",{}]',
    "451-",
    '451-["message",{"_placeholder":true,"num":9}]',
    "9",
    "44",
    '42["message",{"a":NaN}]',
  ),
  fc.integer({ min: 1000, max: 14_000 }).map((levels) => `42["hello",${"[".repeat(levels)}`),
  fc.integer({ min: 500, max: 5000 }).map((levels) => `451-["hello",${"[".repeat(levels)}${"]".repeat(levels)}]`),
  fc.integer({ min: 17_000, max: 2_000_000 }).map((length) => `42["hello","${"a".repeat(length)}"]`),
);

/** Opens a websocket, sends the frames, and waits until the coordinator ends it; it is ended from here when it doesn't within a second. */
export function sendFrames(url: string, frames: readonly (string | Uint8Array<ArrayBuffer>)[]): Promise<void> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${url.replace("http", "ws")}/socket.io/?EIO=4&transport=websocket`);
    const timer = setTimeout(() => socket.close(), 20);
    socket.addEventListener("open", () => {
      for (const frame of frames) if (socket.readyState === WebSocket.OPEN) socket.send(frame);
    });
    socket.addEventListener("error", () => {}); // it was cut off: `close` follows
    socket.addEventListener("close", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
