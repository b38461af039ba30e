/** A federation whose coordinator speaks TLS by a certificate of its own: nodes that were told whom to trust take part, operators act, and the ledger tells. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logTo, type RunningNode, startNode } from "@tributary/client";
import { accessAtHome, type RunningCoordinator, startCoordinator } from "@tributary/coordinator";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { afterAll, expect, test } from "vitest";
import { testAuthority, testCertificate } from "../tls/certificate.ts";
import { joinAll, smallFederation } from "./small-federation.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-tls-"));
const authority = testAuthority();
const log = logTo(() => {});
let coordinator: RunningCoordinator | undefined;
const nodes: RunningNode[] = [];
afterAll(async () => {
  for (const node of nodes) await node.close();
  await coordinator?.close();
  rmSync(folder, { recursive: true, force: true });
});

test("a round over TLS, with an account that was made before it and a pause that a token asked for", async () => {
  const federation = await smallFederation(folder, { merchants: 3, rounds: 1, customers: 60, items: 20 });
  const { platform, plan, catalogueFile, parts } = federation;
  const ca = join(folder, "ca.pem");
  const tls = { cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  const { cert, key } = testCertificate(authority);
  mkdirSync(folder, { recursive: true });
  for (const [file, content] of [
    [ca, authority.cert],
    [tls.cert, cert],
    [tls.key, key],
  ] as const)
    writeFileSync(file, content);
  const catalogue = new Uint8Array(readFileSync(catalogueFile));
  coordinator = await startCoordinator({ home: platform, port: 0, plan, catalogue, tls, log });
  expect(coordinator.url).toMatch(/^https:/);

  await joinAll(federation, folder, coordinator.url, {}, undefined, { ca });

  const access = accessAtHome(platform, { by: "founder", reason: "the first" });
  await access.addOperator({ name: "day-shift", role: "operator" });
  const { token, id } = await access.createToken({ name: "robot", role: "operator", days: 1 });
  for (const { node } of parts) nodes.push(await startNode({ home: federation.home(node), log, trainingThreads: 1 }));
  const url = coordinator.url;
  const ask = (what: string, body: object = { reason: "a look" }) =>
    new Promise<number | undefined>((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      request(`${url}/v1/operators/${what}`, { method: "POST", ca: authority.cert, headers }, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode));
      })
        .on("error", reject)
        .end(JSON.stringify(body));
    });
  await expect.poll(() => ask("pause"), { timeout: 30_000 }).toBe(202); // 409 until there is a ledger
  await expect
    .poll(async () => (await access.audit()).some(({ action, entry }) => action === "pause" && entry !== null), {
      timeout: 60_000,
    })
    .toBe(true);
  expect(await ask("invites", { node: "late-shop", url, reason: "it asked" })).toBe(201);
  expect(await ask("resume")).toBe(202);
  await coordinator.finished;

  const bytes = new Uint8Array(readFileSync(join(platform, "ledger.jsonl")));
  expect(verifyLedger(bytes, { crypto: nodeCrypto() })).toMatchObject({ verified: true, complete: true });
  const told = (await access.audit()).filter(({ entry }) => entry !== null);
  expect(told.map(({ operator, action, subject, role }) => [operator, action, subject, role])).toEqual([
    ["founder", "add-operator", "day-shift", "operator"],
    ["founder", "create-token", id, "operator"],
    ["robot", "pause", null, null],
    ["robot", "invite", "late-shop", null],
    ["robot", "resume", null, null],
  ]);
  const kinds = new TextDecoder()
    .decode(bytes)
    .split("\n")
    .slice(0, -1)
    .map((line) => parseLine(line).kind);
  expect(kinds.filter((kind) => kind === "round")).toHaveLength(1);
}, 120_000);
