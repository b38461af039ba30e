/** What the chaos is made of, without a federation: a storm follows from its seed, growth is told from noise, and the wire does to octets what its weather says. */
import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { temporaryFolder } from "../e2e/processes.ts";
import { chanceOf } from "../simulation/randomness.ts";
import { deploymentKinds, type Fault, nodeKinds, soakOf, stormOf } from "./faults.ts";
import { endingOf } from "./kept-running.ts";
import { clockAhead, preloaded } from "./shifted-clock.ts";
import { fewestPoints, trendOf } from "./trend.ts";
import { type Front, openFront, openWire, type Wire } from "./wire.ts";

const folder = temporaryFolder("chaos-test");
afterAll(folder.remove);

describe("a storm", () => {
  const nodes = Array.from({ length: 10 }, (_, place) => `merchant-${place + 1}`);
  const parties = { nodes, replicas: ["a", "b"], spared: ["a", "merchant-1"], smallDisks: ["merchant-10", "replicas"] };
  const overlapping = (faults: readonly Fault[], { at }: Fault) =>
    faults.filter((other) => other.at <= at && at < other.at + other.lasts);

  test("is the same whenever its seed is, and another one otherwise", () => {
    expect(stormOf(7, 300, parties)).toEqual(stormOf(7, 300, parties));
    expect(stormOf(8, 300, parties)).not.toEqual(stormOf(7, 300, parties));
  });

  test("has every kind in five minutes, spares the spared, and leaves most of the cohort alone at any time", () => {
    for (let seed = 0; seed < 50; seed++) {
      const storm = stormOf(seed, 300, parties);
      expect(new Set(storm.map(({ kind }) => kind))).toEqual(new Set([...nodeKinds, ...deploymentKinds]));
      const ended = storm.filter(({ kind }) => /killed|stopped|clock|memory/.test(kind)).map(({ whom }) => whom);
      expect(ended).not.toContain("a");
      expect(ended).not.toContain("merchant-1");
      for (const fault of storm) {
        const now = overlapping(storm, fault);
        expect(now.length).toBeLessThanOrEqual(3);
        expect(new Set(now.map(({ whom }) => whom)).size).toBe(now.length);
        expect(now.filter(({ whom }) => !whom.startsWith("merchant")).length).toBeLessThanOrEqual(1);
      }
    }
  });

  test("fills no disk where none is small", () => {
    const kinds = stormOf(3, 600, { ...parties, smallDisks: [] }).map(({ kind }) => kind);
    expect(kinds).not.toContain("node's disk full");
    expect(kinds).not.toContain("replicas' disk full");
  });

  test("isn't a soak, which lasts as long and only has processes and connections that come and go", () => {
    const soak = soakOf(1, 3600, parties);
    expect(new Set(soak.map(({ kind }) => kind)).size).toBe(4);
    expect(soak.at(-1)?.at).toBeGreaterThan(3500);
  });
});

describe("a trend", () => {
  /** Noise as heaps have it: mostly small, sometimes large, always above. */
  const noisy = (label: string, count: number, growth: number) => {
    const chance = chanceOf(label);
    return Array.from({ length: count }, (_, x) => ({ x, y: 60e6 + growth * x + 4e5 * -Math.log(1 - chance.number()) }));
  };

  test("is not seen in 300 series of noise that grow by what they may (false alarms: 1e-9 each)", () => {
    for (let seed = 0; seed < 300; seed++) expect(trendOf(noisy(`flat ${seed}`, 100, 5_000)).atLeast).toBeLessThan(5_000);
  });

  test("is seen in all of 300 that leak 20 kB at each step besides, and is as steep as it was made", () => {
    for (let seed = 0; seed < 300; seed++) {
      const { atLeast, slope } = trendOf(noisy(`leak ${seed}`, 100, 25_000));
      expect(atLeast).toBeGreaterThan(5_000);
      expect(slope).toBeGreaterThan(15_000);
      expect(slope).toBeLessThan(35_000);
    }
  });

  test("of a straight line is its slope; of fewer points than can say anything there is no bound", () => {
    const line = (count: number) => Array.from({ length: count }, (_, x) => ({ x, y: 3 * x }));
    const enough = fewestPoints();
    expect(trendOf(line(enough))).toEqual({ points: enough, slope: 3, atLeast: 3 });
    expect(trendOf(line(enough - 1)).atLeast).toBe(Number.NEGATIVE_INFINITY);
  });

  test("takes points at one place for one", () => {
    expect(trendOf([2, 9, 4].map((y) => ({ x: 1, y })))).toMatchObject({ points: 1 });
  });
});

