/** A merchant's log in PostgreSQL, imported by the command of docs/importing.md: into the store, with its rejects, and what is said when it can't be. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { storedQuality } from "@tributary/client";
import { makeCatalogue } from "@tributary/events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type PostgresServer, startPostgres } from "../postgres/server.ts";
import { joinedHome } from "./joined-home.ts";
import { temporaryFolder, tributary, tributaryJson } from "./processes.ts";

const folder = temporaryFolder("import-postgres");
const home = folder.file("shop");
let server: PostgresServer;
beforeAll(async () => {
  [server] = await Promise.all([startPostgres(), joinedHome(home, makeCatalogue(["7", "8"].map((id) => ({ id }))))]);
}, 120_000);
afterAll(async () => {
  await server?.stop();
  folder.remove();
});

const sql = `SELECT 'c' || i % 30 AS customer, CASE WHEN i % 10 = 0 THEN 9 ELSE 7 + i % 2 END AS item, 'view' AS action,
  timestamptz '2024-05-01 10:00+00' + i * interval '1 minute' AS "time" FROM generate_series(1, 600) AS i ORDER BY i`;

test("a query of PostgreSQL becomes the store's histories, and its password stands nowhere", { timeout: 120_000 }, async () => {
  const address = folder.file("warehouse");
  writeFileSync(address, `${server.url()}\n`, { mode: 0o600 });
  const rejects = folder.file("rejects.csv");
  const words = ["node", "import", "--home", home, "--sql", sql];
  const report = await tributaryJson([...words, "--source-file", address, "--rejects", rejects]);
  expect(report).toMatchObject({ rows: 600, kept: 540, customers: 27, items: 2, dropped: { outsideCatalogue: 60 } });
  expect(report["files"]).toEqual([`postgres://postgres@127.0.0.1:${server.port}/postgres`]);
  expect(await storedQuality({ home })).toMatchObject({ events: 540, customers: 27 });
  const lines = readFileSync(rejects, "utf8").trim().split("\n");
  expect([lines.length, lines[1]]).toEqual([
    61,
    `outsideCatalogue,postgres://postgres@127.0.0.1:${server.port}/postgres,10,c10,9,view,2024-05-01 10:10:00+00,`,
  ]);
  expect(statSync(rejects).mode & 0o077).toBe(0);
  const passwordless = `postgres://postgres@127.0.0.1:${server.port}/postgres`;
  const refused = await tributary([...words, "--source", passwordless], { env: { PGPASSWORD: "wrong-one" } });
  expect(refused.exitCode).toBe(1);
  expect(refused.stderr).toContain("TRB_EVENTS_SOURCE_REFUSED");
  expect(refused.stderr).not.toContain("wrong-one");
  expect(await storedQuality({ home })).toMatchObject({ events: 540 });
});
