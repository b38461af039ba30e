/** How many bytes crossed the wire: TCP payload of every connection, HTTP and WebSocket alike, counted where the kernel hands it over. */
import type { Server } from "node:http";
import type { Socket } from "node:net";

export interface Traffic {
  /** Since the process started. */
  total(): { readonly bytesIn: number; readonly bytesOut: number };
}

export function countTraffic(server: Server): Traffic {
  const open = new Set<Socket>();
  let closedIn = 0;
  let closedOut = 0;
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      closedIn += socket.bytesRead;
      closedOut += socket.bytesWritten;
    });
  });
  return {
    total() {
      let bytesIn = closedIn;
      let bytesOut = closedOut;
      for (const socket of open) {
        bytesIn += socket.bytesRead;
        bytesOut += socket.bytesWritten;
      }
      return { bytesIn, bytesOut };
    },
  };
}
