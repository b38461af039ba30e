/**
 * What becomes of the store when something beneath it fails: each time everything that was promised is there, once, and it goes on by itself.
 *
 * A full disk is tried with SQLite alone, which can be given a largest size: PostgreSQL has no such bound but that of the file system below it, and a test
 * can't make one of those without rights that it shouldn't have. That its SQLSTATE for it gets the same code is held by the test of codes.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { isTributaryError } from "@tributary/errors";
import { CompiledQuery, sql } from "kysely";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cutWire } from "./cut-wire.test-support.ts";
import { postgresDatabase } from "./database.ts";
import { ledgerLine, member, postgresEngine, sqliteEngine, tokenHash } from "./engines.test-support.ts";
import { faultOf } from "./faults.ts";
import { migrate } from "./migrating.ts";
import { postgresAddress } from "./postgres.ts";
import type { Store } from "./store.ts";
import { storeOn } from "./store-tables.ts";

const code = (name: string) => expect.objectContaining({ code: name });
const expires = "2030-01-01T00:00:00.000Z";

/** One entry after the other, each with its state, until told to stop. @returns how many were promised */
async function write(store: Store, fence: number, until: () => boolean): Promise<number> {
  let entries = await store.ledgerSize();
  for (; !until(); entries += 1) await store.persist({ state: `${entries}`, entries: [ledgerLine(entries)], fence });
  return entries;
}

async function expectWhole(store: Store, entries: number): Promise<void> {
  expect([await store.ledgerSize(), await store.state()]).toEqual([entries, `${entries - 1}`]);
  expect(await store.ledgerLines(0)).toEqual(Array.from({ length: entries }, (_, place) => ledgerLine(place).line));
}

