/** What a coordinator of one process says of its health while its engine can't go on, and while it is on its way out. */
import { mkdtempSync, renameSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeId, type Plan } from "@tributary/protocol";
import { pino } from "pino";
import { afterAll, beforeAll, expect, test } from "vitest";
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
import type { Health } from "./health.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
let folder: string;
let plan: Plan;
let server: RunningCoordinator;
const home = () => join(folder, "home");

async function failed(path: "/healthz" | "/readyz"): Promise<Record<string, string | null>> {
  const answer = await fetch(`${server.url}${path}`);
  const { status, checks } = (await answer.json()) as Health;
  expect(answer.status).toBe(status === "ok" ? 200 : 503);
  return Object.fromEntries(checks.flatMap(({ name, ok, reason }) => (ok ? [] : [[name, reason]])));
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "tributary-health-"));
  plan = testPlan(home());
  const log = pino({ level: "silent" });
  server = await startCoordinator({ home: home(), plan, catalogue, port: 0, startWhen: names.length, log });
}, 60_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

test("an engine that stopped is told of with its code, until what stopped it is gone", async () => {
  expect([await failed("/healthz"), await failed("/readyz")]).toEqual([{}, {}]);
  const identities = names.map(() => testIdentity());
  const nodes: ScriptedNode[] = [];
  for (const node of names) {
    const { invite } = await createInvite(home(), { node, url: server.url, hours: 1 });
    const who = identities[nodes.length] ?? testIdentity();
    await joinFederation(invite, who);
    nodes.push(scriptedNode(plan, node, who, () => identities));
  }
  const model = join(home(), "blobs", plan.initialModelHash);
  renameSync(model, `${model}.away`); // the next one can't be made of it
  for (const node of nodes) await node.connect(server.url);
  await until(
    "the engine stopped",
    async () => (await failed("/healthz"))["engine"] === "TRB_COORDINATOR_BLOB_UNKNOWN",
    40_000,
  );
  await until("nobody leads", async () => (await failed("/readyz"))["leader"] === "TRB_COORDINATOR_NO_LEADER", 40_000);
  renameSync(`${model}.away`, model);
  await until("both rounds are done", async () => (await readStatus(home())).finished, 60_000);
  for (const node of nodes) node.disconnect();
  expect([await failed("/healthz"), await failed("/readyz")]).toEqual([{}, {}]);
}, 120_000);

test("a coordinator that drains is alive, and not ready", async () => {
  const slow = connect(server.port, "127.0.0.1");
  slow.write("POST /v1/join HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100\r\n\r\n{");
  await new Promise((resolve) => setTimeout(resolve, 100));
  const drained = server.drain(30);
  expect(await failed("/readyz")).toMatchObject({ serving: "TRB_COORDINATOR_STOPPING" });
  expect(await failed("/healthz")).toEqual({});
  slow.destroy();
  await drained;
}, 60_000);
