/**
 * Opens what the coordinator remembers: `coordinator.sqlite` in its home, or with a database's address a schema of PostgreSQL. Either is brought to this
 * program's version first.
 */
import { fail } from "@tributary/errors";
import { sql } from "kysely";
import { type HomeLayout, isHome } from "../home/layout.ts";
import { type Faulted, type Patience, postgresDatabase, sqliteDatabase, usualPatience } from "./database.ts";
import { migrate } from "./migrating.ts";
import { requireOwnSession } from "./own-session.ts";
import { postgresAddress } from "./postgres.ts";
import type { Store } from "./store.ts";
import { storeOn } from "./store-tables.ts";

export interface StoreRequest {
  readonly layout: HomeLayout;
  /** `postgres://user:password@host:port/database?schema=name`; without it the home's own database. */
  readonly databaseUrl?: string | undefined;
  /** Whether a place that holds nothing yet is filled; otherwise it is refused. */
  readonly create: boolean;
  /** For how long a database that is away is waited for. */
  readonly patience?: Patience;
  readonly faulted?: Faulted | undefined;
}

/**
 * @throws TRB_COORDINATOR_HOME_EMPTY when there is nothing to open and `create` is not set; TRB_COORDINATOR_DATABASE_URL_INVALID,
 *   TRB_COORDINATOR_DATABASE_UNREACHABLE, TRB_COORDINATOR_DATABASE_REFUSED, TRB_COORDINATOR_DATABASE_POOLED, TRB_COORDINATOR_DATABASE_TOO_OLD, TRB_COORDINATOR_DATABASE_NEWER,
 *   TRB_COORDINATOR_MIGRATION_FAILED, TRB_COORDINATOR_STORE_DAMAGED
 */
export async function openStoreOf(request: StoreRequest): Promise<Store> {
  const { layout, databaseUrl, create, patience = usualPatience, faulted } = request;
  if (databaseUrl === undefined && !create && !isHome(layout)) throw fail("TRB_COORDINATOR_HOME_EMPTY", { home: layout.home });
  const database =
    databaseUrl === undefined
      ? sqliteDatabase(layout.database, patience, faulted)
      : postgresDatabase(databaseUrl, patience, faulted);
  try {
    if (databaseUrl !== undefined && create) {
      await database.read((tables) => sql`SELECT 1`.execute(tables)); // with the patience that what follows doesn't have
      await requireOwnSession(postgresAddress(databaseUrl));
    }
    await migrate(database, { create });
  } catch (error) {
    await database.close();
    throw error;
  }
  return storeOn(database);
}