describe("the store on PostgreSQL", () => {
  const engine = postgresEngine();
  beforeAll(() => engine.start(), 60_000);
  afterAll(() => engine.stop());

  async function overWire() {
    const wire = await cutWire(engine.server().port);
    const url = engine
      .server()
      .url()
      .replace(/:\d+\//, `:${wire.port}/`);
    const database = postgresDatabase(`${url}?schema=wire_${wire.port}`, { reading: 1_000, writing: 15_000 });
    await migrate(database, { create: true });
    return { wire, store: storeOn(database) };
  }

  test("goes on after the server was killed and started again, with all that was promised, once", {
    timeout: 60_000,
  }, async () => {
    const store = await engine.place().store({ reading: 15_000, writing: 30_000 });
    const fence = await store.takeLeadership("a");
    let over = false;
    const written = write(store, fence, () => over);
    for (let time = 0; time < 2; time += 1) {
      await sleep(150);
      await engine.server().crash();
      await sleep(100);
      await engine.server().restart();
    }
    await sleep(150);
    over = true;
    const entries = await written;
    expect(entries).toBeGreaterThan(0);
    await expectWhole(store, entries);
    await store.close();
  });

  test("goes on when its connections are ended again and again", { timeout: 60_000 }, async () => {
    const store = await engine.place().store();
    const other = engine.place().database();
    const fence = await store.takeLeadership("a");
    let over = false;
    const written = write(store, fence, () => over);
    for (let time = 0; time < 12; time += 1) {
      await sleep(20);
      const ended = sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'tributary' AND pid <> pg_backend_pid()`;
      await other.read((tables) => ended.execute(tables));
    }
    over = true;
    await expectWhole(store, await written);
    await store.close();
    await other.close();
  });

  test.each(["before", "after"] as const)(
    "knows what became of a commit whose connection broke %s the server heard of it",
    async (when) => {
      const { wire, store } = await overWire();
      const fence = await store.takeLeadership("a");
      await store.persist({ state: "0", entries: [ledgerLine(0)], fence });
      const persisted = wire.cutAtCommit(when);
      await store.persist({ state: "1", entries: [ledgerLine(1), ledgerLine(2)], shares: "of 1", fence });
      await persisted;
      expect([await store.state(), await store.shares(), await store.ledgerSize()]).toEqual(["1", "of 1", 3]);
      const counted = await store.database.read((tables) => tables.selectFrom("state").select("sequence").executeTakeFirst());
      expect(counted).toEqual({ sequence: 2 });

      await store.addInvite({ tokenHash: tokenHash("t"), node: "north", expires });
      const admitted = wire.cutAtCommit(when);
      expect(await store.admit(tokenHash("t"), member("north"))).toBe(true);
      await admitted;
      expect(await store.members()).toEqual([member("north")]);

      // somebody else took over meanwhile: whatever became of it, this one has nothing more to say
      const late = wire.cutAtCommit(when);
      const lost = store.persist({ state: "late", fence });
      const direct = postgresDatabase(`${engine.server().url()}?schema=wire_${wire.port}`);
      await late;
      const next = storeOn(direct);
      await next.takeLeadership("b");
      const outcome = await lost.then(
        () => "written",
        (error: unknown) => (isTributaryError(error) ? error.code : error),
      );
      expect(["written", "TRB_COORDINATOR_FENCED"]).toContain(outcome);
      if (outcome === "written") expect(await next.state()).toBe("late");
      await store.close();
      await direct.close();
      await wire.close();
    },
  );

  test("says so when the database stays away, and needs nothing but the database to go on", async () => {
    const { wire, store } = await overWire();
    const fence = await store.takeLeadership("a");
    wire.cut();
    await expect(store.state()).rejects.toEqual(code("TRB_COORDINATOR_DATABASE_UNREACHABLE"));
    await expect(store.database.ping()).rejects.toEqual(code("TRB_COORDINATOR_DATABASE_UNREACHABLE"));
    const waiting = store.persist({ state: "waited", fence });
    await sleep(100);
    wire.mend();
    await waiting;
    expect(await store.state()).toBe("waited");
    wire.cut();
    const abandoned = store.persist({ state: "never", fence });
    await sleep(50);
    await store.close();
    await expect(abandoned).rejects.toEqual(code("TRB_COORDINATOR_STOPPING"));
    await wire.close();
  });

  test("never says a password, whatever is wrong with the address", async () => {
    const secret = "s3cret-Passw0rd";
    const { port } = engine.server();
    const addresses = [
      `postgres://postgres:${secret}@127.0.0.1:${port}/postgres`,
      `postgres://postgres:${secret}@127.0.0.1:1/postgres`,
      `postgres://postgres:${secret}@127.0.0.1:${port}/nothing`,
      `postgres://nobody:${secret}@127.0.0.1:${port}/postgres?sslmode=verify-full`,
      `postgres://${secret}@[::1`,
      `mysql://root:${secret}@127.0.0.1/`,
      `postgres://postgres:${secret}@127.0.0.1:${port}/postgres?schema=Public;${secret}`,
    ];
    const opened = addresses.map(async (address) => {
      const database = postgresDatabase(address, { reading: 100, writing: 100 });
      await migrate(database, { create: true }).finally(() => database.close());
    });
    const outcomes = await Promise.allSettled(opened);
    const errors = outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : undefined));
    expect(errors.map((error: unknown) => isTributaryError(error) && error.code)).toEqual([
      "TRB_COORDINATOR_DATABASE_REFUSED",
      "TRB_COORDINATOR_DATABASE_UNREACHABLE",
      "TRB_COORDINATOR_DATABASE_REFUSED",
      "TRB_COORDINATOR_DATABASE_REFUSED",
      "TRB_COORDINATOR_DATABASE_URL_INVALID",
      "TRB_COORDINATOR_DATABASE_URL_INVALID",
      "TRB_COORDINATOR_DATABASE_URL_INVALID",
    ]);
    for (const error of errors) {
      const said = [
        String(error),
        JSON.stringify(error),
        JSON.stringify(error, Object.getOwnPropertyNames(error)),
        error.stack,
      ];
      expect(said.join()).not.toContain(secret);
      expect(error.cause).toBeUndefined();
    }
    expect(postgresAddress(addresses[0] ?? "").where).toBe(`127.0.0.1:${port}/postgres, schema tributary`);
  });

  test("needs no right to make schemas when its own is there, and says what it lacks when it isn't", async () => {
    const root = engine.place().database();
    const say = (words: string) => root.write((tables) => tables.executeQuery(CompiledQuery.raw(words)), "again");
    await say("CREATE ROLE merchant LOGIN PASSWORD 'm'");
    await say("CREATE SCHEMA given AUTHORIZATION merchant");
    const url = engine.server().url("postgres", "merchant", "m");
    const given = postgresDatabase(`${url}?schema=given`);
    await migrate(given, { create: true });
    expect(await storeOn(given).takeLeadership("a")).toBe(1);
    const none = postgresDatabase(`${url}?schema=none`);
    await expect(migrate(none, { create: true })).rejects.toEqual(code("TRB_COORDINATOR_DATABASE_REFUSED"));
    for (const each of [root, given, none]) await each.close();
  });

  test("commits durably, whatever the server's default is", async () => {
    const database = engine.place().database();
    const { rows } = await database.read((tables) =>
      sql<{ setting: string }>`SELECT current_setting('synchronous_commit') AS setting`.execute(tables),
    );
    expect(rows).toEqual([{ setting: "on" }]); // the server of tests says off
    await database.close();
  });
});

