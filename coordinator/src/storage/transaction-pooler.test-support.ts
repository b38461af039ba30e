/**
 * What a pooler in transaction mode does to a connection, as plainly as it can be done: each client begins a session with the server; from then on whatever a
 * client says goes to the session that was free last, and is its own until the server says that no transaction is open (`ReadyForQuery` with `I`).
 */
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Of PostgreSQL's protocol: type, length with itself, content; the status is the octet after. */
const readyForQuery = 0x5a;
const idle = "I".charCodeAt(0);
const terminate = 0x58;

export interface Pooler {
  readonly port: number;
  close(): Promise<void>;
}

interface Session {
  readonly socket: Socket;
  /** Who is answered by it now. */
  client: Socket | undefined;
  rest: Buffer;
}

export async function transactionPooler(port: number): Promise<Pooler> {
  const free: Session[] = [];
  const sockets = new Set<Socket>();

  /** Messages of the server go to whoever has the session; after the last of a transaction nobody has it. */
  const serve = (session: Session, said: Buffer) => {
    session.client?.write(said);
    session.rest = Buffer.concat([session.rest, said]);
    for (let rest = session.rest; rest.length >= 5; rest = session.rest) {
      const length = 1 + rest.readUInt32BE(1);
      if (rest.length < length) return;
      session.rest = rest.subarray(length);
      if (rest[0] !== readyForQuery || rest[5] !== idle) continue;
      session.client = undefined;
      free.push(session);
    }
  };

  const server = createServer((client) => {
    const session: Session = { socket: connect(port, "127.0.0.1"), client, rest: Buffer.alloc(0) };
    let using: Session = session; // until the server knows who this is
    for (const socket of [client, session.socket]) {
      sockets.add(socket);
      socket.on("error", () => socket.destroy());
    }
    session.socket.on("data", (said) => serve(session, said));
    client.on("data", (said) => {
      if (said[0] === terminate) {
        client.destroy(); // its session stays, for others
        return;
      }
      if (using.client !== client) using = free.pop() ?? using;
      using.client = client;
      using.socket.write(said);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    async close() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