describe("how a process ended", () => {
  const how = { killed: false, limited: false, over: false };
  const refused = '{"level":50,"code":"TRB_COORDINATOR_DATABASE_AWAY","msg":"it ends"}\nTRB_COORDINATOR_DATABASE_AWAY: …\n';
  const slip = "TypeError: x is not a function\n    at file:///x.ts:1:1\n\nNode.js v24\n";
  const starved = "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory\n 1: 0xb [node]\n";

  test.each([
    ["by us, whatever it said", slip, null, { ...how, killed: true }, "killed"],
    ["by a code", refused, 1, how, "coded"],
    ["by a slip", slip, 1, how, "uncoded"],
    ["by a signal that nobody sent", refused, null, how, "uncoded"],
    ["by the code for what has none", "TRB_UNEXPECTED: …", 1, how, "uncoded"],
    ["without memory, which was kept short", starved, null, { ...how, limited: true }, "out of memory"],
    ["without memory, which wasn't", starved, null, how, "uncoded"],
    ["told to stop", "", 0, { ...how, over: true }, "done"],
    ["told to stop, and not as it should", slip, 1, { ...how, over: true }, "uncoded"],
    ["as if all was done, which it isn't", "", 0, how, "uncoded"],
  ] as const)("%s", (_, log, exit, circumstances, ending) => {
    expect(endingOf(log, exit, circumstances).ending).toBe(ending);
  });
});

test("a shifted clock shifts the wall's, in threads too, and no monotonic one", { timeout: 60_000 }, async () => {
  const program = folder.file("clock.mjs");
  writeFileSync(
    program,
    `import { isMainThread, Worker } from "node:worker_threads";
    const [called, before] = [Date.parse(Date()), performance.now()];
    console.log(JSON.stringify([Date.now(), +new Date(), called, new Date(5).getTime(), new Date() instanceof Date, before < 6e4]));
    if (isMainThread) new Worker(new URL(import.meta.url));`,
  );
  const hours = -5 * 3_600_000;
  const before = Date.now();
  const { stdout } = await promisify(execFile)(process.execPath, [program], {
    env: { ...process.env, NODE_OPTIONS: `--disable-warning=ExperimentalWarning ${preloaded}`, ...clockAhead(hours) },
  });
  type Told = [now: number, made: number, called: number, given: number, isDate: boolean, monotonic: boolean];
  const threads = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Told);
  expect(threads).toHaveLength(2);
  for (const [now, made, called, given, isDate, monotonic] of threads) {
    for (const time of [now, made, called]) {
      expect(time).toBeGreaterThan(before + hours - 1000); // texts have whole seconds
      expect(time).toBeLessThanOrEqual(Date.now() + hours);
    }
    expect([given, isDate, monotonic]).toEqual([5, true, true]);
  }
});

