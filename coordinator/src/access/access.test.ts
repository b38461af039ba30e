/** Accounts, sessions, tokens and invites on both engines: who is let in, for how long, and what the ledger is to say of it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres } from "../../../test/postgres/server.ts";
import { type Database, postgresDatabase, sqliteDatabase } from "../storage/database.ts";
import { migrate } from "../storage/migrating.ts";
import { type AccessTable, accessTable } from "./access-table.ts";
import { addOperator, changePassword, changeRole, removeOperator } from "./accounts.ts";
import { countedUnder, waitAfter } from "./lockout.ts";
import { checkPassword, hashPassword, nobodysHash, randomPassword, scryptCost } from "./passwords.ts";
import { hashSecret, newSession, newToken } from "./secrets.ts";
import { sessionDesk, sessionLimits } from "./sessions.ts";
import { createToken, revokeToken, tokenActor, tokensOf } from "./tokens.ts";

/** 1 MiB a derivation, so that a hundred of them take a second. */
const cheap = { ln: 10, r: 8, p: 1 };
const password = "correct horse battery";
const decision = { by: "platform", reason: "the night shift begins" };

describe("a password", () => {
  test("is kept under a salt of its own, and its hash says what it cost", async () => {
    const [one, other] = await Promise.all([hashPassword(password, cheap), hashPassword(password, cheap)]);
    expect(one).toMatch(/^\$scrypt\$ln=10,r=8,p=1\$/);
    expect(one).not.toBe(other);
    expect(one).not.toContain(password);
    expect(await checkPassword(password, one, cheap)).toBe("right");
    expect(await checkPassword(`${password} `, one, cheap)).toBe("wrong");
    expect(await checkPassword(password, nobodysHash(cheap), cheap)).toBe("wrong");
  });

  test("is the same however its letters are composed", async () => {
    expect(
      await checkPassword(
        "caf\u00e9 caf\u00e9 caf\u00e9",
        await hashPassword("cafe\u0301 cafe\u0301 cafe\u0301", cheap),
        cheap,
      ),
    ).toBe("right");
  });

  test("of a cheaper hash is told to be outgrown, whichever parameter grew, and that of a dearer one isn't", async () => {
    const stored = await hashPassword(password, cheap);
    for (const cost of [
      { ...cheap, ln: 11 },
      { ...cheap, r: 9 },
      { ...cheap, p: 2 },
    ]) {
      expect(await checkPassword(password, stored, cost)).toBe("outgrown");
    }
    expect(await checkPassword(password, stored, { ...cheap, ln: 9 })).toBe("right");
  });

  test("costs 64 MiB in two passes, is not short, and one that is made isn't guessed", async () => {
    expect(128 * 2 ** scryptCost.ln * scryptCost.r).toBe(64 * 1024 * 1024);
    expect(await checkPassword(password, await hashPassword(password))).toBe("right");
    await expect(hashPassword("eleven char", cheap)).rejects.toMatchObject({ code: "TRB_ACCESS_PASSWORD_WEAK" });
    await expect(hashPassword("x".repeat(257), cheap)).rejects.toMatchObject({ code: "TRB_ACCESS_PASSWORD_WEAK" });
    const made = new Set(Array.from({ length: 100 }, randomPassword));
    expect(made.size).toBe(100);
    for (const one of made) expect(one).toMatch(/^([a-km-z2-9]{4}-){5}[a-km-z2-9]{4}$/);
  });

  test("has its turn: whoever comes when thirty wait is told to come again", async () => {
    const stored = await hashPassword(password, cheap);
    const verdicts = await Promise.allSettled(Array.from({ length: 50 }, () => checkPassword(password, stored, cheap)));
    const refused = verdicts.flatMap((verdict) => (verdict.status === "rejected" ? [verdict.reason.code] : []));
    expect(refused).toHaveLength(18); // two under way and thirty who wait are answered
    expect(new Set(refused)).toEqual(new Set(["TRB_COORDINATOR_BUSY"]));
    expect(await checkPassword(password, stored, cheap)).toBe("right");
  });
});

test("wrong guesses wait longer each time, up to a quarter of an hour", () => {
  expect([0, 4, 5, 6, 7, 14, 15, 100].map(waitAfter)).toEqual([0, 0, 1_000, 2_000, 4_000, 512_000, 900_000, 900_000]);
});

