/**
 * Devices in one process: each with a browser's database of its own (fake-indexeddb), training in the same thread, before the clients' test coordinator.
 * One of them can die at any of its strict transactions, before it is committed or right after, and come back on what it kept.
 */
import "fake-indexeddb/auto";
import { calibrateNoise, chooseScale } from "@tributary/dp";
import { formatDecimal, type Plan, portableCrypto } from "@tributary/protocol";
import { IDBFactory } from "fake-indexeddb";
import { expect } from "vitest";
import type { DeviceStatus } from "../../packages/dashboard/src/device/model.ts";
import { startTestCoordinator, type TestCoordinator, testPlan } from "../src/coordinator.test-support.ts";
import { inWords } from "../src/training/loop.ts";
import type { TrainingAnswer } from "../src/training/words.ts";
import { type BrowserDevice, type DeviceSurroundings, openDevice } from "./device.ts";
import { fetchHttp } from "./fetch-http.ts";
import { type DeviceDatabase, openTables, type TableName } from "./store/tables.ts";
import { browserLoop } from "./training/browser-loop.ts";

/** Short where a lost device is waited for. */
const deadlines = {
  keys: 4_000,
  shares: 4_000,
  uploadOffset: 300,
  masked: 2_500,
  consistency: 4_000,
  unmask: 4_000,
  grace: 1_000,
};

/** The clients' test plan, for whole nodes: four of them, one of which may be missing. */
export function devicePlan(rounds: number): Plan {
  const { releases, ...plan } = testPlan();
  const [release] = releases;
  if (release === undefined) throw new Error("the test plan trains");
  const noise = calibrateNoise({ epsilon: 8, delta: 1e-6, samplingRate: 1, steps: rounds });
  const noiseMultiplier = formatDecimal(noise * 1.001, "up");
  const { scale } = chooseScale({
    ...{ totalQuota: 4, clipNorm: "1", noiseMultiplier, dimension: release.dimension, maxNodes: 4, honestMinimum: 3 },
  });
  return {
    ...{ ...plan, unit: "node", minCustomers: 4, minCohort: 3, customerQuota: 1, deadlines },
    local: { learningRate: formatDecimal(1), proximal: formatDecimal(0), epochs: 2, batchSize: 8 },
    releases: [{ ...release, rounds, samplingRate: formatDecimal(1), noiseMultiplier, scale: formatDecimal(Number(scale)) }],
  };
}

/** When a device dies: at its so-manieth strict transaction, from 1, or at its first one with a masked vector. */
export interface Death {
  readonly at: number | "vector";
  readonly when: "before" | "after";
}

interface Life {
  readonly device: BrowserDevice;
  /** Resolves when it has died; it says nothing more, and hears nothing. */
  readonly died: Promise<void>;
  /** Ends it, unless it is dead already. */
  close(): Promise<void>;
  /** Strict transactions so far. */
  writes(): number;
}

const never = new Promise<never>(() => {});

/** What is bound to an object that a proxy stands before. */
function partOf(target: object, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name, target);
  return typeof value === "function" ? value.bind(target) : value;
}

/** The database, until death. */
function mortal(database: DeviceDatabase, death: Death | undefined, die: () => void, isDead: () => boolean) {
  let writes = 0;
  const stopped = { objectStore: () => new Proxy({}, { get: () => () => never }), done: never, error: null, abort: () => {} };
  const mortalWrite = (...given: Parameters<DeviceDatabase["transaction"]>) => {
    if (isDead()) return stopped;
    expect(given[2]).toEqual({ durability: "strict" });
    writes += 1;
    const transaction = database.transaction(...given);
    let last = death?.at === writes;
    const atVectors = (store: object) =>
      new Proxy(store, {
        get(of, name) {
          if (name === "put" && death?.at === "vector") last = true;
          return partOf(of, name);
        },
      });
    const done = async () => {
      await transaction.done;
      if (last && death?.when === "after") die();
      return isDead() ? never : undefined;
    };
    return new Proxy(transaction, {
      get(of, name) {
        if (name === "objectStore") {
          return (table: TableName) => {
            const store = of.objectStore(table);
            return table === "vectors" ? atVectors(store) : store;
          };
        }
        if (name !== "done") return partOf(of, name);
        if (!last || death?.when !== "before") return done();
        of.abort();
        of.done.catch(() => {});
        die();
        return never;
      },
    });
  };
  const watched = new Proxy(database, {
    get(target, name) {
      if (name !== "transaction") return partOf(target, name);
      return (...given: Parameters<DeviceDatabase["transaction"]>) =>
        given[1] === "readwrite" ? mortalWrite(...given) : target.transaction(...given);
    },
  }) as DeviceDatabase;
  return { watched, writes: () => writes };
}

interface Browser {
  /** Opens the page on what the browser kept. */
  open(death?: Death): Promise<Life>;
  /** What was said in all its lives, as JSON, by round and step. */
  readonly said: Map<string, Set<string>>;
}