describe("a wire to an echo", () => {
  let echo: Server;
  let wire: Wire;
  let front: Front;
  let heard: Buffer;
  let client: Socket;
  /** How the client's connection ended: as the system calls it, or "end". */
  let ended: Promise<string>;

  beforeEach(async () => {
    echo = createServer((socket) => socket.on("error", () => {}).pipe(socket)).listen(0, "127.0.0.1");
    await once(echo, "listening");
    wire = openWire("echo", () => (echo.address() as AddressInfo | null)?.port, chanceOf("wire"));
    front = await openFront([wire]);
    heard = Buffer.alloc(0);
    client = await dial();
  });
  afterEach(async () => {
    client.destroy();
    await front.close();
    echo.close();
  });

  async function dial(): Promise<Socket> {
    const socket = connect({ port: front.port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("data", (octets) => {
      heard = Buffer.concat([heard, octets]);
    });
    ended = new Promise((resolve) => {
      socket.on("end", () => resolve("end")).on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? ""));
    });
    await once(socket, "connect");
    return socket;
  }
  /** A reset may come before the connection is known to be there, or after. */
  async function outcomeOfDialling(): Promise<string> {
    client.destroy();
    try {
      client = await dial();
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : "";
    }
    return ended;
  }
  const comesBack = (octets: Buffer) => expect.poll(() => heard.equals(octets), { timeout: 20_000 }).toBe(true);
  const random = (count: number) => {
    const chance = chanceOf("octets");
    return Buffer.from(Array.from({ length: count }, () => chance.below(256)));
  };
  const awhile = () => new Promise((resolve) => setTimeout(resolve, 100));

  test("in fair weather hands everything on, more than it holds too, and ends when both ends have said so", async () => {
    const octets = random(2 ** 20);
    client.end(octets);
    await comesBack(octets);
    expect(await ended).toBe("end");
    await expect.poll(wire.open).toBe(0);
    expect(wire.seen()).toMatchObject({ connections: 1, octets: { up: 2 ** 20, down: 2 ** 20 }, flipped: { up: 0, down: 0 } });
  });

  test("delays, and keeps the order", async () => {
    wire.weather({ delay: 40, jitter: 40 });
    const begun = performance.now();
    const octets = random(64);
    for (const octet of octets) client.write(Buffer.from([octet]));
    await comesBack(octets);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(80);
  });

  test("is narrow", async () => {
    wire.weather({ octetsPerSecond: 200_000 });
    const begun = performance.now();
    const octets = random(60_000);
    client.write(octets);
    await comesBack(octets);
    expect(performance.now() - begun).toBeGreaterThanOrEqual(300);
  });

  test.each([["up"], ["down"]] as const)(
    "holds back what goes %s, and hands it on once the weather clears",
    async (direction) => {
      wire.weather({ silent: [direction] });
      client.write("there?");
      await awhile();
      expect(heard.length).toBe(0);
      expect(wire.seen().octets.up).toBe(direction === "up" ? 0 : 6);
      expect(wire.open()).toBe(1);
      wire.weather({});
      await comesBack(Buffer.from("there?"));
    },
  );

  test("cuts by FIN", async () => {
    client.write("a");
    await comesBack(Buffer.from("a"));
    expect(wire.cut("fin")).toBe(1);
    expect(await ended).toBe("end");
  });

  test("cuts by RST, and takes the next connection", async () => {
    client.write("a");
    await comesBack(Buffer.from("a"));
    expect(wire.cut("rst")).toBe(1);
    expect(await ended).toBe("ECONNRESET");
    await expect.poll(wire.open).toBe(0);
    client = await dial();
    client.write("b");
    await comesBack(Buffer.from("ab"));
    expect(wire.seen()).toMatchObject({ connections: 2, cut: 1 });
  });

  test("refuses new ones", async () => {
    wire.weather({ refuses: true });
    expect(await outcomeOfDialling()).toBe("ECONNRESET");
  });

  test("flips one bit of a chunk, and counts it", async () => {
    wire.weather({ flips: 1 });
    const octets = Buffer.alloc(1000);
    client.write(octets);
    await expect.poll(() => heard.length).toBe(1000);
    const bits = [...heard].reduce((sum, octet) => sum + octet.toString(2).replaceAll("0", "").length, 0);
    const { up, down } = wire.seen().flipped;
    expect(up + down).toBeGreaterThanOrEqual(2);
    expect(bits % 2).toBe((up + down) % 2);
    expect(bits).toBeLessThanOrEqual(up + down);
    expect(bits).toBeGreaterThan(0);
  });

  test("goes to another end where nobody listens at the first, and resets where nobody does at all", async () => {
    const nobody = openWire("nobody", () => undefined, chanceOf("nobody"));
    const closed = openWire("closed", () => 1, chanceOf("closed"));
    await front.close();
    front = await openFront([nobody, closed, wire]);
    client = await dial();
    client.write("x");
    await comesBack(Buffer.from("x"));
    await front.close();
    front = await openFront([nobody, closed]);
    expect(await outcomeOfDialling()).toBe("ECONNRESET");
  });
});
