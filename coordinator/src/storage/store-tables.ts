/** The store on its tables. Everything here can be done twice without harm, so that an answer that was lost is asked for again. */
import { fail } from "@tributary/errors";
import type { Note } from "@tributary/federation";
import {
  nodeId,
  type Plan,
  parsePlan,
  type Roster,
  type RosterMember,
  rosterMemberSchema,
  type Sha256,
  sha256Hex,
} from "@tributary/protocol";
import { sql } from "kysely";
import { z } from "zod";
import type { Database, Writing } from "./database.ts";
import { leadership, requireLeadership } from "./leadership-row.ts";
import { roundTable, settleRound } from "./round-table.ts";
import type { LedgerLine, Persisted, Store } from "./store.ts";

const standstillSchema = z.strictObject({
  code: z.literal("TRB_COORDINATOR_OFFERS_REFUSED"),
  reason: z.string(),
  offers: z.int(),
  nodes: z.array(nodeId),
});

/** Rows in one statement: engines bound the values in it. */
const mostRows = 500;

/** @param database brought to this program's version */
export function storeOn(database: Database): Store {
  const { read, write, where } = database;
  const setting = (name: string) =>
    read(async (tables) => {
      const row = await tables.selectFrom("settings").select("value").where("name", "=", name).executeTakeFirst();
      return row?.value;
    });
  let founded: { readonly plan: Plan; readonly hash: Sha256 } | undefined;
  /** By their texts: whoever joins is answered with everybody, which would otherwise be read anew, a thousand times a thousand. */
  const membersRead = new Map<string, RosterMember>();
  const readMember = (text: string): RosterMember => {
    const known = membersRead.get(text) ?? rosterMemberSchema.parse(JSON.parse(text));
    membersRead.set(text, known);
    return known;
  };

  return {
    database,
    async plan() {
      if (founded) return founded; // it never changes
      const [plan, hash] = [await setting("plan"), await setting("planHash")];
      if (plan === undefined || hash === undefined) return undefined;
      founded = { plan: parsePlan(JSON.parse(plan)), hash: sha256Hex.parse(hash) };
      return founded;
    },
    async found(plan, hash) {
      await write(async (tables) => {
        const values = [
          { name: "plan", value: JSON.stringify(plan) },
          { name: "planHash", value: hash },
        ];
        await tables
          .insertInto("settings")
          .values(values)
          .onConflict((known) => known.column("name").doNothing())
          .execute();
        const kept = await tables
          .selectFrom("settings")
          .select("value")
          .where("name", "=", "planHash")
          .executeTakeFirstOrThrow();
        if (kept.value !== hash) throw fail("TRB_COORDINATOR_HOME_OTHER_PLAN", { home: where, planHash: kept.value });
      }, "again");
    },

    async state() {
      const row = await read((tables) => tables.selectFrom("state").select("json").executeTakeFirst());
      return row?.json;
    },
    shares: () => setting("roundShares"),
    persist: (what) => persist(database, what),
    takeLeadership: (replica) =>
      write(async (tables) => {
        const next = { fence: sql<number>`fence + 1`, replica };
        const { fence } = await tables.updateTable("leadership").set(next).returning("fence").executeTakeFirstOrThrow();
        return fence;
      }, "again"),
    async leader() {
      const row = await read((tables) => tables.selectFrom("leadership").select(["fence", "replica"]).executeTakeFirst());
      return row === undefined || row.fence === 0 ? undefined : { replica: row.replica, fence: row.fence };
    },
    async ledgerSize() {
      const row = await read((tables) =>
        tables
          .selectFrom("ledger")
          .select(({ fn }) => fn.countAll<number>().as("entries"))
          .executeTakeFirstOrThrow(),
      );
      return row.entries;
    },
    async ledgerLines(from, to = Number.MAX_SAFE_INTEGER) {
      const rows = await read((tables) =>
        tables
          .selectFrom("ledger")
          .select("line")
          .where("place", ">=", from)
          .where("place", "<", to)
          .orderBy("place")
          .execute(),
      );
      return rows.map(({ line }) => line);
    },
    async ledgerHead() {
      const last = await read((tables) =>
        tables.selectFrom("ledger").select(["place", "hash"]).orderBy("place", "desc").limit(1).executeTakeFirst(),
      );
      return last === undefined
        ? { entries: 0, head: sha256Hex.parse("0".repeat(64)) }
        : { entries: last.place + 1, head: sha256Hex.parse(last.hash) };
    },

    async members() {
      const rows = await read((tables) => tables.selectFrom("members").select("member").orderBy("node").execute());
      return rows.map(({ member }) => readMember(member));
    },
    async member(node) {
      const row = await read((tables) =>
        tables.selectFrom("members").select("member").where("node", "=", node).executeTakeFirst(),
      );
      return row && readMember(row.member);
    },
    admit: (tokenHash, member) =>
      write(
        async (tables) => {
          await leadership(database, tables); // a genesis entry is written before, or after and with this member
          const used = await tables
            .updateTable("invites")
            .set({ key: member.key })
            .where("token_hash", "=", tokenHash)
            .where("key", "is", null)
            .executeTakeFirst();
          if (used.numUpdatedRows !== 1n) return false;
          const row = { node: member.node, key: member.key, member: JSON.stringify(member) };
          const added = await tables
            .insertInto("members")
            .values(row)
            .onConflict((known) => known.doNothing())
            .executeTakeFirst();
          if (added.numInsertedOrUpdatedRows !== 1n) throw fail("TRB_COORDINATOR_NODE_TAKEN", { node: member.node });
          return true;
        },
        async (tables) => {
          const invite = await tables
            .selectFrom("invites")
            .select("key")
            .where("token_hash", "=", tokenHash)
            .executeTakeFirst();
          return invite?.key === member.key ? { result: true } : undefined;
        },
      ),
    async addInvite({ tokenHash, node, expires }) {
      const row = { token_hash: tokenHash, node, expires };
      await write(
        (tables) =>
          tables
            .insertInto("invites")
            .values(row)
            .onConflict((known) => known.column("token_hash").doNothing())
            .execute(),
        "again",
      );
    },
    async invite(tokenHash) {
      const row = await read((tables) =>
        tables.selectFrom("invites").selectAll().where("token_hash", "=", tokenHash).executeTakeFirst(),
      );
      return row && { tokenHash, node: row.node, expires: row.expires, key: row.key };
    },

    async setConnected(replica, nodes) {
      await write(async (tables) => {
        const seen = database.clock;
        await tables
          .insertInto("replicas")
          .values({ replica, seen })
          .onConflict((known) => known.column("replica").doUpdateSet({ seen }))
          .execute();
        const before = await tables
          .selectFrom("connected")
          .select(["node", "version"])
          .where("replica", "=", replica)
          .execute();
        const stays = new Map(nodes.map(({ node, version }) => [String(node), version]));
        const gone = before.filter(({ node, version }) => stays.get(node) !== version).map(({ node }) => node);
        for (const some of portions(gone)) {
          await tables.deleteFrom("connected").where("replica", "=", replica).where("node", "in", some).execute();
        }
        for (const { node, version } of before) if (stays.get(node) === version) stays.delete(node);
        for (const some of portions([...stays].map(([node, version]) => ({ node, replica, version })))) {
          await tables.insertInto("connected").values(some).execute();
        }
      }, "again");
    },
    async connected(within) {
      const rows = await read((tables) => {
        const all = tables
          .selectFrom("connected")
          .innerJoin("replicas", "replicas.replica", "connected.replica")
          .select(["connected.node", "connected.replica", "connected.version", "replicas.seen"])
          .orderBy("connected.node")
          .orderBy("connected.replica");
        return (
          within === undefined ? all : all.where("replicas.seen", ">", sql<number>`${database.clock} - ${within}`)
        ).execute();
      });
      return rows.map((row) => ({ ...row, node: nodeId.parse(row.node) }));
    },
    async forgetReplica(replica) {
      await write(async (tables) => {
        await tables.deleteFrom("connected").where("replica", "=", replica).execute();
        await tables.deleteFrom("replicas").where("replica", "=", replica).execute();
      }, "again");
    },
    async setStandstill(why, fence) {
      await write(async (tables) => {
        await requireLeadership(database, tables, fence);
        if (why !== undefined) await keep(tables, "standstill", JSON.stringify(why));
        else await tables.deleteFrom("settings").where("name", "=", "standstill").execute();
      }, "again");
    },
    async standstill() {
      const kept = await setting("standstill");
      return kept === undefined ? undefined : standstillSchema.parse(JSON.parse(kept));
    },

    async request(note) {
      const said = JSON.stringify(note);
      await write(async (tables) => {
        // one after the other: each sees what the one before asked for
        if (database.engine === "postgres") await sql`LOCK TABLE requests IN SHARE ROW EXCLUSIVE MODE`.execute(tables);
        const known = await tables.selectFrom("requests").select("id").where("note", "=", said).executeTakeFirst();
        if (known === undefined) await tables.insertInto("requests").values({ note: said }).execute();
      }, "again");
    },
    async requests() {
      const rows = await read((tables) => tables.selectFrom("requests").select(["id", "note"]).orderBy("id").execute());
      return rows.map(({ id, note }) => ({ id, note: JSON.parse(note) as Note }));
    },
    async settleRequest(id, fence) {
      await write(async (tables) => {
        await requireLeadership(database, tables, fence);
        await settle(tables, [id]);
      }, "again");
    },
    rounds: roundTable(database),
    close: () => database.close(),
  };
}

