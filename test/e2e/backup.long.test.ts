/**
 * Backups of a federation whose nodes go on: made while its server runs, restored on the other engine in the midst of a round, and restored although it is
 * too old.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { backupFederation, homeLayout, restoreFederation } from "@tributary/coordinator";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { startBalancer } from "./balancer.ts";
import { killAll, type Service, service, temporaryFolder, tributary, tributaryJson, until } from "./processes.ts";
import { joinAll, ledgerEntries, smallFederation } from "./small-federation.ts";

const folder = temporaryFolder("backup");
let postgres: PostgresServer;

beforeAll(async () => {
  postgres = await startPostgres();
}, 90_000);
afterAll(async () => {
  killAll();
  await postgres.stop();
  folder.remove();
});

const released = (home: string) => ledgerEntries(home).filter(({ kind }) => kind === "round").length;

test("a federation goes on from its backup on another engine, with one round used up; its nodes refuse a backup that is older than they are", {
  timeout: 240_000,
}, async () => {
  const long = 30_000;
  const deadlines = { keys: long, shares: long, masked: long, consistency: long, unmask: long };
  const federation = await smallFederation(folder.path, { merchants: 4, rounds: 9, deadlines });
  const { platform, parts, home } = federation;
  const balancer = await startBalancer();
  const start = async (...where: string[]): Promise<Service> => {
    const coordinator = await service(["coordinator", "start", ...where, "--port", "0", "--start-when", "4"]);
    balancer.serve([Number(coordinator.ready["port"])]);
    return coordinator;
  };
  const first = await start("--home", platform, "--plan", federation.planFile, "--catalogue", federation.catalogueFile);
  await joinAll(federation, folder.path, balancer.url);
  const nodes = await Promise.all(parts.map(({ node }) => service(["node", "start", "--home", home(node)])));
  const reached = (where: string, rounds: number) =>
    until(
      async () => released(where),
      (count) => count >= rounds,
      100,
    );

  // while it runs
  await reached(platform, 1);
  const old = folder.file("old.tar");
  const made = await tributaryJson(["coordinator", "backup", "--home", platform, "--out", old, "--with-keys"]);
  expect(made).toMatchObject({ federation: "small", engine: "sqlite", withKeys: true });

  // killed in the midst of a round, which its nodes have been offered
  await reached(platform, released(platform) + 1);
  await until(
    async () => first.log(),
    (log) => log.includes(`"round":${ledgerEntries(platform).length}`),
  );
  await first.kill();
  const before = ledgerEntries(platform);
  const backup = folder.file("backup");
  const manifest = await backupFederation(platform, { out: backup, withKeys: false });
  expect(manifest.ledger.entries).toBe(before.length);

  // on PostgreSQL, in a home that has nothing but the key
  const second = folder.file("second");
  const databaseUrl = `${postgres.url()}?schema=restored`;
  const onPostgres = ["--home", second, "--database-url", databaseUrl];
  const restore = [
    "coordinator",
    "restore",
    "--from",
    backup,
    ...onPostgres,
    "--ledger",
    `${home(parts[0]?.node ?? "")}/ledger.jsonl`,
  ];
  const without = await tributary(restore);
  expect(without.stderr).toContain("TRB_COORDINATOR_KEY_UNREADABLE");
  const { identity } = homeLayout(second);
  mkdirSync(dirname(identity), { recursive: true, mode: 0o700 });
  copyFileSync(homeLayout(platform).identity, identity);
  const restored = await tributaryJson(restore);
  expect(restored).toMatchObject({ federation: "small", usedUp: before.length, ledger: { entries: before.length + 1 } });
  expect((await tributary(restore)).stderr).toContain("TRB_BACKUP_PLACE_TAKEN");

  const replica = await start(...onPostgres);
  await reached(second, released(platform) + 1);
  const entries = ledgerEntries(second);
  expect(entries.slice(0, before.length)).toEqual(before);
  expect(entries[before.length]).toMatchObject({
    kind: "aborted",
    round: before.length,
    charged: true,
    code: "TRB_ROUND_RESTORED",
  });
  expect(entries[before.length + 1]).toMatchObject({ kind: "round", round: before.length + 1 });
  expect(await replica.stop("SIGTERM")).toBe(0);

  // and back again
  const returned = folder.file("returned");
  await backupFederation({ home: second, databaseUrl }, { out: `${returned}.tar`, withKeys: true });
  const again = await restoreFederation({ from: `${returned}.tar`, home: returned });
  expect(again.ledger.entries).toBe(ledgerEntries(second).length + 1);
  expect(await tributaryJson(["ledger", "verify", `${returned}/ledger.jsonl`])).toMatchObject({ verified: true });

  // one that is older than what nodes have seen
  const third = folder.file("third");
  const known = `${home(parts[0]?.node ?? "")}/ledger.jsonl`;
  const outdated = await tributary(["coordinator", "restore", "--from", old, "--home", third, "--ledger", known]);
  expect([outdated.exitCode, outdated.stderr]).toEqual([4, expect.stringContaining("TRB_BACKUP_OUTDATED")]);
  await restoreFederation({ from: old, home: third });
  await start("--home", third);
  for (const node of nodes) {
    expect(await node.exit).toBe(4);
    expect(node.log()).toMatch(/TRB_(NODE|ROUND)_LEDGER_FORKED/); // by whichever entry it hears first
  }
  balancer.close();
});