export function testBrowser(coordinator: TestCoordinator): Browser {
  const factory = new IDBFactory();
  const said = new Map<string, Set<string>>();
  const crypto = portableCrypto();
  return {
    said,
    async open(death) {
      globalThis.indexedDB = factory;
      const database = await openTables();
      const end = Promise.withResolvers<void>();
      const ending = new AbortController();
      const isDead = () => ending.signal.aborted;
      const die = () => {
        if (isDead()) return;
        ending.abort();
        connection?.close();
        end.resolve();
      };
      let connection: ReturnType<DeviceSurroundings["connectSocket"]> | undefined;
      const { watched, writes } = mortal(database, death, die, isDead);
      const device = await openDevice({
        database: watched,
        connectHttp(url) {
          const client = fetchHttp(url, crypto);
          const alive =
            <Given extends unknown[], Result>(call: (...given: Given) => Promise<Result>) =>
            async (...given: Given): Promise<Result> => {
              if (isDead()) return never;
              const result = await call(...given);
              return isDead() ? never : result;
            };
          return {
            ...{ ...client, ledger: alive(client.ledger), blob: alive(client.blob) },
            upload: alive((message, octets, options) => {
              note(said, message.round, "vector", Buffer.from(octets).toString("hex"));
              return client.upload(message, octets, options);
            }),
          };
        },
        connectSocket(options, handlers) {
          const opened = coordinator.transport.connectSocket(options, {
            ...handlers,
            connected: () => void (isDead() || handlers.connected()),
            ledger: (entries) => void (isDead() || handlers.ledger(entries)),
            message: (payload) => (isDead() ? never : handlers.message(payload)),
          });
          connection = opened;
          return {
            ...opened,
            send(message) {
              if (isDead()) return;
              note(said, message.round, message.step, JSON.stringify(message));
              opened.send(message);
            },
          };
        },
        thread(setup, hear) {
          const loop = browserLoop(setup);
          let gone = false;
          return {
            post(order) {
              if (order.type === "end") return;
              const round = order.type === "train" ? order.round : 0;
              const work = order.type === "train" ? loop.train(order) : loop.prepare();
              work
                .catch((error: unknown): TrainingAnswer => ({ type: "failed", round, ...inWords(error) }))
                .then((answer) => void (gone || isDead() || hear.answer(answer)));
            },
            stop() {
              gone = true;
              return false;
            },
            async end() {
              gone = true;
            },
          };
        },
      });
      return { device, died: end.promise, writes, close: async () => (isDead() ? undefined : device.close()) };
    },
  };
}

/** What came of a whole plan, with one device that may have died on the way. */
interface Trial {
  /** Rounds that the ledger released, in order, with whom. */
  readonly released: readonly { readonly round: number; readonly survivors: readonly string[] }[];
  readonly status: DeviceStatus;
  /** Strict transactions of the first life. */
  readonly writes: number;
}

export const names = ["alpha", "beta", "delta", "gamma"];

const events = Array.from({ length: 9 }, (_, at) => ({ item: `item-0${at}`, action: "view", time: 1_700_000_000 + 60 * at }));

/** Four devices that joined, trust each other, and have a history each. */
async function four(coordinator: TestCoordinator): Promise<Browser[]> {
  const browsers = names.map(() => testBrowser(coordinator));
  const fingerprints: string[] = [];
  for (const [at, browser] of browsers.entries()) {
    const { device } = await browser.open();
    await device.join(coordinator.invite(names[at] ?? ""));
    fingerprints.push(device.status().joined?.fingerprint ?? "");
  }
  for (const browser of browsers) {
    const { device } = await browser.open(); // as it was kept
    await device.consent({ maxEpsilon: 8, trustedPeers: fingerprints });
    await device.giveEvents(events);
  }
  return browsers;
}

const longest = { timeout: 60_000 };

/**
 * Runs a plan to its end. Whatever happens, each thing that may be said once was said in one way, and what the ledger counts against the device it had charged.
 */
export async function deviceTrial(rounds: number, death?: Death): Promise<Trial> {
  const coordinator = await startTestCoordinator(devicePlan(rounds));
  const lives: Life[] = [];
  const live = async (browser: Browser, dies?: Death): Promise<Life> => {
    const life = await browser.open(dies);
    lives.push(life);
    void life.device.start(); // one that dies at once never comes back from it
    return life;
  };
  const running = async ({ device }: Life) => {
    await expect.poll(() => device.status().running, longest).toBe("running");
  };
  try {
    const [alpha, ...others] = await four(coordinator);
    if (alpha === undefined) throw new Error("nobody");
    const first = await live(alpha, death);
    for (const other of others) await running(await live(other));
    await Promise.race([running(first), first.died]);
    coordinator.begin();
    let last = first;
    if (death !== undefined) {
      await Promise.race([first.died, coordinator.finished]);
      last = await live(alpha);
    }
    await coordinator.finished;
    await expect.poll(() => last.device.status().running, longest).toBe("ended");

    for (const [what, different] of alpha.said) expect([what, different.size]).toEqual([what, 1]);
    const uploads = new Map<number, Set<string>>();
    for (const { node, round, sha256 } of coordinator.uploads) {
      if (node === "alpha") uploads.set(round, (uploads.get(round) ?? new Set()).add(sha256));
    }
    for (const [round, different] of uploads) expect([round, different.size]).toEqual([round, 1]);
    const released = coordinator.ledger.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "round");
    const status = last.device.status();
    const counted = released.filter(({ survivors }) => survivors.includes("alpha"));
    expect(status.rounds.charged).toBeGreaterThanOrEqual(counted.length);
    expect(released).toHaveLength(rounds);
    return { released, status, writes: first.writes() };
  } finally {
    for (const life of lives) await life.close();
    await coordinator.close();
  }
}

function note(said: Map<string, Set<string>>, round: number, what: string, bytes: string): void {
  const key = `${round} ${what}`;
  said.set(key, (said.get(key) ?? new Set()).add(bytes));
}
