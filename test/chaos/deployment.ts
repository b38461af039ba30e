/**
 * Ten nodes and two replicas on one PostgreSQL, each a process of its own that is started again when it ends, with a wire of ours between each node and each
 * replica, and between each replica and the database. Two disks are small: that of the last node, and the one on which replicas share models and vectors.
 */
import { execFileSync } from "node:child_process";
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { coordinatorIdentity, homeLayout } from "@tributary/coordinator";
import { fingerprintOf } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { killAll, temporaryFolder, until } from "../e2e/processes.ts";
import { joinAll, type SmallFederation, smallFederation } from "../e2e/small-federation.ts";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { chanceOf } from "../simulation/randomness.ts";
import type { Parties } from "./faults.ts";
import { type KeptRunning, keepRunning } from "./kept-running.ts";
import { type Front, openFront, openWire, type Wire } from "./wire.ts";

export interface Deployment {
  readonly folder: string;
  readonly federation: SmallFederation;
  readonly parties: Parties;
  readonly nodes: ReadonlyMap<string, KeptRunning>;
  readonly replicas: ReadonlyMap<string, KeptRunning>;
  /** Between this node and this replica. */
  wire(node: string, replica: string): Wire;
  /** Between this replica and the database. */
  databaseWire(replica: string): Wire;
  readonly wires: readonly Wire[];
  readonly postgres: PostgresServer;
  readonly fingerprint: string;
  /** Ids of customers as only their merchants know them. */
  readonly customers: readonly string[];
  replicaHome(name: string): string;
  readonly blobs: string;
  status(): Promise<Status | undefined>;
  close(): Promise<void>;
}

export interface Status {
  readonly round: number;
  readonly completed: number;
  readonly connected: readonly string[];
  readonly modelHash: string;
  readonly optimiserHash: string | null;
  readonly ledger: { readonly entries: number; readonly head: string };
}

const replicaNames = ["a", "b"] as const;
const schema = "chaos";
/** Room of the small disks, in mebibytes. */
const small = { node: 24, replicas: 48 };
/** Milliseconds: ten nodes and two replicas share two cores with a storm. */
const deadlines = { keys: 6000, shares: 6000, uploadOffset: 1000, masked: 8000, consistency: 6000, unmask: 6000 };

