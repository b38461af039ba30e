/**
 * A coordinator on PostgreSQL that is observed: what it says of itself through a round, and what each check says once its cause is there for real,
 * and after it is gone. Killing the server, taking the lock away and putting a file in a folder's place are the causes.
 */
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeId, type Plan } from "@tributary/protocol";
import { Client } from "pg";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { accessAtHome } from "../access/at-home.ts";
import { createInvite } from "../invites.ts";
import { lockKey } from "../replicas/leadership.ts";
import {
  catalogue,
  join as joinFederation,
  type ScriptedNode,
  scriptedNode,
  testIdentity,
  testPlan,
  until,
} from "../scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "../server.ts";
import { examineHome } from "./doctor.ts";
import { type Health, healthDesk, healthLimits, watchEventLoop } from "./health.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
const metricsToken = "a token of the scraper's own";
let postgres: PostgresServer;
let folder: string;
let plan: Plan;
let server: RunningCoordinator;
let logged = "";
const home = () => join(folder, "home");
const databaseUrl = () => `${postgres.url()}?schema=observed`;
const place = () => ({ home: home(), databaseUrl: databaseUrl() });

const get = (path: string, headers: Record<string, string> = {}) => fetch(`${server.url}${path}`, { headers });

/** A series, whatever the order of its labels. */
function series(text: string): string {
  const labels = [...text.matchAll(/[a-z_]+="[^"]*"/g)].map(([label]) => label).sort();
  return `${text.split("{")[0]}{${labels.join(",")}}`;
}

/** Every sample of a scrape: series to value. */
async function scrape(headers: Record<string, string> = {}): Promise<Map<string, number>> {
  const answer = await get("/metrics", headers);
  expect(answer.status).toBe(200);
  const lines = (await answer.text()).split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    lines.map((line) => [series(line.slice(0, line.lastIndexOf(" "))), Number(line.slice(line.lastIndexOf(" ") + 1))]),
  );
}

/** Of `tributary_<name>` in this federation. */
const nameOf = (name: string, labels = "") => series(`tributary_${name}{federation="test",${labels}}`);
const sample = async (name: string, labels = ""): Promise<number | undefined> => (await scrape()).get(nameOf(name, labels));

async function health(path: "/healthz" | "/readyz") {
  const answer = await get(path);
  const said = (await answer.json()) as Health;
  expect(answer.status).toBe(said.status === "ok" ? 200 : 503);
  return { status: said.status, failed: said.checks.filter(({ ok }) => !ok), names: said.checks.map(({ name }) => name) };
}
/** One finding of a doctor who looks at the home. */
const examined = async (name: string) => (await examineHome(place())).find((one) => one.name === name);
const ready = (status: Health["status"]) =>
  until(`it is ${status}`, async () => (await health("/readyz")).status === status, 40_000);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-observe-"));
  postgres = await startPostgres();
  plan = testPlan(home());
  const log = pino({ base: null }, { write: (line: string) => void (logged += line) });
  server = await startCoordinator({
    ...{ home: home(), databaseUrl: databaseUrl(), replica: "a", plan, catalogue, port: 0, startWhen: names.length },
    ...{ log, metricsToken },
  });
  await ready("ok");
}, 120_000);
afterAll(async () => {
  await server.close();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}, 60_000);

