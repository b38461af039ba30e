/** Rounds that wait for the clock, models that are promoted and gone back to between them, over real sockets. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { type Entry, parseLine, verifyLedger } from "@tributary/ledger";
import { nodeId, type Plan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createInvite } from "./invites.ts";
import { requestNote } from "./notes.ts";
import type { RoundSchedule } from "./rounds/schedule.ts";
import {
  catalogue,
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
const year = 366 * 86_400_000;
let home: string;
let plan: Plan;
let server: RunningCoordinator;
let nodes: ScriptedNode[] = [];

const start = async (schedule: RoundSchedule) => {
  const log = pino({ level: "silent" });
  server = await startCoordinator({ home, plan, catalogue, port: 0, startWhen: names.length, schedule, log });
};

beforeEach(async () => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-schedule-"));
  plan = testPlan(home, { promotion: { rule: "rounds", every: 1 } });
  await start({ calendar: { every: year }, cohort: { size: 3, stable: true }, adaptDeadlines: true });
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

const bytes = () =>
  existsSync(joinPath(home, "ledger.jsonl")) ? new Uint8Array(readFileSync(joinPath(home, "ledger.jsonl"))) : new Uint8Array();
const entries = (): Entry[] => new TextDecoder().decode(bytes()).split("\n").slice(0, -1).map(parseLine);
const kinds = () => entries().map(({ kind }) => kind);

test("one round a stretch; what is due is written meanwhile, and training goes back and on, also after a restart", async () => {
  await Promise.all(nodes.map((node) => node.connect(server.url)));
  // the next stretch is at most a year away: the second round has to wait, and what is promoted hasn't
  await until("the first round is released and its model promoted", () => kinds().includes("promotion"));
  expect(kinds()).toEqual(["genesis", "round", "promotion"]);
  const [, first] = entries();
  const { modelHash, promotedHash } = await readStatus(home);
  expect(promotedHash).toBe(modelHash);
  expect(entries()[2]).toMatchObject({ rule: "rounds", operator: "coordinator", modelHash });

  const refused = { code: "TRB_COORDINATOR_NOTE_POINTLESS" };
  const back = (round: number) => requestNote(home, { kind: "rollback", round, reason: "a log was wrong" }, "platform");
  await expect(back(1)).rejects.toMatchObject(refused); // it stands
  await expect(back(2)).rejects.toMatchObject(refused); // nobody released it
  expect(await back(0)).toMatchObject({ kind: "rollback", modelHash: plan.initialModelHash, optimiser: "reset" });
  await until("training goes back", () => kinds().includes("rollback"));
  expect(await readStatus(home)).toMatchObject({ modelHash: plan.initialModelHash, optimiserHash: null, phase: "waiting" });

  for (const node of nodes) node.disconnect();
  await server.close();
  await start({ calendar: { every: year } });
  await Promise.all(nodes.map((node) => node.connect(server.url)));
  await until("all are there", async () => (await readStatus(home)).connected.length === names.length);
  expect(kinds()).toEqual(["genesis", "round", "promotion", "rollback"]); // the stretch has had its round

  for (const node of nodes) node.disconnect();
  await server.close();
  await start({});
  await Promise.all(nodes.map((node) => node.connect(server.url)));
  await server.finished;
  expect(kinds()).toEqual(["genesis", "round", "promotion", "rollback", "round", "promotion", "closing"]);
  const second = entries()[4];
  expect(second).toMatchObject({ kind: "round", modelHash: plan.initialModelHash });
  expect(first).toMatchObject({ kind: "round", modelHash: plan.initialModelHash });
  expect(verifyLedger(bytes(), { crypto: nodeCrypto(), key: server.fingerprint })).toMatchObject({
    failures: [],
    fullyVerified: true,
  });
  await until("all nodes have it", () => nodes.every((one) => one.ledger().length === kinds().length));
}, 120_000);

test("outside its hours no round begins, whoever is there", async () => {
  for (const node of nodes) node.disconnect();
  await server.close();
  const minute = Math.floor((Date.now() % 86_400_000) / 60_000);
  const hours = { from: (minute + 600) % 1440, to: (minute + 660) % 1440 };
  await start({ calendar: { between: hours } });
  await Promise.all(nodes.map((node) => node.connect(server.url)));
  await until("it has begun", () => kinds().length > 0);
  await until("all are there", async () => (await readStatus(home)).connected.length === names.length);
  await new Promise((resolve) => setTimeout(resolve, 500));
  expect([kinds(), (await readStatus(home)).phase]).toEqual([["genesis"], "waiting"]);
}, 120_000);
