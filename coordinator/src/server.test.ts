/** A federation over real sockets from invites to the closing entry; and what a restart, of either side, changes: nothing. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { parseLine, verifyCertificate, verifyLedger } from "@tributary/ledger";
import { encodeModel } from "@tributary/model";
import { nodeId, type Plan, signMessage } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createInvite } from "./invites.ts";
import {
  catalogue,
  dimension,
  join,
  model,
  type ScriptedNode,
  scriptedNode,
  testIdentity,
  testPlan,
  until,
  upload,
} from "./scripted-node.test-support.ts";
import { type RunningCoordinator, startCoordinator } from "./server.ts";
import { readRoster, readRounds, readStatus } from "./status.ts";
import { sha256Of } from "./storage/blobs.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
let home: string;
let plan: Plan;
let server: RunningCoordinator;
let nodes: ScriptedNode[];
let logged: string[];

const log = () => pino({ base: null }, { write: (line: string) => void logged.push(line) });
const start = () => startCoordinator({ home, plan, catalogue, port: 0, startWhen: names.length, log: log() });

beforeEach(async () => {
  home = mkdtempSync(joinPath(tmpdir(), "tributary-coordinator-"));
  logged = [];
  plan = testPlan(home);
  server = await start();
  nodes = [];
  const identities = names.map(() => testIdentity());
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

const connectAll = () => Promise.all(nodes.map((node) => node.connect(server.url)));
const entries = () =>
  readFileSync(joinPath(home, "ledger.jsonl"), "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map(parseLine);

test("runs the plan's rounds and closes a ledger that verifies, with every node knowing it", async () => {
  expect((await readStatus(home)).phase).toBe("joining");
  await connectAll();
  await server.finished;
  await until("all nodes have the whole ledger", () => nodes.every((node) => node.ledger().length === 4));

  expect(entries().map(({ kind }) => kind)).toEqual(["genesis", "round", "round", "closing"]);
  const bytes = new Uint8Array(readFileSync(joinPath(home, "ledger.jsonl")));
  expect(verifyLedger(bytes, { crypto: nodeCrypto(), key: server.fingerprint })).toMatchObject({
    verified: true,
    failures: [],
  });
  expect(nodes.flatMap((node) => node.refused)).toEqual([]);

  const status = await readStatus(home);
  expect(status).toMatchObject({ finished: true, phase: "finished", completed: 2, charged: 2, rounds: 2, running: true });
  expect(status.connected).toEqual(names.toSorted());
  expect(status.epsilon).toBeGreaterThan(0);
  expect(status.epsilon).toBeLessThanOrEqual(status.epsilonLimit);
  const rounds = (await (await fetch(`${server.url}/v1/rounds`)).json()) as Record<string, unknown>[];
  expect(rounds).toEqual(await readRounds(home));
  expect(rounds).toHaveLength(2);
  for (const round of rounds) {
    expect(round).toMatchObject({ released: true, nodes: 4, modelHash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(round["bytesIn"]).toBeGreaterThan(4 * 4);
    expect(round["seconds"]).toBeGreaterThan(0);
  }
  const model = await fetch(`${server.url}/v1/blobs/${status.modelHash}`);
  expect(model.status).toBe(200);
  const certificate = await fetch(`${server.url}/v1/certificates/${status.modelHash}`);
  const certified = verifyCertificate(new Uint8Array(await certificate.arrayBuffer()), {
    ...{ crypto: nodeCrypto(), key: server.fingerprint, modelHash: status.modelHash, ledger: bytes },
  });
  expect(certified).toMatchObject({ verified: true, findings: [], certificate: { round: 2, ledger: { entries: 4 } } });
  const first = await fetch(`${server.url}/v1/certificates/${String(rounds[0]?.["modelHash"])}`);
  expect([first.status, await first.json()]).toMatchObject([404, { error: { code: "TRB_COORDINATOR_NO_CERTIFICATE" } }]);
  expect(readdirSync(joinPath(home, "uploads"))).toEqual([]);
  // catalogue, three models, one optimiser state; sums and the earlier optimiser state are gone
  expect(readdirSync(joinPath(home, "blobs"))).toHaveLength(5);
});

test("goes on after a stop in mid-round: no round number twice, no entry lost", async () => {
  await connectAll();
  await until("a round is under way", () => nodes.every((node) => node.offers.length > 0));
  await server.close();
  for (const node of nodes) node.disconnect();
  expect((await readStatus(home)).running).toBe(false);

  server = await start();
  await connectAll();
  await server.finished;
  const rounds = entries().flatMap((entry) => (entry.kind === "round" || entry.kind === "aborted" ? [entry.round] : []));
  expect(rounds).toEqual([...new Set(rounds)].sort((a, b) => a - b));
  expect(entries().filter(({ kind }) => kind === "round").length).toBe(2);
  expect(entries().at(-1)?.kind).toBe("closing");
});

test("takes one masked vector of a node, and only the one that was signed for", async () => {
  const codes: string[] = [];
  const [first] = nodes;
  if (!first) throw new Error("no node");
  const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;
  first.beforeUpload = async (message, body) => {
    if (message.round > 1) return;
    const other = Uint8Array.from(body, (byte) => byte ^ 1);
    codes.push(await codeOf(await upload(server.url, message, other)));
    codes.push(await codeOf(await upload(server.url, message, body.subarray(4))));
    codes.push(await codeOf(await upload(server.url, { ...message, sender: names[1] ?? first.node }, body)));
    expect((await upload(server.url, message, body)).status).toBe(204);
    const { signature: _, ...unsigned } = message;
    const second = signMessage(first.who, { ...unsigned, body: { ...message.body, sha256: sha256Of(other) } });
    codes.push(await codeOf(await upload(server.url, second, other)));
  };
  await connectAll();
  await server.finished;
  expect(codes.slice(0, 2)).toEqual(["TRB_COORDINATOR_UPLOAD_HASH", "TRB_COORDINATOR_UPLOAD_LENGTH"]);
  expect(codes[2]).toMatch(/SIGNATURE/);
  expect(["TRB_SECAGG_SECOND_MESSAGE", "TRB_COORDINATOR_UPLOAD_SECOND"]).toContain(codes[3]);
  expect(entries().map(({ kind }) => kind)).toEqual(["genesis", "round", "round", "closing"]);
});

test("completes a ledger file that a crash cut short", async () => {
  await connectAll();
  await server.finished;
  await server.close();
  const file = joinPath(home, "ledger.jsonl");
  const whole = readFileSync(file);
  writeFileSync(file, whole.subarray(0, whole.length - 100));
  server = await start();
  expect(readFileSync(file).equals(whole)).toBe(true);
  await server.finished;
});

test("a home is served once, on a free port, for one plan", async () => {
  await expect(start()).rejects.toMatchObject({ code: "TRB_COORDINATOR_HOME_IN_USE" });
  const other = mkdtempSync(joinPath(tmpdir(), "tributary-coordinator-"));
  try {
    const taken = { home: other, plan: testPlan(other), catalogue, port: server.port, log: log() };
    await expect(startCoordinator(taken)).rejects.toMatchObject({ code: "TRB_COORDINATOR_PORT_IN_USE" });
    const second = await startCoordinator({ ...taken, port: 0 }); // the failed start let go of the home
    await second.close();
    await second.close();
    const changed = { ...taken, port: 0, plan: testPlan(other, { minCustomers: 101 }) };
    await expect(startCoordinator(changed)).rejects.toMatchObject({ code: "TRB_COORDINATOR_HOME_OTHER_PLAN" });
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});

test("founds nothing on a plan, catalogue, model or key that does not fit", async () => {
  const other = mkdtempSync(joinPath(tmpdir(), "tributary-coordinator-"));
  const code = (options: { plan?: unknown; catalogue?: Uint8Array; initialModel?: Uint8Array }) =>
    startCoordinator({ home: other, plan: testPlan(other), catalogue, port: 0, log: log(), ...options }).then(
      () => "started",
      (error: unknown) => (error instanceof Error && "code" in error ? error.code : error),
    );
  try {
    const hash = server.fingerprint;
    expect(await code({ plan: undefined })).toBe("TRB_COORDINATOR_HOME_EMPTY");
    expect(await code({ plan: { version: 1 } })).toBe("TRB_PLAN_INVALID");
    expect(await code({ plan })).toBe("TRB_COORDINATOR_PLAN_OTHER_KEY");
    expect(await code({ plan: testPlan(other, { noiseMode: "central" }) })).toMatch(/^TRB_PLAN_/);
    const bare = startCoordinator({ home: other, plan: testPlan(other), port: 0, log: log() });
    await expect(bare).rejects.toMatchObject({ code: "TRB_COORDINATOR_CATALOGUE_MISSING" });
    expect(await code({ catalogue: new Uint8Array(3) })).toBe("TRB_COORDINATOR_CATALOGUE_MISMATCH");
    expect(await code({ plan: testPlan(other, { initialModelHash: hash }) })).toBe("TRB_COORDINATOR_MODEL_MISMATCH");
    // one that was brought along: declared public, and the very one that the plan names
    const initialModel = encodeModel(model, new Float32Array(dimension).fill(0.25));
    const brought = { initialModelHash: sha256Of(initialModel) };
    const declared = testPlan(other, { ...brought, initialModel: "public" });
    expect(await code({ plan: testPlan(other, brought), initialModel })).toBe("TRB_COORDINATOR_MODEL_MISMATCH");
    expect(await code({ plan: declared })).toBe("TRB_COORDINATOR_MODEL_MISMATCH");
    const another = encodeModel(model, new Float32Array(dimension).fill(0.5));
    expect(await code({ plan: declared, initialModel: another })).toBe("TRB_COORDINATOR_MODEL_MISMATCH");
    const running = await startCoordinator({ home: other, plan: declared, catalogue, port: 0, log: log(), initialModel });
    await running.close();
    const kept = readFileSync(joinPath(other, "blobs", brought.initialModelHash));
    expect(kept.equals(initialModel)).toBe(true);
    await expect(readRoster(joinPath(other, "nowhere"))).rejects.toMatchObject({ code: "TRB_COORDINATOR_HOME_EMPTY" });
    expect(existsSync(joinPath(other, "nowhere"))).toBe(false);
  } finally {
    rmSync(other, { recursive: true, force: true });
  }
});
