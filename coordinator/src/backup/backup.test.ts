/** Backups of a federation that was, looked into, damaged, and restored; and what retention leaves of it. */
import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createCoordinator } from "@tributary/federation";
import { emptyHead, headAfter, parseLine } from "@tributary/ledger";
import { nodeId } from "@tributary/protocol";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { courseFederation, courseLines, modelOf } from "../../../test/ledger/course-ledger.ts";
import { crypto } from "../../../test/ledger/valid-ledger.ts";
import { coordinatorIdentity } from "../home/identity.ts";
import { homeLayout } from "../home/layout.ts";
import { createInvite } from "../invites.ts";
import { applyRetention, changeRetention, exempt, requireRetained } from "../retention.ts";
import { catalogue, join as joinBy, scriptedNode, testIdentity, testPlan } from "../scripted-node.test-support.ts";
import { startCoordinator } from "../server.ts";
import { readRounds, readStatus } from "../status.ts";
import { openBlobs } from "../storage/blobs.ts";
import { engineWords, migrations } from "../storage/migrations.ts";
import { openObjects } from "../storage/objects.ts";
import { openPlace } from "../storage/place.ts";
import { backupFederation } from "./backup.ts";
import { restoreFederation } from "./restore.ts";
import { leftOut, savedTables } from "./saved-tables.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-backups-"));
const home = join(folder, "home");
const place = (name: string) => join(folder, name);

