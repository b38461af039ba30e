/** Nodes that refuse every offer, over real sockets: the coordinator says so and stops, and goes on when one of them connects anew. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { nodeId, type Plan } from "@tributary/protocol";
import { pino } from "pino";
import type { Socket } from "socket.io-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createInvite } from "./invites.ts";
import { catalogue, connect, join, type TestIdentity, testIdentity, testPlan, until } from "./scripted-node.test-support.ts";
import { type CoordinatorOptions, type RunningCoordinator, startCoordinator } from "./server.ts";
import { readStatus } from "./status.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
const reason = "TRB_POLICY_RELEASE_FORBIDDEN";
let home: string;
let plan: Plan;
let server: RunningCoordinator;
let sockets: Socket[];
let identities: TestIdentity[];
let offers: number;
let logged: string[];

async function start(options: Pick<CoordinatorOptions, "mostRefused" | "whenRefused">): Promise<void> {
  const log = pino({ base: null }, { write: (line: string) => void logged.push(line) });
  server = await startCoordinator({ home, plan, catalogue, port: 0, startWhen: names.length, log, ...options });
}

/** A node that refuses all that it is told, as one does whose policy forbids the plan. */
async function refuseAll(place: number): Promise<void> {
  const node = names[place] ?? nodeId.parse("nobody");
  const who = identities[place] ?? testIdentity();
  const { socket } = await connect(server.url, plan.federation, node, who, (fresh) => {
    fresh.on("message", ({ step }: { step: string }, acknowledge: (answer: unknown) => void) => {
      if (step === "offer") offers += 1;
      acknowledge({ error: { code: reason, message: "", advice: "" } });
    });
  });
  sockets.push(socket);
}

async function found(): Promise<void> {
  for (const [place, node] of names.entries()) {
    const { invite } = await createInvite(home, { node, url: server.url, hours: 1 });
    expect((await join(invite, identities[place] ?? testIdentity())).status).toBe(200);
  }
  for (const place of names.keys()) await refuseAll(place);
}

beforeEach(() => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-refused-"));
  const { deadlines, ...usual } = testPlan(home);
  plan = { ...usual, deadlines: { ...deadlines, keys: 400 } };
  [sockets, identities, offers, logged] = [[], names.map(() => testIdentity()), 0, []];
});
afterEach(async () => {
  for (const socket of sockets) socket.disconnect();
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

const entries = () => readFileSync(joinPath(home, "ledger.jsonl"), "utf8").trim().split("\n").length;
const standing = { code: "TRB_COORDINATOR_OFFERS_REFUSED", reason, offers: 2, nodes: names.toSorted() };

test("after so many refused offers no more are made, status and log say why, and a node that connects anew is asked again", async () => {
  await start({ mostRefused: 2 });
  await found();
  await until("the coordinator stands still", async () => (await readStatus(home)).phase === "refused", 20_000);
  expect(await readStatus(home)).toMatchObject({ refused: standing, charged: 0, completed: 0, round: 2 });
  expect(logged.map((line) => JSON.parse(line))).toContainEqual(expect.objectContaining({ level: 50, ...standing }));
  const served = (await (await fetch(`${server.url}/v1/status`)).json()) as object;
  expect(served).toMatchObject({ phase: "refused", refused: standing });
  await new Promise((resolve) => setTimeout(resolve, 2_500)); // the next pause would be one second
  expect([offers, entries()]).toEqual([8, 3]); // genesis, and two rounds given up

  sockets[0]?.disconnect();
  await refuseAll(0);
  await until("a third round is offered", () => offers > 8, 20_000);
  const again = await readStatus(home);
  expect(again.refused).toBeNull();
  expect(again.phase).not.toBe("refused");
});

test("told to end it ends, with the code; started again it asks again", async () => {
  await start({ mostRefused: 1, whenRefused: "end" });
  await found();
  await expect(server.finished).rejects.toMatchObject({
    code: "TRB_COORDINATOR_OFFERS_REFUSED",
    exitCode: 1,
    details: { reason, offers: 1 },
  });
  await server.close();
  expect((await readStatus(home)).phase).toBe("refused");
  await start({ mostRefused: 1 });
  expect((await readStatus(home)).refused).toBeNull();
});
