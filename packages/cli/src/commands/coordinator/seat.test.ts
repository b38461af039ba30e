/** The platform's commands over HTTP: by an operator's token they do at a running coordinator what they do at its home, and say the same. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { logTo } from "@tributary/client";
import { accessAtHome, createInvite, type RunningCoordinator, startCoordinator } from "@tributary/coordinator";
import { decodeInvite, nodeId, type OperatorRole, operatorRoles } from "@tributary/protocol";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  catalogue,
  join as joinNode,
  scriptedNode,
  testIdentity,
  testPlan,
  until,
} from "../../../../../coordinator/src/scripted-node.test-support.ts";
import { tributary, tributaryJson } from "../../../../../test/e2e/processes.ts";
import { testAuthority, testCertificate } from "../../../../../test/tls/certificate.ts";
import { say } from "../../said.test-support.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-seat-"));
const home = join(folder, "platform");
const log = logTo(() => {});
let server: RunningCoordinator;
let bookshop: string;
const tokenFile = (role: OperatorRole) => join(folder, `${role}.token`);

beforeAll(async () => {
  const made = testPlan(home);
  const plan = { ...made, deadlines: { ...made.deadlines, masked: 120_000 } };
  server = await startCoordinator({ home, plan, catalogue, port: 0, startWhen: 3, log });
  for (const role of operatorRoles) {
    const { token } = await accessAtHome({ home }).createToken({ name: `t-${role}`, role, days: 1 });
    writeFileSync(tokenFile(role), `${token}\n`, { mode: 0o600 });
  }
  const identities = ["bookshop", "grocer", "tailor"].map(() => testIdentity());
  const nodes = ["bookshop", "grocer", "tailor"].map((name, place) =>
    scriptedNode(plan, nodeId.parse(name), identities[place] ?? testIdentity(), () => identities),
  );
  for (const { node, who } of nodes)
    await joinNode((await createInvite(home, { node, url: server.url, hours: 1 })).invite, who);
  const uploading = Promise.withResolvers<void>();
  for (const node of nodes) {
    node.beforeUpload = () => {
      uploading.resolve();
      return new Promise(() => {}); // the first round never ends
    };
  }
  for (const node of nodes) await node.connect(server.url);
  await until("the federation has begun", () => nodes.every((node) => node.ledger().length > 0), 60_000);
  await uploading.promise;
  for (const node of nodes) node.disconnect();
  bookshop = nodes[0]?.node ?? "";
}, 120_000);
afterAll(async () => {
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

const seat = (role: OperatorRole) => ["--url", server.url, "--token-file", tokenFile(role)];
const there = async (role: OperatorRole, ...words: string[]) =>
  JSON.parse(await say("coordinator", ...words, ...seat(role), "--json"));
const atHome = async (...words: string[]) => JSON.parse(await say("coordinator", ...words, "--home", home, "--json"));

describe("what a viewer may see", () => {
  test("is the status that the home has", async () => {
    await until("what was asked for is written", async () => (await there("viewer", "status")).waiting === 0, 60_000);
    const { waiting: _, ...status } = await there("viewer", "status");
    const own = await atHome("status");
    expect({ ...status, history: [], connected: [] }).toEqual({ ...own, history: [], connected: [] });
    expect(await say("coordinator", "status", ...seat("viewer"))).toContain("epsilonLimit");
  });

  test("is the roster that the home has, with the fingerprint to compare", async () => {
    expect(await there("viewer", "roster")).toEqual(await atHome("roster"));
    expect(await say("coordinator", "roster", ...seat("viewer"))).toBe(await say("coordinator", "roster", "--home", home));
  });

  test("is nothing that takes another role", async () => {
    await expect(there("viewer", "audit")).rejects.toMatchObject({
      code: "TRB_ACCESS_ROLE",
      message: expect.stringContaining("auditor"),
      exitCode: 1,
    });
    await expect(there("auditor", "pause")).rejects.toMatchObject({
      code: "TRB_ACCESS_ROLE",
      details: { role: "auditor", least: "operator" },
    });
  });
});

test("an operator makes an invite for the address that it asks at, or for another, lists it and makes it worthless", async () => {
  const made = await there("operator", "invite", "--node", "baker", "--reason", "they asked for it");
  expect(decodeInvite(made.invite)).toMatchObject({ node: "baker", url: server.url });
  const other = await there("operator", "invite", "--node", "brewer", "--node-url", "https://platform.example");
  expect(decodeInvite(other.invite).url).toBe("https://platform.example");
  const { invites } = await there("operator", "invite", "--list");
  const id = invites.find(({ node }: { node: string }) => node === "brewer").id;
  expect(await there("operator", "invite", "--revoke", id)).toEqual({ revoked: id });
  await expect(there("operator", "invite", "--revoke", id)).rejects.toMatchObject({ code: "TRB_ACCESS_INVITE_UNKNOWN" });
});

test("pause, resume, revoke, promote and rollback are asked for in the token's name, and the audit tells of them", async () => {
  expect((await there("operator", "pause", "--reason", "the database is moved")).requested).toMatchObject({
    ...{ kind: "operator", action: "pause", operator: "t-operator", reason: "the database is moved" },
  });
  expect((await there("operator", "resume")).requested).toMatchObject({ action: "resume" });
  expect((await there("operator", "revoke", "--node", bookshop)).requested).toMatchObject({
    ...{ kind: "roster", revoked: [bookshop], operator: "t-operator" },
  });
  // the round under way makes another model the latest
  await expect(there("operator", "promote")).rejects.toMatchObject({ code: "TRB_COORDINATOR_NOTE_POINTLESS" });
  await expect(there("operator", "rollback", "--round", "7")).rejects.toMatchObject({ code: "TRB_COORDINATOR_NOTE_POINTLESS" });
  const { operators } = await there("auditor", "audit");
  expect(operators).toEqual((await atHome("audit")).operators);
  expect(operators.map(({ action }: { action: string }) => action)).toEqual(
    expect.arrayContaining(["pause", "resume", "invite"]),
  );
});

test("over TLS the certificate must be one that everybody trusts, or that was said", { timeout: 90_000 }, async () => {
  const authority = testAuthority();
  const { cert, key } = testCertificate(authority);
  const files = { ca: join(folder, "ca.pem"), cert: join(folder, "cert.pem"), key: join(folder, "key.pem") };
  for (const [file, content] of [
    [files.ca, authority.cert],
    [files.cert, cert],
    [files.key, key],
  ] as const)
    writeFileSync(file, content);
  const secure = join(folder, "secure");
  const running = await startCoordinator({ home: secure, plan: testPlan(secure), catalogue, port: 0, tls: files, log });
  try {
    const token = join(folder, "secure.token");
    writeFileSync(token, (await accessAtHome({ home: secure }).createToken({ name: "reader", role: "viewer", days: 1 })).token);
    const words = ["coordinator", "status", "--url", running.url, "--token-file", token];
    expect(await tributaryJson([...words, "--ca", files.ca])).toMatchObject({ federation: "test", phase: "joining" });
    const untrusted = await tributary([...words, "--json"]);
    expect(untrusted.exitCode).toBe(1);
    expect(untrusted.stderr + untrusted.stdout).toContain("TRB_API_UNREACHABLE");
  } finally {
    await running.close();
  }
});

describe("is wrong usage:", () => {
  test.each([
    ["neither a home nor an address", () => ["status"]],
    ["a token without an address", () => ["status", "--token-file", tokenFile("viewer")]],
    ["an address without a token", () => ["status", "--url", server.url]],
    ["both", () => ["status", "--home", home, ...seat("viewer")]],
    ["somebody else's name for the token's", () => ["pause", "--operator", "night-shift", ...seat("operator")]],
  ])("%s", async (_, words) => {
    await expect(say("coordinator", ...words())).rejects.toMatchObject({ code: "commander.error" });
  });

  test.each([
    ["an address that is none", () => ["status", "--url", "platform", "--token-file", tokenFile("viewer")]],
    ["certificates that are none", () => ["status", ...seat("viewer"), "--ca", tokenFile("viewer")]],
  ])("%s", async (_, words) => {
    await expect(say("coordinator", ...words())).rejects.toMatchObject({ code: "TRB_CLI_BAD_OPTION" });
  });

  test("a token that would go to another machine in the clear, and nobody there", async () => {
    const elsewhere = ["status", "--url", "http://platform.example", "--token-file", tokenFile("viewer")];
    await expect(say("coordinator", ...elsewhere)).rejects.toMatchObject({ code: "TRB_API_PLAIN_HTTP" });
    const nobody = ["status", "--url", "http://127.0.0.1:1", "--token-file", tokenFile("viewer")];
    await expect(say("coordinator", ...nobody)).rejects.toMatchObject({ code: "TRB_API_UNREACHABLE" });
  });
});
