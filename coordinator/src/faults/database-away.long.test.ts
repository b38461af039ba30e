/** The database is away for half a minute, twice: longer than anybody has patience for whom somebody waits. */
import { afterAll, beforeAll, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { surviveOutages } from "./outages.test-support.ts";

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
}, 90_000);
afterAll(() => postgres.stop());

test("away for half a minute as an upload comes, and again as a sum is unmasked", { timeout: 400_000 }, () =>
  surviveOutages(postgres, 30_000),
);
