/** What operators and nodes have written into the ledger between rounds, over real sockets. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { type ErasureNote, nodeId, type Plan, signErasure } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { homeLayout } from "./home/layout.ts";
import { createInvite } from "./invites.ts";
import { requestNote } from "./notes.ts";
import {
  catalogue,
  connect,
  join,
  type ScriptedNode,
  scriptedNode,
  testIdentity,
  testPlan,
  until,
} from "./scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "./server.ts";
import { readStatus } from "./status.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
let home: string;
let plan: Plan;
let server: RunningCoordinator;
let nodes: ScriptedNode[];

const start = () =>
  startCoordinator({ home, plan, catalogue, port: 0, startWhen: names.length, log: pino({ level: "silent" }) });

beforeEach(async () => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-notes-"));
  plan = testPlan(home);
  server = await start();
  const identities = names.map(() => testIdentity());
  nodes = [];
  for (const [place, node] of names.entries()) {
    const { invite } = await createInvite(home, { node, url: server.url, hours: 1 });
    const who = identities[place] ?? testIdentity();
    expect((await join(invite, who)).status).toBe(200);
    nodes.push(scriptedNode(plan, node, who, () => identities));
  }
});
afterEach(async () => {
  for (const node of nodes) node.disconnect();
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

/** As if the process died whenever a request is settled, until it is taken back. */
function dyingAsRequestsSettle(): () => void {
  const database = new DatabaseSync(homeLayout(home).database);
  database.exec(`CREATE TRIGGER dies BEFORE DELETE ON requests BEGIN SELECT RAISE(ABORT, 'killed'); END`);
  return () => {
    database.exec("DROP TRIGGER dies");
    database.close();
  };
}

const bytes = () =>
  existsSync(joinPath(home, "ledger.jsonl")) ? new Uint8Array(readFileSync(joinPath(home, "ledger.jsonl"))) : new Uint8Array();
const kinds = () =>
  new TextDecoder()
    .decode(bytes())
    .split("\n")
    .slice(0, -1)
    .map((line) => parseLine(line).kind);

test("a pause holds rounds up until somebody resumes; what nodes and operators say meanwhile is in a ledger that verifies", async () => {
  await expect(requestNote(home, { kind: "pause", reason: "" }, "platform")).rejects.toMatchObject({
    code: "TRB_COORDINATOR_NOT_STARTED",
  });
  const connecting = Promise.all(nodes.map((node) => node.connect(server.url)));
  await until("the federation has begun", () => kinds().length > 0);
  await requestNote(home, { kind: "pause", reason: "a backup" }, "platform");
  await connecting;
  await until("it is paused", async () => (await readStatus(home)).phase === "paused", 30_000);

  const [north, east] = nodes;
  if (north === undefined || east === undefined) throw new Error("four nodes");
  const today = new Date().toISOString().slice(0, 10);
  const note = (on: string, who = north.who) => signErasure(who, plan.federation, { node: north.node, on });
  const { socket } = await connect(server.url, plan.federation, north.node, north.who);
  const say = (said: ErasureNote | object) =>
    new Promise<{ error?: { code: string } }>((resolve) => socket.emit("erasure", said, resolve)).then(
      ({ error }) => error?.code ?? "ok",
    );
  expect(await say(note(today, east.who))).toBe("TRB_COORDINATOR_ERASURE_INVALID");
  expect(await say(note("2999-01-01"))).toBe("TRB_COORDINATOR_ERASURE_INVALID");
  expect(await say({ ...note(today), node: east.node })).toBe("TRB_COORDINATOR_OTHER_SENDER");
  expect(await say({ ...note(today), customers: 1 })).toMatch(/^TRB_/);
  expect(await say(note(today))).toBe("ok");
  expect(await say(note(today))).toBe("ok");
  await requestNote(home, { kind: "promote" }, "platform");
  await until("both are written", () => kinds().includes("erasure") && kinds().includes("promotion"));
  expect(await say(note(today))).toBe("ok"); // the ledger has it
  socket.disconnect();

  await expect(
    requestNote(home, { kind: "revoke", node: nodeId.parse("nobody"), reason: "" }, "platform"),
  ).rejects.toMatchObject({ code: "TRB_COORDINATOR_NOTE_POINTLESS" });
  const uploading = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  north.beforeUpload = () => {
    uploading.resolve();
    return free.promise;
  };
  await north.connect(server.url);
  await requestNote(home, { kind: "resume", reason: "" }, "platform");
  await uploading.promise;
  // another model is the latest by the time it could be written
  await expect(requestNote(home, { kind: "promote" }, "platform")).rejects.toMatchObject({
    code: "TRB_COORDINATOR_NOTE_POINTLESS",
    message: expect.stringContaining("under way"),
  });
  free.resolve();
  await server.finished;
  expect(kinds().toSorted()).toEqual(["closing", "erasure", "genesis", "operator", "operator", "promotion", "round", "round"]);
  expect(kinds().at(-1)).toBe("closing");
  expect(verifyLedger(bytes(), { crypto: nodeCrypto(), key: server.fingerprint })).toMatchObject({
    failures: [],
    fullyVerified: true,
  });
  await until("all nodes have it", () => nodes.every((one) => one.ledger().length === kinds().length));
  await expect(requestNote(home, { kind: "pause", reason: "" }, "platform")).rejects.toMatchObject({
    code: "TRB_ROUND_LEDGER_CLOSED",
  });
}, 60_000);

test("a crash between a note and the word that it is written: it stands in the ledger once", async () => {
  const connecting = Promise.all(nodes.map((node) => node.connect(server.url)));
  await until("the federation has begun", () => kinds().length > 0);
  const recover = dyingAsRequestsSettle();
  await requestNote(home, { kind: "pause", reason: "a backup" }, "platform");
  await connecting;
  await expect(server.finished).rejects.toThrow();
  await server.close();
  for (const node of nodes) node.disconnect();
  expect(kinds()).not.toContain("operator"); // neither is there without the other
  recover();

  server = await start();
  for (const node of nodes) await node.connect(server.url);
  await until("it is paused", async () => (await readStatus(home)).phase === "paused", 30_000);
  await requestNote(home, { kind: "resume", reason: "" }, "platform");
  await server.finished;
  expect(kinds().filter((kind) => kind === "operator")).toHaveLength(2);
  expect(verifyLedger(bytes(), { crypto: nodeCrypto() })).toMatchObject({ failures: [], complete: true });
}, 60_000);
