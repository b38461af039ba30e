/**
 * What a coordinator keeps, and for how long. The ledger, and with it what operators did, is kept for ever; what lies beside it goes by a policy that stands in
 * the database, so that all replicas have the same one. The leader carries it out, at its start and each hour.
 *
 * Of models those stay that are of the last `models` rounds, and whatever their age: the first one, the present one, the one that metrics kept, all that were
 * put forward, and all that training went back to, or is asked to. Training can't go back to one that is erased.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "@tributary/errors";
import { type CoordinatorState, decodeCoordinatorState, type Note } from "@tributary/federation";
import { parseLine } from "@tributary/ledger";
import type { Plan, Sha256 } from "@tributary/protocol";
import type { Logger } from "pino";
import { z } from "zod";
import type { Blobs } from "./storage/blobs.ts";
import type { Database } from "./storage/database.ts";
import { modelsByRound, promotedModels, requiredBlobs } from "./storage/named-blobs.ts";
import type { Store } from "./storage/store.ts";

const retentionSchema = z.strictObject({
  /** Models of so many last rounds; null: all. */
  models: z.int().min(1).nullable(),
  /** Figures of so many last rounds; null: all. */
  rounds: z.int().min(1).nullable(),
  /** Days for which sessions and invites stay that are of no use any more; null: for ever. */
  days: z.int().min(1).nullable(),
  /** Models of rounds up to this one are gone, but for those that stay whatever their age. */
  erasedUpTo: z.int().min(0),
});
export type Retention = z.infer<typeof retentionSchema>;
export type RetentionPolicy = Omit<Retention, "erasedUpTo">;

const keepAll: Retention = { models: null, rounds: null, days: null, erasedUpTo: 0 };

export async function readRetention(database: Pick<Database, "read">): Promise<Retention> {
  const row = await database.read((tables) =>
    tables.selectFrom("settings").select("value").where("name", "=", "retention").executeTakeFirst(),
  );
  return row === undefined ? keepAll : retentionSchema.parse(JSON.parse(row.value));
}

async function writeRetention(database: Database, change: Partial<Retention>): Promise<Retention> {
  return await database.write(async (tables) => {
    const row = await tables.selectFrom("settings").select("value").where("name", "=", "retention").executeTakeFirst();
    const before = row === undefined ? keepAll : retentionSchema.parse(JSON.parse(row.value));
    const erasedUpTo = Math.max(before.erasedUpTo, change.erasedUpTo ?? 0);
    const next: Retention = { ...before, ...change, erasedUpTo };
    const value = JSON.stringify(next);
    await tables
      .insertInto("settings")
      .values({ name: "retention", value })
      .onConflict((known) => known.column("name").doUpdateSet({ value }))
      .execute();
    return next;
  }, "again");
}

/** What isn't given stays as it is. It is carried out by `applyRetention`, or by the server within an hour. */
export const changeRetention = (store: Pick<Store, "database">, policy: Partial<RetentionPolicy>): Promise<Retention> =>
  writeRetention(store.database, policy);

/** Models that stay whatever their age. */
export function exempt(
  plan: Plan,
  state: CoordinatorState | undefined,
  lines: readonly string[],
  waiting: readonly Note[],
): Set<Sha256> {
  const wentBackTo = lines.flatMap((line) => {
    const entry = parseLine(line);
    return entry.kind === "rollback" ? [entry.modelHash] : [];
  });
  const asked = waiting.flatMap((note) => (note.kind === "rollback" || note.kind === "promotion" ? [note.modelHash] : []));
  return new Set([...requiredBlobs(plan, state), ...promotedModels(lines), ...wentBackTo, ...asked]);
}

/** What was erased. */
export interface Erased {
  readonly models: number;
  readonly rounds: number;
  readonly sessions: number;
  readonly invites: number;
}

