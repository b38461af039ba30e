/** The nodes of all replicas, as the one that leads sees them. */
import { headStatementSchema, type NodeId, nodeId, parseMessage, protocolVersion } from "@tributary/protocol";
import { pino } from "pino";
import { afterAll, expect, test } from "vitest";
import { until } from "../scripted-node.test-support.ts";
import type { Presence } from "../storage/store.ts";
import type { Sockets } from "../transport/sockets.ts";
import { nodesEverywhere } from "./everywhere.ts";
import { busNetwork } from "./network.test-support.ts";

const log = pino({ level: "silent" });
const north = nodeId.parse("north");
const east = nodeId.parse("east");
const south = nodeId.parse("south");
/** It never answers. */
const silent = nodeId.parse("silent");
const network = busNetwork();
afterAll(() => network.close());

const hash = "a".repeat(64);
const signature = "b".repeat(128);
const message = parseMessage({
  ...{ version: protocolVersion, federation: "test", planHash: hash, modelHash: hash, round: 3, sender: "coordinator" },
  ...{ signature, step: "reveals", body: { h1: hash, reveals: [] } },
});
const headOf = (node: NodeId) => headStatementSchema.parse({ node, entries: 1, head: hash, round: 0, signature });

/** Sockets with these nodes; what they are sent, and who is disconnected, is written down. */
function socketsOf(nodes: readonly NodeId[], greeted: number) {
  const sent: string[] = [];
  const disconnected: NodeId[] = [];
  const asked: NodeId[][] = [];
  const sockets: Sockets = {
    send: (to, { step, round }) => {
      for (const node of to) if (nodes.includes(node)) sent.push(`${node} ${step} ${round}`);
    },
    announceLedger: (entries) => void sent.push(`ledger ${entries}`),
    online: () => [...nodes],
    version: () => protocolVersion,
    drained: async () => {},
    present: () => nodes.map((node) => ({ node, version: protocolVersion })),
    heads: async (_nonce, peers) => {
      asked.push([...peers]);
      return peers.filter((peer) => peer !== silent).map(headOf);
    },
    disconnect: (node, before = 0) => {
      if (before > greeted) disconnected.push(node);
    },
    close: () => {},
  };
  return { sockets, sent, disconnected, asked };
}

let presences: Presence[] = [];
const forgotten: string[] = [];
const alive = new Set(["a", "b", "c"]);
const store = {
  connected: async (within?: number) => presences.filter(({ replica }) => within === undefined || alive.has(replica)),
  async forgetReplica(replica: string) {
    forgotten.push(replica);
    presences = presences.filter((one) => one.replica !== replica);
  },
};
const present = (node: NodeId, replica: string): Presence => ({ node, replica, version: protocolVersion, seen: 0 });

let replicas = 0;
/** Replicas of one network, each with these nodes. */
function replica(name: string, nodes: readonly NodeId[], greeted = 0) {
  const grew: number[] = [];
  const local = socketsOf(nodes, greeted);
  const everywhere = nodesEverywhere({
    ...{ sockets: () => local.sockets, bus: network.bus(`${name}${++replicas}`), replica: name, store, log },
    ledgerGrew: (entries) => void grew.push(entries),
    headsPatience: 200,
  });
  return { ...local, everywhere, grew };
}

test("a message goes to each node once, wherever it is connected, and everybody learns how long the ledger is", async () => {
  const [a, b, c] = [replica("a", [north]), replica("b", [east]), replica("c", [])];
  a.everywhere.send([north, east, south], message);
  a.everywhere.announceLedger(5);
  await until("the others have heard", () => b.grew.length === 1 && c.grew.length === 1);
  expect([a.sent, b.sent, c.sent]).toEqual([["north reveals 3", "ledger 5"], ["east reveals 3"], []]);
  expect([b.grew, c.grew]).toEqual([[5], [5]]);
});

test("who is connected is what the store says, what replicas said lately, and whom this one has; the dead are forgotten", async () => {
  const { everywhere } = replica("a", [north]);
  presences = [present(east, "b"), present(north, "b"), present(silent, "dead")];
  everywhere.arrived(south, "c", protocolVersion); // which has yet to write it down
  everywhere.left(north, "b");
  await everywhere.watch();
  everywhere.rest();
  expect(everywhere.online()).toEqual([east, north, south]);
  expect([forgotten, presences.map(({ replica }) => replica)]).toEqual([["dead"], ["b", "b"]]);
  everywhere.left(east, "c"); // it has come to another replica before the one that it left says so
  expect(everywhere.online()).toContain(east);
  everywhere.left(east, "b");
  expect(everywhere.online()).toEqual([north, south]);
});

test("a node that says hello here is disconnected elsewhere, where it was before, not where it came later", async () => {
  const [a, b, c] = [replica("a", [north]), replica("b", [north]), replica("c", [north], Date.now() + 60_000)];
  b.everywhere.claim(north);
  b.everywhere.announceLedger(1);
  await until("the others have heard", () => a.grew.length === 1 && c.grew.length === 1);
  expect([a.disconnected, b.disconnected, c.disconnected]).toEqual([[north], [], []]);
});

test("heads come from peers at every replica; one that is nowhere costs no time, one that is silent a bounded one", async () => {
  const [a, b, c] = [replica("a", [north]), replica("b", [east, silent]), replica("c", [south])];
  presences = [present(east, "b"), present(south, "c")];
  const nonce = "c".repeat(64);
  const heads = await a.everywhere.heads(nonce, [north, east, south, silent]);
  expect(heads.map(({ node }) => node).sort()).toEqual([east, north, south]);
  expect([a.asked, b.asked, c.asked]).toEqual([[[north]], [[east]], [[south]]]);
  presences = [present(east, "b"), present(silent, "b")];
  expect(await a.everywhere.heads(nonce, [silent])).toEqual([]);
});
