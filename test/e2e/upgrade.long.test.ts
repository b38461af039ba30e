/**
 * A newer build, with a migration more, takes a federation over: in the midst of a round on a home, and replica by replica on PostgreSQL. No round is lost,
 * and the older build refuses the database from then on.
 */
import { mkdirSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { homeLayout } from "@tributary/coordinator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { startBalancer } from "./balancer.ts";
import { type Change, otherBuild } from "./builds.ts";
import { killAll, type Service, service, temporaryFolder, tributary, tributaryJson, until } from "./processes.ts";
import { startReplicas } from "./replicated.ts";
import { joinAll, ledgerEntries, type SmallFederation, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("upgrade");
let postgres: PostgresServer | undefined;
let newer = "";

const oneMore: Change = {
  file: "coordinator/src/storage/migrations.ts",
  from: "\n];\n",
  to: '\n  { name: "of a newer build", sql: ({ strict }) => ["CREATE TABLE newer (name TEXT PRIMARY KEY)" + strict] },\n];\n',
};

beforeAll(async () => {
  postgres = await startPostgres(["max_connections=120"]);
  for (const name of ["build", "home", "replicas"]) mkdirSync(folder.file(name));
  newer = otherBuild(folder.file("build"), [oneMore]);
}, 120_000);
afterAll(async () => {
  killAll();
  await postgres?.stop();
  folder.remove();
});

/** Steps end when everybody has answered: on a machine that is busy nobody must be left behind. */
const patient = 30_000;
const deadlines = { keys: patient, shares: patient, masked: patient, consistency: patient, unmask: patient };

const startNodes = ({ parts, home }: SmallFederation) =>
  Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node), "--until-done"])));

/** Every round of the plan was released, in order. Who was on its way back when one began is in the next. */
async function expectWhole({ platform, parts, plan }: SmallFederation): Promise<void> {
  const entries = ledgerEntries(platform);
  const rounds = Array.from({ length: plan.releases[0]?.rounds ?? 0 }, (_, index) => index + 1);
  expect(entries.map(({ kind }) => kind)).toEqual(["genesis", ...rounds.map(() => "round"), "closing"]);
  expect(entries.slice(1, -1).map(({ round }) => round)).toEqual(rounds);
  expect(entries[1]?.["survivors"]).toEqual(parts.map(({ node }) => node));
  expect(await tributaryJson(["ledger", "verify", `${platform}/ledger.jsonl`])).toMatchObject({
    verified: true,
    complete: true,
  });
}

const exitsOf = (services: readonly Service[]) => Promise.all(services.map(({ exit }) => exit));

test("stopped in mid-round, the home is migrated by a newer build, which goes on with that very round; the older one refuses it then", {
  timeout: 300_000,
}, async () => {
  const federation = await smallFederation(folder.file("home"), { merchants: 4, rounds: 2, deadlines });
  const { platform, planFile, catalogueFile } = federation;
  const balancer = await startBalancer();
  const start = async (what: readonly string[], script?: string) => {
    const words = ["coordinator", "start", "--home", platform, ...what, "--port", "0", "--start-when", "4"];
    const coordinator = await service(words, script === undefined ? {} : { script });
    balancer.serve([Number(coordinator.ready["port"])]);
    return coordinator;
  };
  const older = await start(["--plan", planFile, "--catalogue", catalogueFile]);
  await joinAll(federation, folder.file("home"), balancer.url);
  const nodes = await startNodes(federation);
  await until(
    async () => older.log(),
    (log) => log.includes('"phase":"masked"'),
    100,
  );
  expect(await older.stop("SIGTERM")).toBe(0);
  const { round, phase } = await tributaryJson(["coordinator", "status", "--home", platform]);
  expect([round, phase]).toEqual([1, expect.stringMatching(/^(masked|consistency|unmask|summing|applying)$/)]);

  // each node was told why, and comes again by itself
  for (const node of nodes) expect(node.log()).toContain('"reason":"TRB_COORDINATOR_STOPPING"');

  const upgraded = await start([], newer);
  // a node that is on its way back hears of the end as well: the server stays until all have
  expect(await exitsOf(nodes)).toEqual([0, 0, 0, 0]);
  expect(await upgraded.stop("SIGTERM")).toBe(0);
  balancer.close();
  await expectWhole(federation);
  const database = new DatabaseSync(homeLayout(platform).database);
  expect(database.prepare("SELECT count(*) AS tables FROM sqlite_schema WHERE name = 'newer'").get()).toEqual({ tables: 1 });
  database.close();
  const refused = await tributary(["coordinator", "status", "--home", platform]);
  expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining("TRB_COORDINATOR_DATABASE_NEWER")]);
});

test("replicas are replaced one after the other, the leader last, while rounds go on", { timeout: 240_000 }, async () => {
  if (postgres === undefined) throw new Error("PostgreSQL was not started");
  const federation = await smallFederation(folder.file("replicas"), { merchants: 4, rounds: 5, deadlines });
  const replicas = await startReplicas(federation, postgres, ["--start-when", "4"], "upgrade");
  await joinAll(federation, folder.file("replicas"), replicas.url, {}, replicas.databaseUrl);
  const nodes = await startNodes(federation);
  const released = (rounds: number) =>
    until(
      async () => ledgerEntries(federation.platform).length,
      (entries) => entries > rounds,
      100,
    );
  await released(1);
  const first = await replicas.leader();
  const order = [...replicas.names.filter((name) => name !== first.replica), first.replica];
  for (const [place, name] of order.entries()) {
    await released(1 + place);
    const before = await replicas.leader();
    expect(await replicas.running(name).stop("SIGTERM")).toBe(0);
    if (name === before.replica) expect((await replicas.leaderAfter(before.fence)).replica).not.toBe(name);
    await replicas.start(name, newer);
    expect((await fetch(`${replicas.running(name).ready["url"]}/readyz`)).status).toBe(200);
  }
  expect(await exitsOf(nodes)).toEqual([0, 0, 0, 0]);
  for (const name of replicas.names) expect(await replicas.running(name).stop("SIGTERM")).toBe(0);
  await replicas.close();
  await expectWhole(federation);
});
