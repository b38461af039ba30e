/** `kill -9` of the process at any moment: whoever comes back goes on, and nothing is counted twice. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { fileURLToPath } from "node:url";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { nodeId } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, expect, test } from "vitest";
import { createInvite } from "./invites.ts";
import { catalogue, join, scriptedNode, testIdentity, testPlan, until } from "./scripted-node.test-support.ts";
import { startCoordinator } from "./server.ts";
import { readStatus } from "./status.ts";

const names = ["north", "east", "south", "west"].map((name) => nodeId.parse(name));
const home = mkdtempSync(joinPath(tmpdir(), "tributary-coordinator-"));
let child: ChildProcess | undefined;

afterEach(() => {
  child?.kill("SIGKILL");
  rmSync(home, { recursive: true, force: true });
});

async function serve(): Promise<string> {
  const entry = fileURLToPath(new URL("./serve.test-support.ts", import.meta.url));
  child = spawn(process.execPath, [entry, home], { stdio: ["ignore", "pipe", "ignore"] });
  if (!child.stdout) throw new Error("no stdout");
  const died = once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended with ${code} before it served`)));
  died.catch(() => {}); // later on it is meant to
  const [line] = (await Promise.race([once(child.stdout, "data"), died])) as [Buffer];
  return (JSON.parse(line.toString()) as { url: string }).url;
}

test("the federation finishes, each round once, on a ledger that verifies", async () => {
  const plan = testPlan(home);
  const founding = await startCoordinator({ home, plan, catalogue, port: 0, log: pino({ level: "silent" }) });
  const identities = names.map(() => testIdentity());
  const nodes = names.map((node, place) => scriptedNode(plan, node, identities[place] ?? testIdentity(), () => identities));
  for (const { node, who } of nodes) {
    const { invite } = await createInvite(home, { node, url: founding.url, hours: 1 });
    expect((await join(invite, who)).status).toBe(200);
  }
  await founding.close();

  // Each life is cut somewhere else: before, in and after steps of a round. A round takes some 100 ms here.
  for (const milliseconds of [20, 90, 200]) {
    const url = await serve();
    for (const node of nodes) await node.connect(url);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    child?.kill("SIGKILL");
    if (child) await once(child, "exit");
    for (const node of nodes) node.disconnect();
  }
  const url = await serve();
  for (const node of nodes) await node.connect(url);
  await until("the ledger is closed", async () => (await readStatus(home)).finished, 60_000);
  const read = () => new Uint8Array(readFileSync(joinPath(home, "ledger.jsonl")));
  const closing = (file: Uint8Array) => new TextDecoder().decode(file).trimEnd().split("\n").at(-1)?.includes('"closing"');
  await until("so is its file, which follows the store", async () => closing(read()) === true, 10_000);

  const file = read();
  expect(verifyLedger(file, { crypto: nodeCrypto() })).toMatchObject({ verified: true, complete: true, failures: [] });
  const entries = new TextDecoder().decode(file).trim().split("\n").map(parseLine);
  const rounds = entries.flatMap((entry) => ("round" in entry ? [entry.round] : []));
  expect(new Set(rounds).size).toBe(rounds.length);
  expect((await readStatus(home)).charged).toBe(2);
}, 120_000);
