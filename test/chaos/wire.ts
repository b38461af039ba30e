/**
 * A TCP wire of ours between a process and what it talks to, whose weather can be changed while connections are open: it delays, narrows, holds octets back
 * without a word, flips bits, and is cut by FIN or RST. What it holds back it hands on when the weather clears, as TCP itself would; only cuts lose octets.
 */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { Chance } from "../simulation/randomness.ts";

/** From whoever connects to whoever listens, and back. */
type Direction = "up" | "down";

export interface Weather {
  /** Milliseconds that everything takes longer, and up to how many more, at random. */
  readonly delay: number;
  readonly jitter: number;
  readonly octetsPerSecond: number;
  /** Directions in which nothing gets through, though connections stay open and new ones are taken. */
  readonly silent: readonly Direction[];
  /** Probability that one bit of a chunk is flipped. */
  readonly flips: number;
  /** New connections are reset at once. */
  readonly refuses: boolean;
}

const fair: Weather = {
  ...{ delay: 0, jitter: 0, octetsPerSecond: Number.POSITIVE_INFINITY },
  ...{ silent: [], flips: 0, refuses: false },
};

interface Seen {
  readonly connections: number;
  readonly cut: number;
  readonly octets: Readonly<Record<Direction, number>>;
  /** Bits flipped. */
  readonly flipped: Readonly<Record<Direction, number>>;
}

export interface Wire {
  readonly name: string;
  /** From now on; what isn't said is fair. */
  weather(next: Partial<Weather>): void;
  /** Ends every open connection, politely or not. @returns how many */
  cut(how: "fin" | "rst"): number;
  /** Open connections. */
  open(): number;
  seen(): Seen;
  /** Carries a connection that somebody has made. @returns false if nobody listens at the other end: then it is untouched */
  carry(near: Socket): Promise<boolean>;
}

/** No more is held in memory than this, in octets a direction; the rest waits with whoever sends it. */
const held = 256 * 1024;
/** As a kernel hands them on: a narrow wire passes no larger pieces. */
const piece = 16 * 1024;

/** @param target the port on the loopback interface, as it is now; undefined: nobody is there */
export function openWire(name: string, target: () => number | undefined, chance: Chance): Wire {
  let now = fair;
  const pairs = new Set<{ readonly near: Socket; readonly far: Socket }>();
  const flows = new Set<Flow>();
  const seen = { connections: 0, cut: 0, octets: { up: 0, down: 0 }, flipped: { up: 0, down: 0 } };

  const flipped = (chunk: Buffer, direction: Direction): Buffer => {
    if (now.flips === 0 || !chance.happens(now.flips)) return chunk;
    const other = Buffer.from(chunk);
    const at = chance.below(other.length);
    other[at] = (other[at] ?? 0) ^ (1 << chance.below(8));
    seen.flipped[direction] += 1;
    return other;
  };

  return {
    name,
    weather(next) {
      now = { ...fair, ...next };
      for (const flow of flows) flow.look();
    },
    cut(how) {
      const open = [...pairs];
      for (const { near, far } of open) {
        for (const socket of [near, far]) {
          if (how === "rst") socket.resetAndDestroy();
          else socket.destroySoon();
        }
      }
      seen.cut += open.length;
      return open.length;
    },
    open: () => pairs.size,
    seen: () => ({ ...seen, octets: { ...seen.octets }, flipped: { ...seen.flipped } }),
    async carry(near) {
      if (now.refuses) {
        near.resetAndDestroy();
        return true;
      }
      const port = target();
      const far = port === undefined ? undefined : await reach(port);
      if (far === undefined) return false;
      if (near.destroyed) {
        far.destroy();
        return true;
      }
      seen.connections += 1;
      const pair = { near, far };
      pairs.add(pair);
      const between = (from: Socket, to: Socket, direction: Direction): Flow => {
        const flow = openFlow(from, to, {
          weather: () => ({ ...now, silent: now.silent.includes(direction) }),
          late: () => now.delay + chance.number() * now.jitter,
          pass(chunk) {
            seen.octets[direction] += chunk.length;
            return flipped(chunk, direction);
          },
        });
        flows.add(flow);
        return flow;
      };
      const both = [between(near, far, "up"), between(far, near, "down")];
      for (const [socket, other] of [
        [near, far],
        [far, near],
      ] as const) {
        socket.on("error", () => other.resetAndDestroy());
        socket.on("close", () => {
          // after a polite end what came before it is still handed on
          if (!socket.readableEnded) other.destroy();
          if (!other.destroyed) return;
          pairs.delete(pair);
          for (const flow of both) {
            flow.stop();
            flows.delete(flow);
          }
        });
      }
      return true;
    },
  };
}

/** A connection to this port, half-open as TCP's are; undefined where nobody takes it. */
function reach(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    far.once("error", () => resolve(undefined));
    far.once("connect", () => {
      far.removeAllListeners("error");
      resolve(far);
    });
  });
}

interface Flow {
  /** At the weather, which has changed. */
  look(): void;
  stop(): void;
}

interface FlowOptions {
  readonly weather: () => { readonly silent: boolean; readonly octetsPerSecond: number };
  /** By how many milliseconds the next chunk is. */
  readonly late: () => number;
  readonly pass: (chunk: Buffer) => Buffer;
}

/** One direction of a connection: chunks wait in order until they are due. `null` is the FIN. */
function openFlow(from: Socket, to: Socket, { weather, late, pass }: FlowOptions): Flow {
  const waiting: { readonly chunk: Buffer | null; readonly due: number }[] = [];
  let octets = 0;
  let last = 0;
  let timer: NodeJS.Timeout | undefined;
  let full = false;
  let stopped = false;

  const enter = (chunk: Buffer | null) => {
    const { octetsPerSecond } = weather();
    const takes = ((chunk?.length ?? 0) / octetsPerSecond) * 1e3;
    last = Math.max(performance.now() + late(), last) + takes;
    waiting.push({ chunk, due: last });
    octets += chunk?.length ?? 0;
  };
  const drain = () => {
    clearTimeout(timer);
    timer = undefined;
    while (!stopped && !full && !weather().silent) {
      const next = waiting[0];
      if (next === undefined) break;
      const wait = next.due - performance.now();
      if (wait > 0.5) {
        timer = setTimeout(drain, wait);
        break;
      }
      waiting.shift();
      if (next.chunk === null) {
        to.end();
        break;
      }
      octets -= next.chunk.length;
      if (to.writable && !to.write(pass(next.chunk))) {
        full = true;
        to.once("drain", () => {
          full = false;
          drain();
        });
      }
    }
    if (octets < held / 2 && from.isPaused() && !from.destroyed) from.resume();
  };
  from.on("data", (chunk: Buffer) => {
    const size = Number.isFinite(weather().octetsPerSecond) ? piece : chunk.length;
    for (let at = 0; at < chunk.length; at += size) enter(chunk.subarray(at, at + size));
    if (octets > held) from.pause();
    drain();
  });
  from.on("end", () => {
    enter(null);
    drain();
  });
  return {
    look: drain,
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}

export interface Front {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens for one process, and carries each of its connections by the next of these wires at whose other end somebody listens. */
export async function openFront(wires: readonly Wire[]): Promise<Front> {
  let next = 0;
  const open = new Set<Socket>();
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (near) => {
    open.add(near);
    near.on("close", () => open.delete(near)).on("error", () => near.destroy());
    void (async () => {
      for (let attempt = 0; attempt < wires.length; attempt++) {
        if (!(await wires[next++ % wires.length]?.carry(near))) continue;
        near.resume();
        return;
      }
      near.resetAndDestroy();
    })();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
