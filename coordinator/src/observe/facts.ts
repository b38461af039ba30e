/** What the database says of a federation when it is asked by a scrape: little, and by queries that don't grow with the ledger. */
import { decodeCoordinatorState } from "@tributary/federation";
import { type Plan, parseDecimal } from "@tributary/protocol";
import { sql } from "kysely";
import { type CoordinatorStatus, phaseOf, spentEpsilon } from "../status.ts";
import type { Store } from "../storage/store.ts";

export interface FederationFacts {
  readonly phase: CoordinatorStatus["phase"];
  readonly connected: number;
  readonly joined: number;
  readonly required: number;
  readonly epsilonSpent: number;
  readonly epsilonLimit: number;
  readonly releases: readonly {
    readonly kind: string;
    readonly rounds: { readonly charged: number; readonly limit: number };
  }[];
  /** Seconds since 1970: when the last released round ended; before the first, when the ledger began; 0 before that. */
  readonly lastRelease: number;
  readonly ledgerEntries: number;
  readonly requestsWaiting: number;
  readonly fence: number;
  /** In seconds; 0 where one process has the home to itself. */
  readonly leaseAge: number;
  readonly jobs: { readonly waiting: number; readonly oldest: number };
}

export const phases: readonly CoordinatorStatus["phase"][] = [
  ...(["joining", "waiting", "refused", "paused", "finished"] as const),
  ...(["keys", "reveal", "shares", "masked", "consistency", "unmask", "summing", "applying"] as const),
];

/** After which a replica that says nothing doesn't count, in milliseconds. */
const alive = 20_000;

/** @throws what a database that doesn't answer throws */
export async function federationFacts(store: Store, plan: Plan): Promise<FederationFacts> {
  const [encoded, standstill, { entries }, members, present, requests, leader] = [
    await store.state(),
    await store.standstill(),
    await store.ledgerHead(),
    await store.members(),
    await store.connected(store.database.engine === "postgres" ? alive : undefined),
    await store.requests(),
    await store.leader(),
  ];
  const state = encoded === undefined ? undefined : decodeCoordinatorState(encoded);
  return {
    phase: phaseOf(state, standstill ?? null),
    connected: new Set(present.map(({ node }) => node)).size,
    joined: members.length,
    required: plan.minCohort,
    epsilonSpent: await spentEpsilon(store, entries),
    epsilonLimit: parseDecimal(plan.epsilon),
    releases: plan.releases.map(({ kind, rounds: limit }, place) => ({
      ...{ kind, rounds: { charged: state?.charged[place] ?? 0, limit } },
    })),
    lastRelease: await lastReleaseOf(store),
    ledgerEntries: entries,
    requestsWaiting: requests.length,
    fence: leader?.fence ?? 0,
    leaseAge: (await leaseOf(store))?.age ?? 0,
    jobs: await jobsOf(store),
  };
}

async function lastReleaseOf(store: Store): Promise<number> {
  const last = await store.database.read((tables) =>
    tables
      .selectFrom("rounds")
      .select(["started_at", "seconds"])
      .where("released", "=", 1)
      .where("seconds", "is not", null)
      .orderBy("round", "desc")
      .limit(1)
      .executeTakeFirst(),
  );
  if (last !== undefined) return Date.parse(last.started_at) / 1000 + (last.seconds ?? 0);
  const [genesis] = await store.ledgerLines(0, 1);
  const at = genesis === undefined ? null : (JSON.parse(genesis) as { readonly at: string }).at;
  return at === null ? 0 : Date.parse(at) / 1000;
}

/** Who leads, and how long ago it said so, in seconds by the database's clock; undefined on SQLite, and before anybody led. */
export async function leaseOf({ database }: Pick<Store, "database">): Promise<{ replica: string; age: number } | undefined> {
  if (database.engine !== "postgres") return undefined;
  const { rows } = await database.read((tables) =>
    sql<{
      replica: string;
      age: number;
    }>`SELECT replica, extract(epoch FROM clock_timestamp() - renewed)::float8 AS age FROM lease`.execute(tables),
  );
  return rows[0];
}

/** Jobs that no worker has taken; on SQLite there are none. `oldest` in seconds. */
export async function jobsOf({ database }: Pick<Store, "database">): Promise<{ waiting: number; oldest: number }> {
  if (database.engine !== "postgres" || database.schema === undefined) return { waiting: 0, oldest: 0 };
  const jobs = `${database.schema}_jobs`;
  const { rows } = await database.read(async (tables) => {
    const there = await sql<{ readonly there: boolean }>`SELECT to_regclass(${`"${jobs}".job`}) IS NOT NULL AS there`.execute(
      tables,
    );
    if (there.rows[0]?.there !== true) return { rows: [] };
    return await sql<{ waiting: number; oldest: number }>`
      SELECT count(*)::int AS waiting, coalesce(extract(epoch FROM now() - min(start_after)), 0)::float8 AS oldest
      FROM ${sql.id(jobs, "job")} WHERE state < 'active' AND start_after <= now()`.execute(tables);
  });
  return rows[0] ?? { waiting: 0, oldest: 0 };
}
