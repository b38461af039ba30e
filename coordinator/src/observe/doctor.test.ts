/** A doctor at a home and at an address: well while all is well, and with the right finding once something is broken for real. */
import { chmodSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { nodeId, type Plan } from "@tributary/protocol";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
import { testAuthority, testCertificate } from "../../../test/tls/certificate.ts";
import { homeLayout } from "../home/layout.ts";
import { createInvite } from "../invites.ts";
import {
  catalogue,
  join as joinFederation,
  type ScriptedNode,
  scriptedNode,
  testIdentity,
  testPlan,
  until,
} from "../scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "../server.ts";
import { readStatus } from "../status.ts";
import { examineHome } from "./doctor.ts";
import { examineUrl } from "./doctor-remote.ts";
import { certificateFinding, clockFinding, roomFinding } from "./findings.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
let folder: string;
let plan: Plan;
let server: RunningCoordinator;
let lastModel: string;
const home = () => join(folder, "home");
const layout = () => homeLayout(home());

/** Everything that is not well, by name. */
async function complaints(looked: ReturnType<typeof examineHome> = examineHome({ home: home() })) {
  const findings = await looked;
  for (const { state, advice } of findings) expect(advice === null).toBe(state === "ok");
  return Object.fromEntries(
    findings.flatMap(({ name, state, found }) => (state === "ok" ? [] : [[name, `${state}: ${found}`]])),
  );
}

/** With the database changed for as long as it takes to look. */
async function whileDatabase(change: string, undo: string): Promise<Record<string, string>> {
  const database = new DatabaseSync(layout().database);
  database.exec(change);
  const found = await complaints();
  database.exec(undo);
  database.close();
  return found;
}

async function whileFile(path: string, content: string | undefined): Promise<Record<string, string>> {
  renameSync(path, `${path}.kept`);
  if (content !== undefined) writeFileSync(path, content, { mode: 0o600 });
  const found = await complaints();
  renameSync(`${path}.kept`, path);
  return found;
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-doctor-"));
  plan = testPlan(home());
  const log = pino({ level: "silent" });
  server = await startCoordinator({ home: home(), plan, catalogue, port: 0, startWhen: names.length, log });
  const identities = names.map(() => testIdentity());
  const nodes: ScriptedNode[] = [];
  for (const node of names) {
    const { invite } = await createInvite(home(), { node, url: server.url, hours: 1 });
    const who = identities[nodes.length] ?? testIdentity();
    await joinFederation(invite, who);
    nodes.push(scriptedNode(plan, node, who, () => identities));
  }
  for (const node of nodes) await node.connect(server.url);
  await until("both rounds are done", async () => (await readStatus(home())).finished, 60_000);
  for (const node of nodes) node.disconnect();
  lastModel = (await readStatus(home())).modelHash;
}, 90_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test("all is well while it runs, from beside it and from afar; without a process that is said", async () => {
  const findings = await examineHome({ home: home() });
  expect(findings.map(({ name }) => name)).toEqual([
    ...["keys", "disk", "database", "schema", "identity", "clock", "ledger", "leader", "rounds", "invites", "jobs"],
    ...["blobs", "models", "uploads"],
  ]);
  const unlessFull = ({ disk: _, ...others }: Record<string, string>) => others; // this machine's disk may really be full
  expect(unlessFull(await complaints())).toEqual({});
  expect(findings.find(({ name }) => name === "ledger")?.found).toMatch(/^4 entries of test, verified; the last one at 20/);
  expect(findings.find(({ name }) => name === "rounds")?.found).toMatch(/^finished; round 2, begun at 20.*, released$/);
  expect(findings.find(({ name }) => name === "models")?.found).toMatch(/^3 blobs are whole/);

  const afar = await examineUrl(`${server.url}/`);
  expect(afar.filter(({ state }) => state !== "ok")).toEqual([]);
  expect(afar.map(({ name }) => name)).toEqual([
    ...["eventLoop", "engine", "database", "blobs", "leader", "serving", "clock", "federation", "ledger"],
  ]);
  expect(afar.find(({ name }) => name === "federation")?.found).toMatch(/^test: finished, round 2, 2 released, 2 of 2 charged/);
  expect(afar.find(({ name }) => name === "ledger")?.found).toMatch(/^4 entries, consistent in themselves/);

  await server.close();
  expect((await complaints())["leader"]).toBe("warning: no process serves this home");
  expect(await complaints(examineUrl(server.url))).toEqual({
    address: expect.stringMatching(/^broken: TRB_NODE_COORDINATOR_UNREACHABLE/),
  });
}, 60_000);

test("keys that others can read, or that are another federation's", async () => {
  chmodSync(layout().identity, 0o644);
  expect((await complaints())["keys"]).toMatch(/^broken: TRB_COORDINATOR_KEY_UNREADABLE/);
  chmodSync(layout().identity, 0o600);
  chmodSync(join(home(), "keys"), 0o755);
  expect((await complaints())["keys"]).toBe("warning: others may enter their folder (mode 755)");
  chmodSync(join(home(), "keys"), 0o700);
  expect((await whileFile(layout().identity, "k".repeat(32)))["identity"]).toMatch(/^broken: another key than the plan's/);
});

test("a ledger file that lags behind, is another, or stands on entries that don't verify", async () => {
  const text = readFileSync(layout().ledger, "utf8");
  const lines = text.split("\n");
  expect((await whileFile(layout().ledger, `${lines.slice(0, 3).join("\n")}\n`))["ledger"]).toMatch(
    /^warning: 4 entries .* the file is 1 entries behind$/,
  );
  expect((await whileFile(layout().ledger, `${text}{}\n`))["ledger"]).toMatch(/^broken: .*ledger\.jsonl is another$/);
  const tampered = "UPDATE ledger SET line = replace(line, '\"round\":1', '\"round\":3') WHERE place = 1";
  const undo = "UPDATE ledger SET line = replace(line, '\"round\":3', '\"round\":1') WHERE place = 1";
  expect((await whileDatabase(tampered, undo))["ledger"]).toMatch(
    /^broken: the database's ledger doesn't verify: entry 1, TRB_/,
  );
  expect((await complaints())["ledger"]).toBeUndefined();
});

test("databases of other versions, or none", async () => {
  const database = new DatabaseSync(layout().database);
  const { user_version: version } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  database.close();
  const back = `PRAGMA user_version = ${version}`;
  expect(await whileDatabase(`PRAGMA user_version = ${version + 1}`, back)).toMatchObject({
    schema: `broken: version ${version + 1}, this program knows ${version}`,
  });
  expect(await whileDatabase("PRAGMA user_version = 1", back)).toMatchObject({
    schema: `broken: version 1, this program knows ${version}`,
  });
  expect(await complaints(examineHome({ home: join(folder, "nowhere") }))).toMatchObject({
    keys: expect.stringMatching(/^broken: /),
    database: "broken: there is no federation in this home",
  });
});

test("models that are gone or damaged, and vectors of rounds that are over", async () => {
  const model = join(layout().blobs, lastModel);
  expect((await whileFile(model, undefined))["models"]).toMatch(/^broken: TRB_COORDINATOR_BLOB_UNKNOWN/);
  expect((await whileFile(model, "half of it"))["models"]).toMatch(/^broken: TRB_COORDINATOR_STORE_DAMAGED/);
  writeFileSync(join(layout().uploads, `1.north.${"a".repeat(64)}`), "");
  writeFileSync(join(layout().staging, `1.east.${"b".repeat(64)}.partial`), "");
  expect((await complaints())["uploads"]).toBe("warning: 1 published, 1 staged here, 2 of rounds that are over");
  expect((await complaints(examineHome({ home: home(), blobs: join(folder, "elsewhere") })))["blobs"]).toBe("broken: ENOENT");
});

test("invites that expired, and why no more rounds are offered", async () => {
  const expire = "INSERT INTO invites (token_hash, node, expires) VALUES ('late', 'late', '2020-01-01T00:00:00.000Z')";
  expect((await whileDatabase(expire, "DELETE FROM invites WHERE node = 'late'"))["invites"]).toBe(
    "warning: 1 expired unused: late",
  );
  const why = { code: "TRB_COORDINATOR_OFFERS_REFUSED", reason: "TRB_ROUND_TOO_FEW_TRUSTED", offers: 10, nodes: ["east"] };
  const still = `INSERT INTO settings (name, value) VALUES ('standstill', '${JSON.stringify(why)}')`;
  expect((await whileDatabase(still, "DELETE FROM settings WHERE name = 'standstill'"))["rounds"]).toMatch(
    /^broken: .* 10 offers in a row were refused for TRB_ROUND_TOO_FEW_TRUSTED by east$/,
  );
});

test("an address that is somebody else's", async () => {
  const other = createServer((_request, answer) => answer.end("hello")).listen(0, "127.0.0.1");
  await new Promise((resolve) => other.once("listening", resolve));
  const { port } = other.address() as AddressInfo;
  expect(await complaints(examineUrl(`http://127.0.0.1:${port}`))).toEqual({
    address: "broken: /healthz is not a coordinator's",
  });
  other.close();
});

test("certificates, clocks and disks, up to where each begins to matter", async () => {
  const [now, day] = [new Date("2026-06-01T00:00:00Z"), 86_400_000];
  const at = (days: number) => certificateFinding(new Date(now.getTime() + days * day), now);
  expect([at(-1), at(0), at(20.9), at(21)].map(({ state }) => state)).toEqual(["broken", "broken", "warning", "ok"]);
  const file = join(folder, "cert.pem");
  writeFileSync(file, testCertificate(testAuthority()).cert);
  const findings = await examineHome({ home: home(), tlsCert: file });
  expect(findings.find(({ name }) => name === "certificate")?.found).toMatch(/^expire/);

  const apart = (milliseconds: number) => clockFinding(milliseconds, "the database's");
  expect([2_000, -2_000, 2_001, -30_000, -30_001].map((one) => apart(one).state)).toEqual([
    ...["ok", "ok", "warning", "warning", "broken"],
  ]);
  expect(apart(-3_600_000).found).toBe("60 min behind the database's");

  expect([150, 149, 30, 29].map((free) => roomFinding(free, 1_000).state)).toEqual(["ok", "warning", "warning", "broken"]);
});
