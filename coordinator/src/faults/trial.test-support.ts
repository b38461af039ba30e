/** A running federation of four nodes, for tests in which something beneath it fails: nodes come again whenever they are hung up on, as real ones do. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { type Entry, parseLine, verifyLedger } from "@tributary/ledger";
import { nodeId, type Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { homeLayout } from "../home/layout.ts";
import { createInvite } from "../invites.ts";
import {
  catalogue,
  join,
  type ScriptedNode,
  scriptedNode,
  testIdentity,
  testPlan,
  until,
} from "../scripted-node.test-support.ts";
import { type CoordinatorOptions, type RunningCoordinator, startCoordinator } from "../server.ts";
import { readStatus } from "../status.ts";
import type { Place } from "../storage/place.ts";

export interface Trial {
  readonly home: string;
  readonly place: Place;
  readonly plan: Plan;
  /** North, east, south and west. */
  readonly nodes: readonly [ScriptedNode, ScriptedNode, ScriptedNode, ScriptedNode];
  /** Everything logged so far. */
  readonly log: readonly LogLine[];
  readonly server: () => RunningCoordinator;
  /** The same federation again, once it is closed. */
  start(): Promise<RunningCoordinator>;
  /** Connects all nodes, through `url` where it is given, and keeps them connected. */
  connectAll(url?: (node: ScriptedNode) => string): Promise<void>;
  /** Until the ledger is closed. */
  finished(milliseconds?: number): Promise<void>;
  /** Codes by which an engine has stopped so far, whoever leads anew after it. */
  stops(): readonly string[];
  /** The ledger's entries, once it has been verified. */
  entries(): readonly Entry[];
  end(): Promise<void>;
}

interface LogLine {
  readonly msg: string;
  readonly code?: string;
  readonly phase?: string;
  readonly round?: number;
  readonly err?: { readonly code?: string };
}

export interface TrialOptions {
  /** Default: a temporary folder. */
  readonly home?: string;
  readonly plan?: Partial<Plan>;
  readonly coordinator?: Partial<CoordinatorOptions>;
  /** Told every line as it is logged. */
  readonly heard?: (line: LogLine) => void;
}

const names = ["north", "east", "south", "west"] as const;

export async function startTrial(options: TrialOptions = {}): Promise<Trial> {
  const home = options.home ?? mkdtempSync(joinPath(tmpdir(), "tributary-fault-"));
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const { databaseUrl } = options.coordinator ?? {};
  const place: Place = databaseUrl === undefined ? home : { home, databaseUrl };
  const plan = testPlan(home, options.plan);
  const lines: LogLine[] = [];
  const write = (text: string) => {
    const line = JSON.parse(text) as LogLine;
    lines.push(line);
    options.heard?.(line);
  };
  let server: RunningCoordinator;
  const start = async () => {
    server = await startCoordinator({
      ...{ home, plan, catalogue, port: 0, startWhen: names.length, log: pino({ base: null }, { write }) },
      ...options.coordinator,
    });
    return server;
  };
  const { url } = await start();
  const identities = names.map(() => testIdentity());
  const admit = async (name: string, place_: number) => {
    const node = nodeId.parse(name);
    const who = identities[place_] ?? testIdentity();
    const { invite } = await createInvite(place, { node, url, hours: 1 });
    const { status } = await join(invite, who);
    if (status !== 200) throw new Error(`${name} could not join: ${status}`);
    return scriptedNode(plan, node, who, () => identities);
  };
  const nodes = [await admit("north", 0), await admit("east", 1), await admit("south", 2), await admit("west", 3)] as const;

  const timers = new Set<NodeJS.Timeout>();
  let over = false;
  return {
    ...{ home, place, plan, nodes, log: lines, server: () => server, start },
    async connectAll(url = () => server.url) {
      for (const node of nodes) {
        const again = () => {
          if (over) return;
          const timer = setTimeout(() => {
            timers.delete(timer);
            node.connect(url(node)).catch(again);
          }, 100);
          timers.add(timer);
        };
        node.onHangUp = (latest) => {
          if (latest) again();
        };
        await node.connect(url(node));
      }
    },
    finished: (milliseconds = 60_000) =>
      until("the ledger is closed", async () => (await readStatus(place)).finished, milliseconds),
    stops: () =>
      lines.flatMap(({ msg, code, err }) => {
        if (msg === "no rounds; tried again") return code ?? [];
        return msg === "this replica's engine stopped" || msg === "the leadership could not be taken up"
          ? (err?.code ?? [])
          : [];
      }),
    entries() {
      const file = new Uint8Array(readFileSync(homeLayout(home).ledger));
      const verdict = verifyLedger(file, { crypto: nodeCrypto() });
      if (!verdict.verified || !verdict.complete) throw new Error(JSON.stringify(verdict.failures));
      return new TextDecoder().decode(file).trim().split("\n").map(parseLine);
    },
    async end() {
      over = true;
      for (const timer of timers) clearTimeout(timer);
      for (const node of nodes) node.disconnect();
      await server.close();
      if (options.home === undefined) rmSync(home, { recursive: true, force: true });
    },
  };
}

export interface Beneath {
  readonly name: string;
  /** To be begun and ended around the tests. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Each time a place of its own. */
  options(): Partial<CoordinatorOptions>;
}

/** What a coordinator stands on: SQLite, as the only process, or PostgreSQL, as a replica whose sums are jobs. */
export function deployments(): readonly Beneath[] {
  let postgres: PostgresServer | undefined;
  let places = 0;
  return [
    { name: "SQLite", start: async () => {}, stop: async () => {}, options: () => ({}) },
    {
      name: "PostgreSQL",
      async start() {
        postgres = await startPostgres();
      },
      stop: async () => await postgres?.stop(),
      options() {
        places += 1;
        return { databaseUrl: `${postgres?.url()}?schema=fault_${places}`, replica: "a" };
      },
    },
  ];
}

/** Rounds of the ledger, released or given up: each number once, in order. */
export const roundsOf = (entries: readonly Entry[]): number[] =>
  entries.flatMap((entry) => ("round" in entry ? [entry.round] : []));
