/**
 * Nodes that fetch a model, each over a connection of its own: half of it, as if the connection had broken there, the rest by `range`, and once more by its
 * `etag`, which the answer to must be empty. Bodies are counted and thrown away, so that it is the server that is measured; some are hashed.
 */
import { createHash, type Hash } from "node:crypto";
import { connect, type Socket } from "node:net";
import { fail } from "@tributary/errors";

export interface DownloadOrder {
  readonly url: string;
  readonly sha256: string;
  readonly octets: number;
  /** Hashes what comes: costs the client as much as the server. */
  readonly checked: boolean;
}

/** Of the bodies: `octets`. @throws TRB_UNEXPECTED when anything is not as it should be */
export async function downloadOnce({ url, sha256, octets, checked }: DownloadOrder): Promise<number> {
  const { hostname, port } = new URL(url);
  const half = Math.floor(octets / 2);
  const hash = checked ? createHash("sha256") : undefined;
  const asking = openExchange(hostname, Number(port), hash);
  const get = (header: string) =>
    asking.ask(`GET /v1/blobs/${sha256} HTTP/1.1\r\nhost: ${hostname}:${port}\r\n${header}\r\n\r\n`);
  try {
    const first = await get(`range: bytes=0-${half - 1}`);
    const rest = await get(`range: bytes=${half}-`);
    const known = await get(`if-none-match: "${sha256}"`);
    const right = first.status === 206 && rest.status === 206 && known.status === 304 && known.octets === 0;
    if (!right || first.octets + rest.octets !== octets)
      throw unexpected(`statuses ${first.status}, ${rest.status}, ${known.status}`);
    if (hash !== undefined && hash.digest("hex") !== sha256) throw unexpected("other octets than its name says");
    return octets;
  } finally {
    asking.close();
  }
}

interface Answered {
  readonly status: number;
  readonly octets: number;
}

/** So much of an answer is read at a time. */
const piece = 1 << 18;

function openExchange(host: string, port: number, hash: Hash | undefined) {
  let waiting: { readonly resolve: (answer: Answered) => void; readonly reject: (error: Error) => void } | undefined;
  let head = Buffer.alloc(0);
  /** Of the answer under way, once its head has come. */
  let body: { readonly status: number; readonly length: number; come: number } | undefined;

  const heard = (octets: Buffer) => {
    let rest = octets;
    if (body === undefined) {
      head = Buffer.concat([head, octets]);
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      const text = head.subarray(0, end).toString("latin1");
      const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1]);
      body = { status, length: status === 304 ? 0 : Number(/^content-length: (\d+)$/im.exec(text)?.[1]), come: 0 };
      rest = head.subarray(end + 4);
      head = Buffer.alloc(0);
    }
    hash?.update(rest);
    body.come += rest.length;
    if (body.come < body.length) return;
    const { status, come } = body;
    body = undefined;
    waiting?.resolve({ status, octets: come });
    waiting = undefined;
  };
  const failed = (reason: string) => {
    waiting?.reject(unexpected(reason));
    waiting = undefined;
  };

  const socket: Socket = connect({
    ...{ host, port },
    onread: {
      buffer: Buffer.allocUnsafe(piece),
      callback(read, octets) {
        heard(Buffer.from(octets.buffer, octets.byteOffset, read));
        return true;
      },
    },
  });
  socket.on("error", (error) => failed(error.message));
  socket.on("close", () => failed("the connection closed"));
  return {
    ask: (request: string) =>
      new Promise<Answered>((resolve, reject) => {
        waiting = { resolve, reject };
        socket.write(request);
      }),
    close: () => void socket.destroy(),
  };
}

const unexpected = (what: string) => fail("TRB_UNEXPECTED", { reason: `a download had ${what}` });
