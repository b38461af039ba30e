/**
 * socket.io's websocket, but the other side's first words are read before they are believed. `engine.io-client` parses them where nobody catches what that
 * throws: one wrong octet in a handshake, or a coordinator that says nonsense, would end the whole process. Found by `pnpm test:chaos`.
 */
import { NodeWebSocket } from "socket.io-client";
import { z } from "zod";

/** Milliseconds; what no timer can wait for is no interval. */
const milliseconds = z
  .int()
  .min(1)
  .max(2 ** 30);
const handshakeSchema = z.object({ sid: z.string(), pingInterval: milliseconds, pingTimeout: milliseconds });

type Packet = Parameters<NodeWebSocket["onPacket"]>[0];

/** In browsers their own websocket: the library says so to bundlers. */
export class CarefulWebSocket extends NodeWebSocket {
  override onPacket(packet: Packet): void {
    // the connection is given up and made anew, as after any failure of the network
    if (packet.type === "open" && !isHandshake(packet.data)) this.onError("handshake", new Error("it is none"));
    else super.onPacket(packet);
  }
}

function isHandshake(text: unknown): boolean {
  try {
    return handshakeSchema.safeParse(JSON.parse(String(text))).success;
  } catch {
    return false;
  }
}
