/**
 * How many connections strangers may hold. Whoever has proved a node's key over a connection is left alone; of all others the one that came first gives way when there
 * are too many, and of requests under way the one that has taken longest. So ten thousand that connect and say nothing cost the server no more than `most` sockets, and a
 * member gets in past them, since it says who it is within the time of a few thousand connections.
 *
 *   connection ─▶ guest ─┬─▶ known (hello)              stays
 *                        ├─▶ request under way          until it is answered; of too many the oldest is ended
 *                        └─▶ too many guests            the oldest is ended
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export interface Guests {
  /** A node has proved its key over this connection. */
  known(socket: Socket): void;
  /** How many there are now. */
  count(): number;
}

export interface GuestLimits {
  /** Connections that say nothing, and are nobody's that is known. A thousand nodes have five each; idle ones of theirs are made anew when they are needed. */
  readonly idle: number;
  /** Requests under way. */
  readonly asking: number;
}

const guestLimits: GuestLimits = { idle: 4_000, asking: 3_000 };

export function watchGuests(server: Server, limits: GuestLimits = guestLimits): Guests {
  /** Both in the order in which they came. */
  const idle = new Set<Socket>();
  const asking = new Set<Socket>();
  const open = new Map<string, Socket>();
  const members = new WeakSet<Socket>();

  const admit = (socket: Socket, among: Set<Socket>, most: number) => {
    if (members.has(socket) || socket.destroyed) return;
    among.add(socket);
    if (among.size <= most) return;
    const [oldest] = among;
    if (oldest === undefined) return;
    among.delete(oldest);
    oldest.destroy();
  };

  server.on("connection", (socket: Socket) => {
    const address = addressOf(socket);
    open.set(address, socket);
    socket.once("close", () => {
      idle.delete(socket);
      asking.delete(socket);
      if (open.get(address) === socket) open.delete(address);
    });
    admit(socket, idle, limits.idle);
  });
  server.on("request", ({ socket }: IncomingMessage, response: ServerResponse) => {
    const wire = open.get(addressOf(socket));
    if (wire === undefined) return;
    idle.delete(wire);
    response.once("close", () => {
      asking.delete(wire);
      admit(wire, idle, limits.idle);
    });
    admit(wire, asking, limits.asking);
  });

  return {
    known(socket) {
      const wire = open.get(addressOf(socket));
      if (wire === undefined) return;
      members.add(wire);
      idle.delete(wire);
    },
    count: () => idle.size + asking.size,
  };
}

/** Under TLS a request comes over another socket than the connection: both are of one address. */
const addressOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
