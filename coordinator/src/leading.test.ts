/** A leadership that has gone to somebody else in the middle of a round: nothing more is written under it, and the next one goes on from what there is. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { nodeId } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { homeLayout } from "./home/layout.ts";
import { createInvite } from "./invites.ts";
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
import { openStoreOf } from "./storage/open-store.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
let home: string;
let server: RunningCoordinator | undefined;
let nodes: ScriptedNode[] = [];

beforeEach(() => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-leading-"));
});
afterEach(async () => {
  for (const node of nodes) node.disconnect();
  await server?.close();
  rmSync(home, { recursive: true, force: true });
});

test("whoever doesn't lead any more stops and leaves state and ledger as they are; whoever leads next finishes", async () => {
  const plan = testPlan(home);
  const start = () =>
    startCoordinator({ home, plan, catalogue, port: 0, startWhen: names.length, log: pino({ level: "silent" }) });
  server = await start();
  const { fingerprint, url } = server;
  const identities = names.map(() => testIdentity());
  nodes = names.map((node, place) => scriptedNode(plan, node, identities[place] ?? testIdentity(), () => identities));
  for (const { node, who } of nodes) {
    const { invite } = await createInvite(home, { node, url, hours: 1 });
    expect((await join(invite, who)).status).toBe(200);
  }
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  for (const node of nodes) {
    node.beforeUpload = async () => {
      reached.resolve();
      await gate.promise;
    };
  }
  for (const node of nodes) await node.connect(url);
  await reached.promise;

  const store = await openStoreOf({ layout: homeLayout(home), create: false });
  const fence = await store.takeLeadership("another one");
  const before = { state: await store.state(), shares: await store.shares(), lines: await store.ledgerLines(0) };
  gate.resolve();
  await expect(server.finished).rejects.toMatchObject({ code: "TRB_COORDINATOR_HOME_IN_USE" });
  expect({ state: await store.state(), shares: await store.shares(), lines: await store.ledgerLines(0) }).toEqual(before);
  expect(await store.leader()).toMatchObject({ fence });
  await store.close();
  await server.close();
  for (const node of nodes) node.disconnect();

  server = await start();
  for (const node of nodes) await node.connect(server.url);
  await server.finished;
  await until("all nodes have the whole ledger", () => nodes.every((node) => node.ledger().length >= 4), 30_000);
  const bytes = new Uint8Array(readFileSync(joinPath(home, "ledger.jsonl")));
  expect(verifyLedger(bytes, { crypto: nodeCrypto(), key: fingerprint })).toMatchObject({ failures: [], fullyVerified: true });
  const entries = new TextDecoder().decode(bytes).trim().split("\n").map(parseLine);
  const rounds = entries.flatMap((entry) => ("round" in entry ? [entry.round] : []));
  expect(rounds).toEqual([...new Set(rounds)].sort((a, b) => a - b));
  expect(entries.filter(({ kind }) => kind === "round")).toHaveLength(2);
}, 90_000);