/** @param rounds that the plan has: more than will be had */
export async function deploy(
  seed: number,
  { nodes: count, rounds }: { readonly nodes: number; readonly rounds: number },
): Promise<Deployment> {
  const folder = temporaryFolder("chaos");
  const undo: (() => unknown)[] = [folder.remove];
  const close = async () => {
    killAll();
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    const postgres = await startPostgres(["max_connections=120"]);
    undo.push(() => postgres.stop());
    const smallDisks: string[] = [];
    const mount = (name: string, path: string, size: number) => {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      if (!mounted(path, size)) return;
      smallDisks.push(name);
      undo.push(() => execFileSync("umount", ["--lazy", path]));
    };
    const last = `merchant-${count}`;
    mount(last, folder.file(last), small.node);
    const blobs = `${folder.file("platform")}-blobs`;
    mount("replicas", blobs, small.replicas);

    const federation = await smallFederation(folder.path, { merchants: count, rounds, deadlines });
    const names = federation.parts.map(({ node }) => String(node));
    if (smallDisks[0] !== undefined && !names.includes(last)) throw new Error(`no node is called ${last}`);
    const customers = names.flatMap((node) => renameCustomers(folder.file("logs", `${node}.csv`), node));

    const ports = new Map<string, () => number | undefined>();
    const wires: Wire[] = [];
    const made = (name: string, target: () => number | undefined): Wire => {
      const wire = openWire(name, target, chanceOf(`chaos ${seed} ${name}`));
      wires.push(wire);
      return wire;
    };
    const between = new Map<string, Wire>();
    const fronts = new Map<string, Front>();
    const listen = async (name: string, wiresOfIt: readonly Wire[]) => {
      const front = await openFront(wiresOfIt);
      fronts.set(name, front);
      undo.push(front.close);
      return front;
    };
    for (const node of names) {
      const own = replicaNames.map((replica) => {
        const wire = made(`${node}–${replica}`, () => ports.get(replica)?.());
        between.set(`${node} ${replica}`, wire);
        return wire;
      });
      await listen(node, own);
    }

    const replicaHome = (name: string) => (name === "a" ? federation.platform : `${federation.platform}-${name}`);
    for (const name of replicaNames.slice(1)) {
      const { identity } = homeLayout(replicaHome(name));
      mkdirSync(dirname(identity), { recursive: true, mode: 0o700 });
      copyFileSync(homeLayout(federation.platform).identity, identity);
    }
    const replicas = new Map<string, KeptRunning>();
    const kept = (process: KeptRunning) => {
      undo.push(() => process.end());
      return process;
    };
    const places = ["--plan", federation.planFile, "--catalogue", federation.catalogueFile, "--start-when", String(count)];
    for (const name of replicaNames) {
      const wire = made(`${name}–database`, () => postgres.port);
      between.set(`database ${name}`, wire);
      const { port } = await listen(`database ${name}`, [wire]);
      const databaseUrl = `postgres://postgres:${postgres.password}@127.0.0.1:${port}/postgres?schema=${schema}`;
      const args = ["--home", replicaHome(name), "--replica", name, "--blobs", blobs, "--port", "0", ...places];
      const replica = keepRunning(name, () => ["coordinator", "start", ...args], { TRIBUTARY_DATABASE_URL: databaseUrl });
      replicas.set(name, kept(replica));
      ports.set(name, () => {
        const port = replica.running()?.ready["port"];
        return port === undefined ? undefined : Number(port);
      });
      await until(
        async () => replica.running(),
        (running) => running !== undefined,
        120,
      );
    }
    const urlOf = (node: string) => `http://127.0.0.1:${fronts.get(node)?.port}`;
    await joinAll(federation, folder.path, urlOf, {}, `${postgres.url()}?schema=${schema}`);
    const nodes = new Map<string, KeptRunning>();
    for (const node of names) {
      const args = ["node", "start", "--home", federation.home(node), "--training-threads", "1"];
      nodes.set(node, kept(keepRunning(node, () => args)));
    }

    const wire = (name: string): Wire => {
      const found = between.get(name);
      if (found === undefined) throw new Error(`no wire ${name}`);
      return found;
    };
    const crypto = nodeCrypto();
    return {
      ...{ folder: folder.path, federation, nodes, replicas, wires, postgres, customers, replicaHome, blobs },
      parties: { nodes: names, replicas: replicaNames, spared: ["a", ...names.slice(0, 2)], smallDisks },
      fingerprint: fingerprintOf(crypto, coordinatorIdentity(federation.platform).key),
      wire: (node, replica) => wire(`${node} ${replica}`),
      databaseWire: (replica) => wire(`database ${replica}`),
      async status() {
        for (const port of ports.values()) {
          const answer = await fetch(`http://127.0.0.1:${port()}/v1/status`, {
            headers: { connection: "close" },
            signal: AbortSignal.timeout(5_000),
          }).catch(() => undefined); // a replica that is killed or stopped just now
          if (answer?.status === 200) return (await answer.json()) as Status;
        }
        return undefined;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** A file system of so many mebibytes; false where this process may not mount one. */
function mounted(path: string, size: number): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}m,mode=0700`, "tmpfs", path], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** Gives customers ids that occur nowhere else, so that they would be found wherever they got to. @returns the ids */
function renameCustomers(file: string, node: string): string[] {
  const [head = "", ...rows] = readFileSync(file, "utf8").trimEnd().split("\n");
  const column = head.split(",").indexOf("customer");
  const canaries = new Set<string>();
  const renamed = rows.map((row) => {
    const fields = row.split(",");
    const canary = `canary-${node}-${fields[column]}-shopper`;
    canaries.add(canary);
    return fields.with(column, canary).join(",");
  });
  rmSync(file);
  writeFileSync(file, [head, ...renamed, ""].join("\n"));
  return [...canaries];
}