/** Two rounds, and the closing entry. */
beforeAll(async () => {
  const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
  const plan = testPlan(home);
  const log = pino({ level: "silent" });
  const server = await startCoordinator({ home, plan, catalogue, port: 0, startWhen: names.length, log });
  const identities = names.map(() => testIdentity());
  const nodes = [];
  for (const [place, node] of names.entries()) {
    const { invite } = await createInvite(home, { node, url: server.url, hours: 1 });
    const who = identities[place] ?? testIdentity();
    expect((await joinBy(invite, who)).status).toBe(200);
    nodes.push(scriptedNode(plan, node, who, () => identities));
  }
  await Promise.all(nodes.map((node) => node.connect(server.url)));
  await server.finished;
  for (const node of nodes) node.disconnect();
  await server.close();
  await backupFederation(home, { out: place("whole"), withKeys: true });
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("every table that the migrations make is in a backup, or left out for a reason", () => {
  const made = new Set<string>();
  for (const words of Object.values(engineWords)) {
    for (const { sql } of migrations) {
      for (const statement of sql(words)) {
        for (const [, name = ""] of statement.matchAll(/CREATE TABLE (?:IF NOT EXISTS )?([a-z_]+)/g)) made.add(name);
      }
    }
  }
  made.add("migrations");
  expect([...made].sort()).toEqual([...savedTables, ...Object.keys(leftOut)].sort());
});

test("a tar file has what a folder has, any tar reads it, and the identity key is in it when that is wanted", async () => {
  const tar = place("whole.tar");
  const { files } = await backupFederation(home, { out: tar, withKeys: false });
  const names = execFileSync("tar", ["-tf", tar], { encoding: "utf8" }).trim().split("\n").sort();
  expect(names).toEqual(["manifest.json", ...files.map(({ name }) => name)].sort());
  expect(names.filter((name) => name.includes("identity"))).toEqual([]);
  execFileSync("mkdir", [place("unpacked")]);
  execFileSync("tar", ["-xf", tar, "-C", place("unpacked")]);
  for (const { name } of files) {
    expect(readFileSync(join(place("unpacked"), name)).equals(readFileSync(join(place("whole"), name)))).toBe(true);
  }
  expect(readFileSync(join(place("whole"), "keys/identity"))).toEqual(readFileSync(homeLayout(home).identity));
  await expect(backupFederation(home, { out: tar, withKeys: false })).rejects.toMatchObject({
    code: "TRB_BACKUP_NOT_WRITABLE",
  });
  expect(readdirSync(folder).filter((name) => name.startsWith(".writing-"))).toEqual([]);
});

test("what is restored is what was backed up, under a leadership of its own; a place that has something is left alone", async () => {
  const to = place("restored");
  const restored = await restoreFederation({ from: place("whole"), home: to });
  expect(restored).toMatchObject({ usedUp: null, ledger: { entries: 4 } });
  expect(await readStatus(to)).toEqual(await readStatus(home));
  expect(await readRounds(to)).toEqual(await readRounds(home));
  expect(readFileSync(join(to, "ledger.jsonl"))).toEqual(readFileSync(join(home, "ledger.jsonl")));
  const [before, after] = await Promise.all([home, to].map(openPlace));
  const fences = [await before?.leader(), await after?.leader()].map((leader) => leader?.fence ?? 0);
  expect(fences[1]).toBe((fences[0] ?? 0) + 1);
  await Promise.all([before?.close(), after?.close()]);
  const again = restoreFederation({ from: place("whole"), home: to });
  await expect(again).rejects.toMatchObject({ code: "TRB_BACKUP_PLACE_TAKEN" });
});

test("whatever is altered, cut off or missing in a backup is found before anything is written", async () => {
  const [model = ""] = readdirSync(join(place("whole"), "blobs"));
  const damages: readonly (readonly [string, (path: string) => void])[] = [
    [
      "tables/ledger.jsonl",
      (path) => writeFileSync(path, `${readFileSync(path, "utf8").replace('"released"', '"Released"')} `),
    ],
    ["tables/members.jsonl", (path) => writeFileSync(path, "")],
    [
      `blobs/${model}`,
      (path) =>
        writeFileSync(
          path,
          readFileSync(path).map((octet, at) => (at === 5 ? octet ^ 1 : octet)),
        ),
    ],
    ["keys/identity", (path) => rmSync(path)],
  ];
  for (const [number, [name, damage]] of damages.entries()) {
    const from = place(`damaged-${number}`);
    cpSync(place("whole"), from, { recursive: true });
    damage(join(from, name));
    const to = place(`nothing-${number}`);
    await expect(restoreFederation({ from, home: to }), name).rejects.toMatchObject({
      code: "TRB_BACKUP_DAMAGED",
      details: { file: name },
    });
    expect(existsSync(to)).toBe(false);
  }
  const tar = place("cut.tar");
  await backupFederation(home, { out: place("to-cut.tar"), withKeys: true });
  const uncut = readFileSync(place("to-cut.tar"));
  writeFileSync(tar, uncut.subarray(0, Math.floor(uncut.length / 2)));
  await expect(restoreFederation({ from: tar, home: place("cut") })).rejects.toMatchObject({
    code: expect.stringMatching(/^TRB_BACKUP_/),
  });
  await expect(restoreFederation({ from: home, home: place("cut") })).rejects.toMatchObject({ code: "TRB_BACKUP_UNREADABLE" });
});

test("a backup of a newer program, or for another coordinator's key, is refused", async () => {
  const from = place("newer");
  cpSync(place("whole"), from, { recursive: true });
  const manifest = JSON.parse(readFileSync(join(from, "manifest.json"), "utf8"));
  writeFileSync(join(from, "manifest.json"), JSON.stringify({ ...manifest, schema: migrations.length + 1 }));
  await expect(restoreFederation({ from, home: place("older") })).rejects.toMatchObject({
    code: "TRB_COORDINATOR_DATABASE_NEWER",
  });
  coordinatorIdentity(place("stranger"));
  await expect(restoreFederation({ from: place("whole"), home: place("stranger") })).rejects.toMatchObject({
    code: "TRB_COORDINATOR_PLAN_OTHER_KEY",
  });
});

test("retention erases models, figures and invites by their age, leaves the ledger, and status says what is kept", async () => {
  const to = place("retained");
  await restoreFederation({ from: place("whole"), home: to });
  const [, first, second] = readFileSync(join(to, "ledger.jsonl"), "utf8").trim().split("\n").map(parseLine);
  const store = await openPlace(to);
  const objects = await openObjects(to);
  const blobs = openBlobs(objects);
  const erased = (now?: Date) => applyRetention(store, blobs, now);
  expect(await erased()).toEqual({ models: 0, rounds: 0, sessions: 0, invites: 0 }); // nothing unless somebody says so
  await changeRetention(store, { models: 1, rounds: 1, days: 2 });
  expect(await erased()).toEqual({ models: 1, rounds: 1, sessions: 0, invites: 0 });
  expect(await erased(new Date(Date.now() + 3 * 86_400_000))).toEqual({ models: 0, rounds: 0, sessions: 0, invites: 4 });
  const hashes = [first, second].map((entry) => (entry?.kind === "round" ? entry.nextModelHash : "0".repeat(64)));
  expect(await Promise.all(hashes.map((hash) => blobs.has(hash as never)))).toEqual([false, true]);
  expect((await readRounds(to)).map(({ round }) => round)).toEqual([2]);
  expect((await readStatus(to)).retention).toEqual({ models: 1, rounds: 1, days: 2, erasedUpTo: 1 });
  expect(await store.ledgerSize()).toBe(4);
  objects.close();
  await store.close();
  const { files } = await backupFederation(to, { out: place("after-retention.tar"), withKeys: false });
  expect(files.map(({ name }) => name)).not.toContain(`blobs/${hashes[0]}`);
});

test("whatever their age, models stay that were put forward, gone back to, kept or asked for; to others training can't go back", async () => {
  const lines = courseLines();
  const genesis = parseLine(lines[0] ?? "");
  if (genesis.kind !== "genesis") throw new Error("no genesis");
  const state = createCoordinator({ genesis, head: headAfter(crypto, emptyHead, lines[0] ?? "") });
  const { plan } = courseFederation;
  // 33 and 34 were put forward, 34 gone back to; 35 and 37 were only models of rounds, of 36 somebody asks
  const waiting = [
    { kind: "rollback", modelHash: modelOf(0x36), optimiser: "reset", operator: "operator", reason: "" },
  ] as const;
  const stays = exempt(plan, state, lines.slice(1), waiting);
  expect([0x33, 0x34, 0x35, 0x36, 0x37].map((byte) => stays.has(modelOf(byte)))).toEqual([true, true, false, true, false]);
  const store = await openPlace(place("retained")); // whose retention has erased round 1's
  const back = (round: number, byte: number) =>
    requireRetained(store, state, lines.slice(1), { round, modelHash: modelOf(byte) });
  await back(1, 0x34);
  await expect(requireRetained(store, state, [], { round: 1, modelHash: modelOf(0x35) })).rejects.toMatchObject({
    code: "TRB_COORDINATOR_NOTE_POINTLESS",
  });
  await store.close();
});