/** Whoever writes state waits for the row of the leadership: one after the other, and none under a leadership that has ended. */
function persist(database: Database, { state, entries = [], shares, settled = [], fence }: Persisted): Promise<void> {
  /** The state's number after this; what it was before belongs to the attempt. */
  let written = 0;
  return database.write(
    async (tables) => {
      written = (await sequenceUnder(database, tables, fence)) + 1;
      if (shares !== undefined) await keep(tables, "roundShares", shares);
      await append(tables, entries);
      await settle(tables, settled);
      const row = { json: state, sequence: written };
      await tables
        .insertInto("state")
        .values({ id: 1, ...row })
        .onConflict((known) => known.column("id").doUpdateSet(row))
        .execute();
    },
    async (tables) => ((await sequenceUnder(database, tables, fence)) === written ? { result: undefined } : undefined),
  );
}

/** How often the state was written. @throws TRB_COORDINATOR_FENCED */
async function sequenceUnder(database: Database, tables: Writing, fence: number): Promise<number> {
  await requireLeadership(database, tables, fence);
  const row = await tables.selectFrom("state").select("sequence").executeTakeFirst();
  return row?.sequence ?? 0;
}

/** @throws TRB_COORDINATOR_LEDGER_FORKED when they don't follow what stands there */
async function append(tables: Writing, entries: readonly LedgerLine[]): Promise<void> {
  if (entries.length === 0) return;
  const last = await tables.selectFrom("ledger").select("place").orderBy("place", "desc").limit(1).executeTakeFirst();
  let place = last === undefined ? 0 : last.place + 1;
  for (const { entry, line, hash } of entries) {
    if (entry.index !== place) throw fail("TRB_COORDINATOR_LEDGER_FORKED", { place: entry.index, entries: place });
    if (entry.kind === "genesis") await requireWhole(tables, entry.roster);
    await tables.insertInto("ledger").values({ place, line, hash }).execute();
    await settleRound(tables, entry);
    place += 1;
  }
}

/** Who joins while the genesis entry is written is in it, or comes too late; nobody has joined and isn't in it. */
async function requireWhole(tables: Writing, roster: Roster): Promise<void> {
  const joined = await tables.selectFrom("members").select(["node", "key"]).orderBy("node").execute();
  const written = new Map(roster.map(({ node, key }) => [String(node), String(key)]));
  const whole = joined.length === roster.length && joined.every(({ node, key }) => written.get(node) === key);
  if (!whole) throw fail("TRB_COORDINATOR_ROSTER_MOVED");
}

async function settle(tables: Writing, ids: readonly number[]): Promise<void> {
  for (const some of portions(ids)) await tables.deleteFrom("requests").where("id", "in", some).execute();
}

async function keep(tables: Writing, name: string, value: string): Promise<void> {
  await tables
    .insertInto("settings")
    .values({ name, value })
    .onConflict((known) => known.column("name").doUpdateSet({ value }))
    .execute();
}

function portions<Row>(rows: readonly Row[]): Row[][] {
  const count = Math.ceil(rows.length / mostRows);
  return Array.from({ length: count }, (_, place) => rows.slice(place * mostRows, (place + 1) * mostRows));
}