describe("the store on SQLite", () => {
  const engine = sqliteEngine();
  beforeAll(() => engine.start());
  afterAll(() => engine.stop());

  test("writes nothing of what a full disk has no room for, and goes on when there is room", async () => {
    const store = await engine.place().store();
    const fence = await store.takeLeadership("a");
    await store.persist({ state: "0", entries: [ledgerLine(0)], shares: "few", fence });
    const most = (pages: number) =>
      store.database.read((tables) => tables.executeQuery(CompiledQuery.raw(`PRAGMA max_page_count = ${pages}`)));
    await most(1); // as many as there are
    const large = { state: "1", entries: [ledgerLine(1)], shares: "many".repeat(100_000), fence };
    await expect(store.persist(large)).rejects.toEqual(code("TRB_COORDINATOR_DATABASE_FULL"));
    await expectWhole(store, 1);
    expect(await store.shares()).toBe("few");
    await most(1_000_000);
    await store.persist(large);
    await expectWhole(store, 2);
    await store.close();
  });

  test("is refused when its file is something else, or damaged", async () => {
    const place = engine.place();
    writeFileSync(place.file ?? "", "no database at all, for certain".repeat(100));
    expect(() => place.database()).toThrow(code("TRB_COORDINATOR_STORE_DAMAGED"));
  });

  test("waits for another process's transaction, while this one goes on with other things", async () => {
    const place = engine.place();
    const store = await place.store();
    const script = `
      const { DatabaseSync } = await import("node:sqlite");
      const file = new DatabaseSync(process.argv[1]);
      file.exec("BEGIN IMMEDIATE");
      console.log("locked");
      process.stdin.once("data", () => { file.exec("COMMIT"); process.exit(); });`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script, place.file ?? ""], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    await once(child.stdout, "data");
    let taken = false;
    const waiting = store.takeLeadership("a").then(() => {
      taken = true;
    });
    await sleep(50);
    expect([taken, await store.ledgerSize()]).toEqual([false, 0]);
    child.stdin.end("go");
    await waiting;
    await store.close();
  });

  test("has all that was promised, once, after its process was killed in the midst of it", { timeout: 60_000 }, async () => {
    const place = engine.place();
    const script = `
      const [support, tables, database] = await Promise.all(process.argv.slice(2).map((module) => import(module)));
      const store = tables.storeOn(database.sqliteDatabase(process.argv[1]));
      const fence = await store.takeLeadership("child");
      for (let entries = await store.ledgerSize(); ; entries += 1) {
        await store.persist({ state: String(entries), entries: [support.ledgerLine(entries)], fence });
        process.stdout.write(entries + "\\n");
      }`;
    const modules = ["engines.test-support.ts", "store-tables.ts", "database.ts"].map(
      (name) => new URL(name, import.meta.url).href,
    );
    await (await place.store()).close();
    let promised = -1;
    for (let time = 0; time < 2; time += 1) {
      const child = spawn(process.execPath, ["--input-type=module", "-e", script, place.file ?? "", ...modules], {
        cwd: fileURLToPath(new URL(".", import.meta.url)),
        stdio: ["ignore", "pipe", "inherit"],
      });
      const target = promised + 20;
      await new Promise<void>((resolve) => {
        child.stdout.setEncoding("utf8").on("data", (text: string) => {
          promised = Math.max(promised, ...text.trim().split("\n").map(Number));
          if (promised >= target) resolve();
        });
      });
      child.kill("SIGKILL");
      await once(child, "exit");
      const store = await place.store();
      const entries = await store.ledgerSize();
      expect(entries - 1).toBeGreaterThanOrEqual(promised);
      await expectWhole(store, entries);
      promised = entries - 1;
      await store.close();
    }
  });
});

test.each([
  ["53100", "final", "TRB_COORDINATOR_DATABASE_FULL"],
  ["58030", "final", "TRB_COORDINATOR_DATABASE_FULL"],
  ["XX001", "final", "TRB_COORDINATOR_STORE_DAMAGED"],
  ["57P03", "unreachable", "TRB_COORDINATOR_DATABASE_UNREACHABLE"],
  ["ECONNREFUSED", "unreachable", "TRB_COORDINATOR_DATABASE_UNREACHABLE"],
  ["40001", "undone", "TRB_COORDINATOR_DATABASE_UNREACHABLE"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "final", "TRB_COORDINATOR_DATABASE_REFUSED"],
])("the database's own code %s is %s, and ours %s", (own, fate, ours) => {
  const error = Object.assign(new Error("with (words) that stay here"), { code: own });
  const fault = faultOf(error, "here");
  expect(fault).toMatchObject({ fate, error: { code: ours } });
  expect(String(fault.error)).not.toContain("words");
});