test("metrics of a federation that trains, without anybody's name in a label", async () => {
  expect(await sample("rounds_total", 'outcome="released",code=""')).toBe(0);
  expect(await sample("nodes", 'state="required"')).toBe(plan.minCohort);
  expect(await sample("phase", 'phase="joining"')).toBe(1);
  const tokens: string[] = [];
  const identities = names.map(() => testIdentity());
  const nodes: ScriptedNode[] = [];
  for (const [at, who] of identities.entries()) {
    const [node] = names.slice(at, at + 1);
    if (node === undefined) throw new Error("no name");
    const { invite } = await createInvite(place(), { node, url: server.url, hours: 1 });
    tokens.push(invite);
    expect((await joinFederation(invite, who)).status).toBe(200);
    nodes.push(scriptedNode(plan, node, who, () => identities));
  }
  for (const node of nodes) await node.connect(server.url);
  await until("both rounds are done", async () => (await sample("phase", 'phase="finished"')) === 1, 60_000);

  const all = await scrape();
  const value = (name: string, labels = "") => all.get(nameOf(name, labels)) ?? Number.NaN;
  expect(value("rounds_total", 'outcome="released",code=""')).toBe(2);
  expect(value("rounds_charged", 'release="training"')).toBe(2);
  expect(value("rounds_limit", 'release="training"')).toBe(2);
  expect(value("epsilon_spent")).toBeGreaterThan(0);
  expect(value("epsilon_spent")).toBeLessThanOrEqual(value("epsilon_limit"));
  expect(value("nodes", 'state="joined"')).toBe(4);
  expect(value("ledger_entries")).toBe(4); // genesis, two rounds, the end
  for (const phase of ["keys", "shares", "masked", "consistency", "unmask", "summing", "applying"]) {
    expect(value("phase_seconds_count", `phase="${phase}"`), phase).toBe(2);
  }
  for (const phase of ["keys", "shares", "masked"]) expect(value("dropouts_total", `phase="${phase}"`), phase).toBe(0);
  expect(value("work_seconds_count", 'task="sum"')).toBe(2);
  expect(value("bytes_total", 'direction="in"')).toBeGreaterThan(4 * 4 * 100);
  expect(value("leader")).toBe(1);
  expect(value("fence")).toBe(1);
  expect(value("lease_age_seconds")).toBeLessThan(10);
  expect(value("http_requests_total", 'route="POST /v1/join",status="200"')).toBe(4);
  expect(value("last_release_timestamp_seconds")).toBeGreaterThan(1.7e9);
  for (const queue of ["engine", "uploads", "work", "jobs"]) expect(value("queue_length", `queue="${queue}"`), queue).toBe(0);

  const text = [...all.keys()].join("\n");
  for (const name of names) expect(text).not.toContain(name);
  await get("/somewhere/else");
  await get("/v1/blobs/not-a-hash");
  expect(await sample("http_requests_total", 'route="unknown",status="404"')).toBe(1);
  expect(await sample("refused_total", 'by="coordinator",code="TRB_COORDINATOR_ROUTE_UNKNOWN"')).toBe(1);
  expect([...(await scrape()).keys()].join("\n")).not.toContain("somewhere");

  // the same life, logged
  const lines = logged.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as Record<string, unknown>]));
  const phases = lines.filter(({ msg }) => msg === "phase");
  expect(phases.length).toBeGreaterThanOrEqual(14);
  for (const line of phases)
    expect(line).toMatchObject({ federation: "test", replica: "a", fence: 1, round: expect.any(Number) });
  expect(lines).toContainEqual(expect.objectContaining({ msg: "joined", node: "north", federation: "test" }));
  const secrets = [readFileSync(join(home(), "keys", "identity")).toString("hex"), ...tokens, postgres.password];
  for (const secret of secrets) expect(logged).not.toContain(secret);
  for (const node of nodes) node.disconnect();
}, 120_000);

test("metrics are for this machine, for the scraper's token and for operators; not for whoever comes by a proxy", async () => {
  const passedOn = { "x-forwarded-for": "203.0.113.9" };
  expect((await get("/metrics")).status).toBe(200);
  const stranger = await get("/metrics", passedOn);
  expect(stranger.status).toBe(401);
  expect(await stranger.text()).toContain("TRB_ACCESS_REQUIRED");
  const wrong = { ...passedOn, authorization: `Bearer ${metricsToken}!` };
  expect((await get("/metrics", wrong)).status).toBe(401);
  expect((await get("/metrics", { ...passedOn, authorization: `Bearer ${metricsToken}` })).status).toBe(200);
  const { token, id } = await accessAtHome(place()).createToken({ name: "grafana", role: "viewer", days: 1 });
  expect((await get("/metrics", { ...passedOn, authorization: `Bearer ${token}` })).status).toBe(200);
  await accessAtHome(place()).revokeToken(id);
  expect((await get("/metrics", { ...passedOn, authorization: `Bearer ${token}` })).status).toBe(401);
  expect((await get("/readyz", passedOn)).status).toBe(200); // load balancers have no token
});

