/** Faults, done to a deployment at their times and undone again. */
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { Deployment } from "./deployment.ts";
import type { Fault, FaultKind } from "./faults.ts";
import type { KeptRunning } from "./kept-running.ts";
import type { Weather, Wire } from "./wire.ts";

const hour = 3_600_000;
const minute = 60_000;

/** Done at once; what is returned undoes it. */
type Deed = (deployment: Deployment, fault: Fault) => Promise<() => void | Promise<void>>;

/** Runs them all; resolves once the last one is undone. @throws what doing or undoing threw */
export async function storm(deployment: Deployment, faults: readonly Fault[], said: (line: string) => void): Promise<void> {
  const begun = performance.now();
  const wait = (seconds: number) => sleep(Math.max(0, 1e3 * seconds - (performance.now() - begun)));
  await Promise.all(
    faults.map(async (fault) => {
      await wait(fault.at);
      const undo = await deeds[fault.kind](deployment, fault);
      said(`${fault.kind}: ${fault.whom}`);
      await wait(fault.at + fault.lasts);
      await undo();
    }),
  );
}

const wiresOf = ({ wire, parties }: Deployment, whom: string): readonly Wire[] =>
  parties.nodes.includes(whom)
    ? parties.replicas.map((replica) => wire(whom, replica))
    : parties.nodes.map((node) => wire(node, whom));

const processOf = ({ nodes, replicas }: Deployment, whom: string): KeptRunning => {
  const found = nodes.get(whom) ?? replicas.get(whom);
  if (found === undefined) throw new Error(`nobody is called ${whom}`);
  return found;
};

/** Weather on wires, fair again afterwards. */
const weather =
  (which: (deployment: Deployment, whom: string) => readonly Wire[], how: (fault: Fault) => Partial<Weather>): Deed =>
  async (deployment, fault) => {
    const wires = which(deployment, fault.whom);
    for (const wire of wires) wire.weather(how(fault));
    return () => {
      for (const wire of wires) wire.weather({});
    };
  };

/** Everything that is open is cut, again and again while it lasts. */
const cuts =
  (which: (deployment: Deployment, whom: string) => readonly Wire[], how: (fault: Fault) => "fin" | "rst"): Deed =>
  async (deployment, fault) => {
    const cut = () => {
      for (const wire of which(deployment, fault.whom)) wire.cut(how(fault));
    };
    cut();
    const again = setInterval(cut, 700 + 1500 * fault.strength);
    return () => clearInterval(again);
  };

/** One direction is gone, and by and by the connection with it. */
const halfOpen: Deed = async (deployment, fault) => {
  const wires = wiresOf(deployment, fault.whom);
  for (const wire of wires) wire.weather({ silent: [fault.strength < 0.5 ? "up" : "down"] });
  return () => {
    for (const wire of wires) {
      wire.cut("rst");
      wire.weather({});
    }
  };
};

const killed: Deed = async (deployment, { whom, lasts }) => {
  await processOf(deployment, whom).kill(lasts);
  return () => {};
};

const stopped: Deed = async (deployment, { whom }) => {
  const one = processOf(deployment, whom);
  one.signal("SIGSTOP");
  return () => one.signal("SIGCONT");
};

/** It comes back with another clock, at most so far from the true one, and keeps it. */
const clock =
  (most: number): Deed =>
  async (deployment, { whom, strength }) => {
    const one = processOf(deployment, whom);
    one.adjust({ clock: Math.round(most * (2 * strength - 1)) });
    await one.kill(1);
    return () => {};
  };

/** It comes back with so little room that it may die of it, and with all of it after that. @param heap mebibytes, from and to */
const memory =
  (least: number, most: number): Deed =>
  async (deployment, { whom, strength, lasts }) => {
    const one = processOf(deployment, whom);
    one.adjust({ heap: Math.round(least + (most - least) * strength) });
    await one.kill(1);
    // long enough to have tried
    await sleep(1e3 * lasts);
    return async () => {
      one.adjust({ heap: undefined });
      await one.kill(1);
    };
  };

const disk =
  (folder: (deployment: Deployment, whom: string) => string): Deed =>
  async (deployment, { whom }) => {
    const ballast = `${folder(deployment, whom)}/ballast`;
    fill(ballast);
    return () => rmSync(ballast, { force: true });
  };

/** Until not another octet fits. */
function fill(file: string): void {
  const open = openSync(file, "w");
  try {
    for (const size of [1 << 20, 1 << 12, 1]) {
      const octets = new Uint8Array(size);
      try {
        for (;;) if (writeSync(open, octets) < size) break;
      } catch (error) {
        if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
      }
    }
  } finally {
    closeSync(open);
  }
}

const either = ({ strength }: Fault): "fin" | "rst" => (strength < 0.5 ? "fin" : "rst");
const databaseOf = ({ databaseWire }: Deployment, whom: string): readonly Wire[] => [databaseWire(whom)];
const slow = (fault: Fault) => ({ delay: 50 + 700 * fault.strength, jitter: 50 + 400 * fault.strength });
const silent = () => ({ silent: ["up", "down"] as const });

const deeds: Record<FaultKind, Deed> = {
  "slow node": weather(wiresOf, slow),
  "narrow node": weather(wiresOf, ({ strength }) => ({ octetsPerSecond: 4_000 + 60_000 * strength })),
  "node cut by FIN": cuts(wiresOf, () => "fin"),
  "node cut by RST": cuts(wiresOf, () => "rst"),
  "silent node": weather(wiresOf, silent),
  "half-open node": halfOpen,
  "corrupting node": weather(wiresOf, ({ strength }) => ({ flips: 0.1 + 0.5 * strength })),
  "node killed": killed,
  "node stopped": stopped,
  "node's clock": clock(6 * hour),
  "node's disk full": disk(({ federation }, whom) => federation.home(whom)),
  "node's memory": memory(12, 60),
  "slow replica": weather(wiresOf, slow),
  "replica cut": cuts(wiresOf, either),
  "silent replica": weather(wiresOf, silent),
  "corrupting replica": weather(wiresOf, ({ strength }) => ({ flips: 0.05 + 0.2 * strength })),
  "slow database": weather(databaseOf, ({ strength }) => ({ delay: 5 + 100 * strength, jitter: 50 * strength })),
  "database cut": cuts(databaseOf, either),
  "silent database": weather(databaseOf, silent),
  "database away": async ({ postgres }) => {
    await postgres.crash();
    return () => postgres.restart();
  },
  "replica killed": killed,
  "replica stopped": stopped,
  "replica's clock": clock(20 * minute),
  "replica's memory": memory(16, 96),
  "replicas' disk full": disk(({ blobs }) => blobs),
};
