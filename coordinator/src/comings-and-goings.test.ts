/**
 * Merchants that come after the founding, go, and change their keys, at a server in this process: what is answered at once, what the ledger says afterwards, and that the
 * rounds go on without whoever went. `test/e2e/roster.long.test.ts` has the same by commands and real nodes.
 */
import { nodeId, type RotatedMember, signRotation } from "@tributary/protocol";
import type { Socket } from "socket.io-client";
import { afterEach, beforeEach, expect, test } from "vitest";
import { startTrial, type Trial } from "./faults/trial.test-support.ts";
import { createInvite } from "./invites.ts";
import { openMembership } from "./membership.ts";
import { requestNote } from "./notes.ts";
import { connect, join, type TestIdentity, testIdentity, until } from "./scripted-node.test-support.ts";
import { readStatus } from "./status.ts";
import { openPlace } from "./storage/place.ts";
import type { Store } from "./storage/store.ts";

let trial: Trial;
let store: Store;
/** Begun, paused, and with everybody connected. */
beforeEach(async () => {
  trial = await startTrial();
  store = await openPlace(trial.place);
  await trial.connectAll();
  await until("the federation has begun", async () => (await store.ledgerSize()) > 0);
  await requestNote(trial.place, { kind: "pause", reason: "" }, "platform");
  await until("it is paused", async () => (await readStatus(trial.place)).phase === "paused", 30_000);
}, 60_000);
afterEach(async () => {
  await store.close();
  await trial.end();
});

const lines = async () => (await store.ledgerLines(0)).map((line) => JSON.parse(line));
const rosterEntry = async (field: "admitted" | "rotated" | "revoked", node: string) =>
  (await lines()).find(
    (entry) =>
      entry.kind === "roster" &&
      entry[field]?.some((one: string | { node: string }) => one === node || Object(one).node === node),
  );
const written = (field: "admitted" | "rotated" | "revoked", node: string) =>
  until(`the ledger has ${node} ${field}`, async () => (await rosterEntry(field, node)) !== undefined, 30_000);
const standing = async (node: string) => (await openMembership(store).all()).find(({ member }) => member.node === node);
const hello = async (node: string, who: TestIdentity) => {
  const { socket, answer } = await connect(trial.server().url, trial.plan.federation, nodeId.parse(node), who);
  return { socket, answer: answer.error?.code ?? "ok" };
};
const say = (socket: Socket, event: string, said: object) =>
  new Promise<{ readonly error?: { readonly code: string } }>((resolve) => socket.emit(event, said, resolve)).then(
    ({ error }) => error?.code ?? "ok",
  );
const refusalOf = async (invite: string, who: TestIdentity, name?: string) => (await join(invite, who, name)).body.error?.code;

test("an invite lets one node in, once, under its name and in time; from which round on the ledger says", {
  timeout: 60_000,
}, async () => {
  const { url } = trial.server();
  const invited = async (node: string, hours = 1) => (await createInvite(trial.place, { node, url, hours })).invite;
  const [late, other, stranger] = [testIdentity(), testIdentity(), testIdentity()];
  const invite = await invited("late");
  expect((await hello("late", late)).answer).toBe("TRB_COORDINATOR_HELLO_REFUSED");
  expect(await refusalOf(invite, late, "later")).toBe("TRB_COORDINATOR_INVITE_OTHER_NODE");
  const short = await invited("expired", 1e-6); // 4 ms
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(await refusalOf(short, stranger)).toBe("TRB_COORDINATOR_INVITE_EXPIRED");
  expect((await join(invite, late)).status).toBe(200);
  expect((await join(invite, late)).status).toBe(200); // an answer that was lost is asked for again
  expect(await refusalOf(invite, other)).toBe("TRB_COORDINATOR_INVITE_USED");
  expect(await refusalOf(await invited("twin"), late)).toBe("TRB_COORDINATOR_NODE_TAKEN"); // one key, one node
  await expect(invited("late")).rejects.toMatchObject({ code: "TRB_COORDINATOR_NODE_TAKEN" });

  await written("admitted", "late");
  const { from, index } = await rosterEntry("admitted", "late");
  const { lastRound } = JSON.parse((await store.state()) ?? "") as { lastRound: number };
  expect(from).toBe(lastRound + 2); // the round in between is the notice
  expect(await standing("late")).toMatchObject({ state: "pending", entry: index, from, next: null });
  expect((await openMembership(store).roster()).map(({ node }) => node)).not.toContain("late");
  const { socket, answer } = await hello("late", late);
  expect([answer, (await hello("late", other)).answer]).toEqual(["ok", "TRB_COORDINATOR_HELLO_REFUSED"]);
  socket.disconnect();
});

