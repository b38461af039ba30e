/** A federation whose models and masked vectors lie in S3: the same as in the home, and it outlasts a store that is away. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join as joinPath } from "node:path";
import { verifyLedger } from "@tributary/ledger";
import { nodeId } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test } from "vitest";
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
import { startCoordinator } from "./server.ts";
import { openBlobs } from "./storage/blobs.ts";
import { openObjects } from "./storage/objects.ts";
import { type S3Server, startS3 } from "./storage/s3-server.test-support.ts";

const place = "s3://tributary-test/fashion";
let s3: S3Server;
let home: string;
beforeEach(async () => {
  s3 = await startS3("tributary-test");
  home = mkdtempSync(joinPath(tmpdir(), "tributary-elsewhere-"));
});
afterEach(async () => {
  await s3.stop();
  rmSync(home, { recursive: true, force: true });
});

test("rounds go on where the store comes back, and leave what the ledger names and nothing else", {
  timeout: 90_000,
}, async () => {
  const plan = testPlan(home);
  const waits: string[] = [];
  let away: Promise<void> | undefined;
  const hear = (line: string) => {
    const { phase, msg } = JSON.parse(line) as { phase?: string; msg: string };
    // The vectors are there and the sum is not: the store goes, until the work for it has noticed.
    if (phase === "unmask" && away === undefined) away = s3.pause();
    if (msg !== "work waits for its store") return;
    waits.push(msg);
    if (waits.length === 1) void s3.resume();
  };
  const log = pino({ base: null }, { write: hear });
  const server = await startCoordinator({ home, plan, catalogue, port: 0, startWhen: 4, log, blobs: place });
  const nodes: ScriptedNode[] = [];
  try {
    const identities = Array.from({ length: 4 }, () => testIdentity());
    for (const [index, name] of ["north", "east", "south", "west"].entries()) {
      const { invite } = await createInvite(home, { node: name, url: server.url, hours: 1 });
      const who = identities[index] ?? testIdentity();
      await join(invite, who);
      nodes.push(scriptedNode(plan, nodeId.parse(name), who, () => identities));
    }
    await Promise.all(nodes.map((node) => node.connect(server.url)));
    await server.finished;
    await until("all nodes have the whole ledger", () => nodes.every((node) => node.ledger().length === 4));
  } finally {
    for (const node of nodes) node.disconnect();
    await server.close();
  }
  expect(waits.length).toBeGreaterThan(0);
  const bytes = new Uint8Array(readFileSync(joinPath(home, "ledger.jsonl")));
  expect(verifyLedger(bytes, { crypto: nodeCrypto(), key: server.fingerprint })).toMatchObject({
    verified: true,
    rounds: { released: 2 },
  });
  const objects = await openObjects(place);
  // catalogue, three models, one optimiser state
  expect(await openBlobs(objects).list()).toHaveLength(5);
  expect([await objects.list("uploads/"), await objects.list("work/")]).toEqual([[], []]);
  expect([readdirSync(joinPath(home, "blobs")), readdirSync(joinPath(home, "staging"))]).toEqual([[], []]);
  objects.close();

  const other = joinPath(home, "other");
  await expect(
    startCoordinator({ home: other, plan: testPlan(other, { federation: "books" }), catalogue, port: 0, log, blobs: place }),
  ).rejects.toMatchObject({ code: "TRB_COORDINATOR_BLOBS_TAKEN" });
  expect(existsSync(joinPath(other, "coordinator.sqlite"))).toBe(true);
});