/** By the policy that stands; may run at any time, and twice. @throws what store and blobs throw */
export async function applyRetention(
  store: Pick<Store, "plan" | "state" | "ledgerLines" | "requests" | "database">,
  blobs: Pick<Blobs, "list" | "erase">,
  now = new Date(),
): Promise<Erased> {
  const policy = await readRetention(store.database);
  const models = policy.models === null ? 0 : await eraseModels(store, blobs, policy.models);
  const rows = await store.database.write(async (tables) => {
    let [rounds, sessions, invites] = [0, 0, 0];
    if (policy.rounds !== null) {
      const newest = await tables
        .selectFrom("rounds")
        .select(({ fn }) => fn.max("round").as("round"))
        .executeTakeFirst();
      const upTo = (newest?.round ?? 0) - policy.rounds;
      rounds = Number((await tables.deleteFrom("rounds").where("round", "<=", upTo).executeTakeFirst()).numDeletedRows);
    }
    if (policy.days !== null) {
      const before = new Date(now.getTime() - policy.days * 86_400_000).toISOString();
      sessions = Number((await tables.deleteFrom("sessions").where("seen", "<", before).executeTakeFirst()).numDeletedRows);
      invites = Number((await tables.deleteFrom("invites").where("expires", "<", before).executeTakeFirst()).numDeletedRows);
    }
    return { rounds, sessions, invites };
  }, "again");
  return { models, ...rows };
}

async function eraseModels(
  store: Pick<Store, "plan" | "state" | "ledgerLines" | "requests" | "database">,
  blobs: Pick<Blobs, "list" | "erase">,
  keep: number,
): Promise<number> {
  const founded = await store.plan();
  const encoded = await store.state();
  if (founded === undefined || encoded === undefined) return 0;
  const state = decodeCoordinatorState(encoded);
  // the number that counts from is that of a round that has ended: the one under way may be given up
  const upTo = (state.round === null ? state.lastRound : state.round.number - 1) - keep;
  if (upTo < 1) return 0;
  // said before it is done: whoever asks to go back from now on is refused, and what was asked before is exempt
  await writeRetention(store.database, { erasedUpTo: upTo });
  const lines = await store.ledgerLines(1);
  const stays = exempt(
    founded.plan,
    state,
    lines,
    (await store.requests()).map(({ note }) => note),
  );
  const there = new Set(await blobs.list());
  let erased = 0;
  for (const [hash, round] of modelsByRound(lines)) {
    if (round > upTo || stays.has(hash) || !there.has(hash)) continue;
    await blobs.erase(hash);
    erased += 1;
  }
  return erased;
}

/** @throws TRB_COORDINATOR_NOTE_POINTLESS when retention may have erased this round's model */
export async function requireRetained(
  store: Pick<Store, "database" | "requests">,
  state: CoordinatorState,
  lines: readonly string[],
  { round, modelHash }: { readonly round: number; readonly modelHash: Sha256 },
): Promise<void> {
  const { erasedUpTo } = await readRetention(store.database);
  const last = Math.max(round, modelsByRound(lines).get(modelHash) ?? 0);
  if (last > erasedUpTo || exempt(state.plan, state, lines, []).has(modelHash)) return;
  throw fail("TRB_COORDINATOR_NOTE_POINTLESS", { reason: `the model of round ${round} was erased, as the retention says` });
}

const hour = 3_600_000;

/** Carries it out while this replica leads. @param every milliseconds */
export function keepRetention(store: Store, blobs: Blobs, log: Logger, every = hour): { close(): void } {
  const closing = new AbortController();
  const run = async () => {
    while (!closing.signal.aborted) {
      try {
        const erased = await applyRetention(store, blobs);
        if (Object.values(erased).some((count) => count > 0)) log.info({ ...erased }, "retention");
      } catch (error) {
        if (!closing.signal.aborted) log.warn({ err: error }, "what is to be erased stays for now");
      }
      await sleep(every, undefined, { ref: false, signal: closing.signal }).catch(() => {}); // this replica leads no longer
    }
  };
  void run();
  return {
    // whatever it is at may be done by anybody at any time, and the next leadership doesn't wait for it
    close: () => closing.abort(),
  };
}
