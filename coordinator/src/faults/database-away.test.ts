/** The database is away for a few seconds, twice. */
import { afterAll, beforeAll, test } from "vitest";
import { type PostgresServer, startPostgres } from "../../../test/postgres/server.ts";
import { surviveOutages } from "./outages.test-support.ts";

let postgres: PostgresServer;
beforeAll(async () => {
  postgres = await startPostgres();
}, 90_000);
afterAll(() => postgres.stop());

test("killed as an upload comes, and again as a sum is unmasked", { timeout: 240_000 }, () => surviveOutages(postgres, 3_000));