test("who is revoked is hung up on and turned away at once, before any round and on every connection; the others go on", {
  timeout: 90_000,
}, async () => {
  const [north, , south] = trial.nodes;
  const [uploading, gone, release] = [0, 1, 2].map(() => Promise.withResolvers<void>());
  south.beforeUpload = async () => {
    uploading?.resolve();
    await release?.promise;
  };
  await requestNote(trial.place, { kind: "resume", reason: "" }, "platform");
  await uploading?.promise; // a round is under way, in which no entry about members can be written
  north.onHangUp = () => gone?.resolve(); // and doesn't come again
  await requestNote(trial.place, { kind: "revoke", node: north.node, reason: "it left" }, "platform");
  await gone?.promise;
  expect((await hello("north", north.who)).answer).toBe("TRB_COORDINATOR_NODE_REVOKED");
  expect(await rosterEntry("revoked", "north")).toBeUndefined();
  release?.resolve();
  await written("revoked", "north");
  const { index } = await rosterEntry("revoked", "north");
  expect(await standing("north")).toMatchObject({ state: "revoked", entry: index });
  await expect(openMembership(store).keysOf(north.node)).rejects.toMatchObject({ code: "TRB_COORDINATOR_NODE_REVOKED" });
  await trial.finished();
  const after = (await lines()).slice(index).filter(({ kind }) => kind === "round");
  expect((await lines()).at(-1)?.kind).toBe("closing");
  for (const { cohort } of after) expect([...cohort].sort()).toEqual(["east", "south", "west"]);
  trial.entries(); // verifies
});

test("a key is changed by both keys, once at a time, and never to one that was used; until it is in force both are known", {
  timeout: 60_000,
}, async () => {
  const [north, east] = trial.nodes;
  const { federation } = trial.plan;
  const [next, third] = [testIdentity(), testIdentity()];
  const rotated = (previous: TestIdentity, to: TestIdentity, node = east.node): RotatedMember =>
    signRotation({ previous, next: to }, federation, { node, key: to.key, kind: "merchant" });
  east.onHangUp = undefined; // its connection gives way to this test's
  const { socket } = await hello("east", east.who);
  const invalid = "TRB_COORDINATOR_ROTATION_INVALID";
  expect(await say(socket, "rotation", rotated(north.who, next))).toBe(invalid); // another's word
  expect(await say(socket, "rotation", { ...rotated(east.who, next), key: third.key })).toBe(invalid);
  expect(await say(socket, "rotation", rotated(east.who, north.who))).toBe(invalid); // a key that is somebody's
  expect(await say(socket, "rotation", rotated(east.who, next, north.node))).toBe("TRB_COORDINATOR_OTHER_SENDER");
  expect((await hello("east", next)).answer).toBe("TRB_COORDINATOR_HELLO_REFUSED");
  expect(await say(socket, "rotation", rotated(east.who, next))).toBe("ok");
  await written("rotated", "east");
  const { from } = await rosterEntry("rotated", "east");
  expect(await standing("east")).toMatchObject({
    state: "member",
    member: { key: east.who.key },
    next: { key: next.key, from },
  });
  expect(await say(socket, "rotation", rotated(east.who, next))).toBe("ok"); // the ledger has it
  expect(await say(socket, "rotation", rotated(next, third))).toBe(invalid); // the one before isn't in force yet
  expect((await lines()).filter(({ kind }) => kind === "roster")).toHaveLength(1);
  expect(await openMembership(store).keysOf(east.node)).toEqual([east.who.key, next.key]);
  for (const who of [next, east.who]) expect((await hello("east", who)).answer).toBe("ok");
  socket.disconnect();
});
