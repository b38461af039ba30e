/** Networks for tests of replicas: buses that hear each other without a database, and a way to a database that can be cut off. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { pino } from "pino";
import { type Bus, openBus } from "./bus.ts";

/** Buses that hear each other, as JSON. Frames of a kind in `lost` don't arrive. */
export function busNetwork() {
  const hearers: { readonly name: string; readonly hear: (frame: unknown) => void }[] = [];
  const buses: Bus[] = [];
  const lost = new Set<string>();
  const bus = (name: string): Bus => {
    const emit = (frame: unknown) => {
      const text = JSON.stringify(frame);
      const { kind } = JSON.parse(text) as { kind: string };
      if (lost.has(kind)) return;
      for (const other of hearers) if (other.name !== name) setImmediate(() => other.hear(JSON.parse(text)));
    };
    const listen = (hear: (frame: unknown) => void) => void hearers.push({ name, hear });
    const opened = openBus({ emit, listen }, name, pino({ level: "silent" }), { beatEvery: 1_000_000, patience: 30 });
    buses.push(opened);
    return opened;
  };
  const close = () => {
    for (const one of buses) one.close();
  };
  return { bus, lost, close };
}

/** A way to a port on this machine that can be cut off. */
export async function cuttable(port: number) {
  const open = new Set<Socket>();
  let refused = false;
  const server = createServer((near) => {
    if (refused) return void near.destroy();
    const far = connect(port, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(from);
      from.pipe(to);
      from
        .on("error", () => to.destroy())
        .on("close", () => {
          open.delete(from);
          to.destroy();
        });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const destroyAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    /** As at a process that doesn't move: octets stay where they are, and nobody who comes anew gets through. */
    stall() {
      refused = true;
      for (const socket of open) socket.unpipe().pause();
    },
    /** As at a server that is shut down. */
    refuse(now: boolean) {
      refused = now;
      if (now) destroyAll();
    },
    close() {
      destroyAll();
      server.close();
    },
  };
}