test("a replica is ready while database, blobs and leader are there, and says which one is not", async () => {
  const well = await health("/readyz");
  expect(well).toEqual({ status: "ok", failed: [], names: ["database", "blobs", "leader", "serving"] });
  expect(await health("/healthz")).toEqual({ status: "ok", failed: [], names: ["eventLoop", "engine"] });

  // blobs: a file stands where their folder was
  const blobs = join(home(), "blobs");
  renameSync(blobs, `${blobs}.away`);
  writeFileSync(blobs, "");
  await ready("failed");
  expect((await health("/readyz")).failed).toMatchObject([{ name: "blobs", reason: expect.stringMatching(/^TRB_/) }]);
  expect((await health("/healthz")).status).toBe("ok");
  rmSync(blobs);
  renameSync(`${blobs}.away`, blobs);
  await ready("ok");

  // leader: somebody else has the lock, and does nothing with it
  const [thief, admin] = [new Client(postgres.url()), new Client(postgres.url())];
  for (const client of [thief, admin]) {
    client.on("error", () => {}); // of the connection: the query under way says it as well
    await client.connect();
  }
  const taken = thief.query("SELECT pg_advisory_lock($1, $2)", [...lockKey("observed")]);
  await until("the thief waits", async () => {
    const { rowCount } = await admin.query("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
    return rowCount === 1;
  });
  await admin.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tributary leadership'");
  await taken;
  const moving = setInterval(() => void thief.query("SELECT 1").catch(() => {}), 500); // one that doesn't move is disconnected
  await until("nobody leads", async () => (await sample("leader")) === 0, 20_000);
  await admin.query("UPDATE observed.lease SET renewed = renewed - interval '1 minute'");
  expect((await health("/readyz")).failed).toEqual([{ name: "leader", ok: false, reason: "TRB_COORDINATOR_NO_LEADER" }]);
  await until("the lease is old", async () => ((await sample("lease_age_seconds")) ?? 0) > 50);
  expect(await examined("leader")).toMatchObject({ state: "broken", found: expect.stringContaining("a, which renewed") });
  clearInterval(moving);
  await thief.end();
  await ready("ok");
  expect(await examined("leader")).toMatchObject({ state: "ok" });

  // a job that no worker takes
  expect(await examined("jobs")).toMatchObject({ state: "ok" });
  await admin.query(
    `INSERT INTO observed_jobs.job (name, data, start_after) VALUES ('simulation-shares', '{}', now() - interval '5 minutes')`,
  );
  await until("the job waits", async () => ((await sample("oldest_job_seconds")) ?? 0) > 200);
  expect(await sample("queue_length", 'queue="jobs"')).toBe(1);
  expect(await examined("jobs")).toMatchObject({ state: "broken", found: "1 wait, the oldest for 5 min" });
  await admin.end();

  // database: its server is gone
  await postgres.crash();
  const asked = get("/v1/roster");
  const lost = await health("/readyz");
  expect(lost.failed.find(({ name }) => name === "database")).toMatchObject({ reason: "TRB_COORDINATOR_DATABASE_UNREACHABLE" });
  expect(await sample("database_reachable")).toBe(0);
  expect(await sample("epsilon_spent")).toBeUndefined(); // not a figure of before
  await until(
    "the faults are counted",
    async () => {
      const labels = 'store="database",code="TRB_COORDINATOR_DATABASE_UNREACHABLE"';
      return ((await sample("store_errors_total", labels)) ?? 0) > 0;
    },
    30_000,
  );
  expect((await health("/healthz")).status).toBe("ok"); // starting this process again would help nobody
  expect(await examined("database")).toMatchObject({ state: "broken", found: expect.stringContaining("UNREACHABLE") });
  const refused = await asked; // once the patience with it is over
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
  expect(await refused.json()).toMatchObject({ error: { code: "TRB_COORDINATOR_DATABASE_UNREACHABLE" } });
  await postgres.restart();
  await ready("ok");
  expect(await sample("database_reachable")).toBe(1);
}, 180_000);

test("an event loop that is held up is told of, and forgotten after a while", async () => {
  const watch = watchEventLoop(300);
  const eventLoop = () => {
    const desk = healthDesk(
      {
        ...{ eventLoopDelay: watch.delay, halted: () => undefined, leads: () => true, draining: () => false, replica: "a" },
        ...{ store: null as never, objects: null as never }, // nothing outside of the process is asked
      },
      { ...healthLimits, eventLoop: 400 },
    );
    return desk.alive().checks[0];
  };
  await new Promise((resolve) => setTimeout(resolve, 50));
  for (const end = performance.now() + 600; performance.now() < end; );
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(eventLoop()).toEqual({ name: "eventLoop", ok: false, reason: "DELAYED" });
  expect(watch.delay()).toBeGreaterThan(0.4);
  await until("it is forgotten", () => eventLoop()?.ok === true, 30_000);
  watch.close();
}, 60_000);
