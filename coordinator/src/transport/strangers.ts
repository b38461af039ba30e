/**
 * A connection that has not said who it is may send no more than an honest one needs to: a stranger costs the server some kibibytes,
 * whatever frame it announces.
 */
import type { Server, Socket } from "socket.io";

/** The upgrade's first frames and `hello`: below 1 KiB each. */
const mostBytes = 16 * 1024;

export interface Strangers {
  /** This connection has proved its key. */
  known(socket: Socket): void;
}

export function watchStrangers(io: Server): Strangers {
  const stops = new WeakMap<object, () => void>();
  io.engine.on("connection", (connection: Socket["conn"]) => {
    const wire = connection.request.socket;
    let bytes = 0;
    const count = (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > mostBytes) wire.destroy();
    };
    wire.on("data", count);
    stops.set(connection, () => wire.off("data", count));
  });
  return { known: (socket) => stops.get(socket.conn)?.() };
}