test("names that are nobody's share four thousand places, none of which is an operator's", () => {
  const places = new Set(Array.from({ length: 20_000 }, (_, i) => countedUnder(`name-${i}`, false)));
  expect(places.size).toBeLessThanOrEqual(4096);
  expect(places.size).toBeGreaterThan(3_900); // of 4096 places 20,000 balls leave 31 empty on average
  for (const place of places) expect(place.startsWith("?")).toBe(true);
  expect(countedUnder("name-1", true)).toBe("name-1");
});

const folder = mkdtempSync(join(tmpdir(), "tributary-access-"));
const engines: Record<string, () => Promise<Database>> = {
  sqlite: async () => {
    const database = sqliteDatabase(join(folder, "coordinator.sqlite"));
    await migrate(database, { create: true });
    return database;
  },
  postgres: async () => {
    const database = postgresDatabase(postgres.url());
    await migrate(database, { create: true });
    return database;
  },
};
let postgres: Awaited<ReturnType<typeof startPostgres>>;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(async () => {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each(Object.entries(engines))("on %s", (_, open) => {
  let database: Database;
  let table: AccessTable;
  let now = new Date("2026-03-01T08:00:00.000Z");
  const later = (milliseconds: number) => {
    now = new Date(now.getTime() + milliseconds);
  };
  const desk = () => sessionDesk(table, cheap, () => now);
  const add = (name: string, role: "viewer" | "auditor" | "operator") =>
    addOperator(table, { name, role, password }, decision, cheap);
  const asked = () =>
    database.read(async (tables) =>
      (await tables.selectFrom("requests").select("note").orderBy("id").execute()).map(({ note }) => JSON.parse(note)),
    );

  beforeAll(async () => {
    database = await open();
    table = accessTable(database);
  });
  afterAll(() => database.close());

  test("accounts are added once, changed and removed, and the ledger is to say each of it, without a secret", async () => {
    await add("night-shift", "viewer");
    await expect(add("night-shift", "operator")).rejects.toMatchObject({ code: "TRB_ACCESS_NAME_TAKEN" });
    await changeRole(table, "night-shift", "auditor", decision);
    await changeRole(table, "night-shift", "auditor", decision); // so already: nothing to say
    const made = await changePassword(table, { name: "night-shift" }, decision, cheap);
    expect(made).toMatch(/^[a-z2-9-]{29}$/);
    expect((await table.accounts()).map(({ name, role }) => ({ name, role }))).toEqual([
      { name: "night-shift", role: "auditor" },
    ]);
    await removeOperator(table, "night-shift", decision);
    for (const late of [
      () => removeOperator(table, "night-shift", decision),
      () => changeRole(table, "night-shift", "viewer", decision),
      () => changePassword(table, { name: "night-shift", password }, decision, cheap),
    ]) {
      await expect(late()).rejects.toMatchObject({ code: "TRB_ACCESS_OPERATOR_UNKNOWN" });
    }
    const notes = await asked();
    expect(notes.map(({ action, role }) => [action, role])).toEqual([
      ["add-operator", "viewer"],
      ["change-role", "auditor"],
      ["change-password", undefined],
      ["remove-operator", undefined],
    ]);
    for (const note of notes) {
      expect(note).toMatchObject({ kind: "operator", subject: "night-shift", operator: "platform", reason: decision.reason });
    }
    expect(JSON.stringify(notes)).not.toContain("scrypt");
    expect(JSON.stringify(notes)).not.toContain(made);
  });

  test("a session is good while it is used, half an hour after, and twelve hours in all", async () => {
    await add("day-shift", "operator");
    const { session, actor } = await desk().login("day-shift", password);
    expect(actor).toMatchObject({ name: "day-shift", role: "operator" });
    later(sessionLimits.idle - 1_000);
    expect(await desk().find(session)).toMatchObject({ name: "day-shift" });
    later(sessionLimits.idle - 1_000);
    expect(await desk().find(session)).toMatchObject({ name: "day-shift" });
    later(sessionLimits.idle);
    expect(await desk().find(session)).toBeUndefined();

    const whole = await desk().login("day-shift", password);
    for (let hours = 0; hours < 12; hours += 0.25) {
      expect(await desk().find(whole.session)).toBeDefined();
      later(0.25 * 3_600_000);
    }
    expect(await desk().find(whole.session)).toBeUndefined();
  });

  test("a session is nowhere in the database; what isn't one is not even looked up", async () => {
    const { session } = await desk().login("day-shift", password);
    const kept = await database.read((tables) => tables.selectFrom("sessions").selectAll().execute());
    expect(kept.map(({ hash }) => hash)).toContain(hashSecret(session));
    expect(JSON.stringify(kept)).not.toContain(session);
    for (const wrong of ["", "x".repeat(43), newSession(), `${session} `, hashSecret(session)]) {
      expect(await desk().find(wrong)).toBeUndefined();
    }
  });

  test("a session ends with a new password, with a logout and with its account; a lesser role is in force at once", async () => {
    const one = await desk().login("day-shift", password);
    await changePassword(table, { name: "day-shift", password }, decision, cheap);
    expect(await desk().find(one.session)).toBeUndefined();

    const two = await desk().login("day-shift", password);
    await changeRole(table, "day-shift", "viewer", decision);
    expect((await desk().find(two.session))?.role).toBe("viewer");
    await table.endSession(two.actor.session ?? "");
    expect(await desk().find(two.session)).toBeUndefined();

    const three = await desk().login("day-shift", password);
    await removeOperator(table, "day-shift", decision);
    expect(await desk().find(three.session)).toBeUndefined();
  });

  test("a password's hash grows with the parameters when it is next seen", async () => {
    await add("old-timer", "viewer");
    await sessionDesk(table, { ...cheap, ln: 11 }, () => now).login("old-timer", password);
    expect((await table.account("old-timer"))?.password).toMatch(/^\$scrypt\$ln=11,/);
    await desk().login("old-timer", password); // a dearer one stays
    expect((await table.account("old-timer"))?.password).toMatch(/^\$scrypt\$ln=11,/);
  });

  test.each([
    ["an operator's", "guessed"],
    ["nobody's", "ghost"],
  ])("after five wrong passwords for a name that is %s each takes twice as long, and neither tells which", async (_, name) => {
    if (name === "guessed") await add(name, "viewer");
    for (let guess = 0; guess < 5; guess += 1) {
      await expect(desk().login(name, "a wrong password")).rejects.toMatchObject({ code: "TRB_ACCESS_LOGIN_REFUSED" });
    }
    for (const seconds of [1, 2, 4, 8]) {
      await expect(desk().login(name, password)).rejects.toMatchObject({ code: "TRB_ACCESS_LOCKED", details: { seconds } });
      later(1_000 * seconds);
      await expect(desk().login(name, "a wrong password")).rejects.toMatchObject({ code: "TRB_ACCESS_LOGIN_REFUSED" });
    }
    later(-3_600_000); // a clock that is set back makes nobody wait longer
    await expect(desk().login(name, password)).rejects.toMatchObject({ code: "TRB_ACCESS_LOCKED", details: { seconds: 16 } });
    later(3_600_000 + 16_000);
    if (name === "guessed") {
      await desk().login(name, password);
      await expect(desk().login(name, "a wrong password")).rejects.toMatchObject({ code: "TRB_ACCESS_LOGIN_REFUSED" });
    }
  });

  test("guesses that come together all count, and a new password unlocks", async () => {
    await add("rushed", "viewer");
    const guesses = Array.from({ length: 20 }, () => desk().login("rushed", "a wrong password"));
    const codes = (await Promise.allSettled(guesses)).map((one) => (one.status === "rejected" ? one.reason.code : "in"));
    expect(codes.filter((code) => code === "TRB_ACCESS_LOGIN_REFUSED")).toHaveLength(5);
    expect(codes.filter((code) => code === "TRB_ACCESS_LOCKED")).toHaveLength(15);
    await changePassword(table, { name: "rushed", password }, decision, cheap);
    await desk().login("rushed", password);
  });

  test("a token is good until it expires or is revoked, may do no more than its account, and is nowhere in the database", async () => {
    await add("maker", "operator");
    const { token, id } = await createToken(table, { name: "deploy", role: "operator", days: 1 }, "maker", decision);
    expect(token).toMatch(/^trb_[0-9a-f]{12}_[A-Za-z0-9_-]{43}$/);
    expect(await tokenActor(table, token)).toEqual({ name: "maker", role: "operator", account: "maker" });
    expect(await tokenActor(table, token, new Date(Date.now() + 86_400_000))).toBeUndefined();
    await changeRole(table, "maker", "auditor", decision);
    expect((await tokenActor(table, token))?.role).toBe("auditor");
    const kept = await database.read((tables) => tables.selectFrom("tokens").selectAll().execute());
    expect(JSON.stringify(kept)).not.toContain(token);
    expect(JSON.stringify(await asked())).not.toContain(token.slice(17));

    for (const wrong of ["", id, newToken().token, `${id}_${newToken().token.slice(17)}`]) {
      expect(await tokenActor(table, wrong)).toBeUndefined();
    }
    await revokeToken(table, id, decision);
    expect(await tokenActor(table, token)).toBeUndefined();
    await expect(revokeToken(table, id, decision)).rejects.toMatchObject({ code: "TRB_ACCESS_TOKEN_UNKNOWN" });
  });

  test("names of tokens are nobody else's, one's own are listed, and those of an account go with it", async () => {
    const name = "report";
    await expect(createToken(table, { name: "maker", role: "viewer", days: 1 }, null, decision)).rejects.toMatchObject({
      code: "TRB_ACCESS_NAME_TAKEN",
    });
    const { token } = await createToken(table, { name, role: "viewer", days: 1 }, "maker", decision);
    const home = await createToken(table, { name: "home", role: "auditor", days: 1 }, null, decision);
    await expect(add(name, "viewer")).rejects.toMatchObject({ code: "TRB_ACCESS_NAME_TAKEN" });
    const names = async (actor: Parameters<typeof tokensOf>[1]) =>
      (await tokensOf(table, actor, "auditor")).map((one) => one.name);
    expect(await names({ name: "maker", role: "viewer", account: "maker" })).toEqual([name]);
    expect(await names({ name: "home", role: "viewer", account: null })).toEqual([]);
    expect((await names({ name: "maker", role: "auditor", account: "maker" })).toSorted()).toEqual(["home", name]);
    expect(await tokenActor(table, home.token)).toEqual({ name: "home", role: "auditor", account: null });
    await removeOperator(table, "maker", decision);
    expect(await tokenActor(table, token)).toBeUndefined();
    expect(await tokenActor(table, home.token)).toBeDefined();
  });

  test("what has expired is forgotten at the next login", async () => {
    later(40 * 24 * 3_600_000);
    const before = await table.attempt("somebody", now);
    expect(before).toBe(0);
    later(2 * 24 * 3_600_000);
    await desk().login("old-timer", password);
    const left = await database.read(async (tables) => ({
      sessions: await tables.selectFrom("sessions").select("operator").execute(),
      attempts: await tables.selectFrom("attempts").select("place").execute(),
    }));
    expect(left).toEqual({ sessions: [{ operator: "old-timer" }], attempts: [] });
  });

  test("an invite is listed without its token, and revoked once", async () => {
    const tokenHash = hashSecret("an invite's token");
    const expires = new Date(Date.now() + 3_600_000).toISOString();
    await database.write(async (tables) => {
      await tables.insertInto("invites").values({ token_hash: tokenHash, node: "bookshop", expires, key: null }).execute();
    }, "again");
    const id = tokenHash.slice(0, 12);
    expect(await table.invites()).toEqual([{ id, node: "bookshop", expires, used: false }]);
    const at = new Date().toISOString();
    const note = (node: string) =>
      ({ kind: "operator", action: "revoke-invite", operator: "platform", reason: "", subject: node, done: at }) as const;
    expect(await table.revokeInvite("0".repeat(12), at, note)).toBeUndefined();
    expect(await table.revokeInvite(id, at, note)).toBe("bookshop");
    expect(await table.revokeInvite(id, new Date(Date.now() + 1).toISOString(), note)).toBeUndefined();
    expect((await table.invites())[0]?.expires).toBe(at);
    expect((await asked()).filter(({ action }) => action === "revoke-invite")).toHaveLength(1);
  });
});
