/**
 * Three replicas as real processes on one PostgreSQL, behind a balancer, and a gate in the database that holds the one that leads in whatever phase a test
 * wants: the trigger waits for an advisory lock before the next state of a round in that phase is written. So a replica is killed in that phase, not near it.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { homeLayout } from "@tributary/coordinator";
import { Client } from "pg";
import type { PostgresServer } from "../postgres/server.ts";
import { type Balancer, startBalancer } from "./balancer.ts";
import { type Service, service, until } from "./processes.ts";
import type { SmallFederation } from "./small-federation.ts";

export interface Replicated {
  readonly databaseUrl: string;
  readonly url: string;
  readonly names: readonly string[];
  home(name: string): string;
  running(name: string): Service;
  /** @param script another build's `main.ts` */
  start(name: string, script?: string): Promise<void>;
  /** `kill -9`. */
  kill(name: string): Promise<void>;
  /** Whether it takes connections. */
  runs(name: string): boolean;
  /** Which one has led last, and under which fence. */
  leader(): Promise<{ readonly replica: string; readonly fence: number }>;
  /** Until another leadership than that one has begun. */
  leaderAfter(fence: number, seconds?: number): Promise<{ readonly replica: string; readonly fence: number }>;
  /** Holds the leader in the next round that reaches this phase, while `work` is done. */
  heldIn(phase: string, work: (held: { readonly replica: string; readonly fence: number }) => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

const gate = 4_242;

export async function startReplicas(
  federation: SmallFederation,
  postgres: PostgresServer,
  flags: readonly string[],
  name: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<Replicated> {
  const names = ["a", "b", "c"];
  const schema = name.replaceAll("-", "_");
  const databaseUrl = `${postgres.url()}?schema=${schema}`;
  const admin = new Client(postgres.url());
  await admin.connect();
  const balancer: Balancer = await startBalancer();
  const services = new Map<string, Service>();
  const home = (name: string) => (name === "a" ? federation.platform : `${federation.platform}-${name}`);
  const identity = (name: string) => homeLayout(home(name)).identity;
  for (const name of names.slice(1)) {
    mkdirSync(dirname(identity(name)), { recursive: true, mode: 0o700 });
    copyFileSync(identity("a"), identity(name));
  }

  const serve = () => balancer.serve([...services.values()].map(({ ready }) => Number(ready["port"])));
  const start = async (name: string, script?: string) => {
    const where = ["--home", home(name), "--replica", name, "--blobs", `${federation.platform}-blobs`, "--port", "0"];
    const what = ["--plan", federation.planFile, "--catalogue", federation.catalogueFile];
    const env = { ...environment, TRIBUTARY_DATABASE_URL: databaseUrl };
    const options = script === undefined ? { env } : { env, script };
    services.set(name, await service(["coordinator", "start", ...where, ...what, ...flags], options));
    serve();
  };
  const running = (name: string) => {
    const found = services.get(name);
    if (found === undefined) throw new Error(`replica ${name} doesn't run`);
    return found;
  };

  const leader = async () => {
    const { rows } = await admin.query<{ replica: string; fence: string }>(`SELECT replica, fence FROM ${schema}.leadership`);
    return { replica: rows[0]?.replica ?? "", fence: Number(rows[0]?.fence ?? 0) };
  };
  const waiting = async () => {
    const { rows } = await admin.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted", [
      gate,
    ]);
    return rows.length;
  };

  const close = async () => {
    balancer.close();
    await admin.end();
  };
  try {
    await Promise.all(names.map((name) => start(name)));
  } catch (error) {
    await close();
    throw error;
  }
  await admin.query(`
    CREATE TABLE ${schema}.gate (phase text NOT NULL);
    CREATE FUNCTION ${schema}.wait_at_gate() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        IF EXISTS (SELECT 1 FROM ${schema}.gate WHERE phase = OLD.json::jsonb #>> '{round,phase}') THEN
          PERFORM pg_advisory_xact_lock(${gate});
        END IF;
        RETURN NEW;
      END $$;
    CREATE TRIGGER gate BEFORE UPDATE ON ${schema}.state FOR EACH ROW EXECUTE FUNCTION ${schema}.wait_at_gate();
  `);

  return {
    ...{ databaseUrl, url: balancer.url, names, home, running, start, leader },
    async kill(name) {
      await running(name).kill();
      services.delete(name);
      serve();
    },
    runs: (replica) => services.has(replica),
    leaderAfter: (fence, seconds = 60) => until(leader, (now) => now.fence > fence, seconds),
    async heldIn(phase, work) {
      await admin.query("SELECT pg_advisory_lock($1)", [gate]);
      await admin.query(`INSERT INTO ${schema}.gate VALUES ($1)`, [phase]);
      try {
        await until(waiting, (count) => count > 0, 60);
        await work(await leader());
      } finally {
        await admin.query(`DELETE FROM ${schema}.gate`);
        await admin.query("SELECT pg_advisory_unlock($1)", [gate]);
      }
    },
    close,
  };
}
