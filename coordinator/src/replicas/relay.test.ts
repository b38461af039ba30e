/** What nodes say reaches whoever leads, once, and its answer comes back; or nobody knows, and they say so. */
import { fail } from "@tributary/errors";
import { type ErasureNote, type Message, type NodeId, nodeId, protocolVersion } from "@tributary/protocol";
import { pino } from "pino";
import { afterEach, expect, test, vi } from "vitest";
import type { RunningFederation } from "../rounds/federation.ts";
import { until as waitUntil } from "../scripted-node.test-support.ts";
import type { Bus } from "./bus.ts";
import { busNetwork } from "./network.test-support.ts";
import { openRelay, type Relay } from "./relay.ts";

vi.setConfig({ testTimeout: 90_000 }); // on a machine that is busy
const until = (what: string, holds: () => boolean | Promise<boolean>) => waitUntil(what, holds, 30_000);
const log = pino({ level: "silent" });
const north = nodeId.parse("north");
const open: { close(): void }[] = [];
afterEach(() => {
  for (const one of open.splice(0)) one.close();
});
const opened = () => {
  const network = busNetwork();
  open.push(network);
  return network;
};

/** A leader's engine that writes down what it heard. */
function federation(heard: string[], refuse?: unknown): RunningFederation {
  const hear = (what: string) => {
    heard.push(what);
    if (refuse !== undefined) throw refuse;
  };
  return {
    connected: (node) => hear(`connected ${node}`),
    disconnected: () => hear("disconnected"),
    rosterSize: () => 4,
    message: async ({ step, round }) => hear(`${step} ${round}`),
    refused: (node, { step }, code) => hear(`${node} refused ${step}: ${code}`),
    checkUpload: ({ round }) => hear(`check ${round}`),
    uploaded: async ({ round }) => hear(`uploaded ${round}`),
    erased: async ({ node }) => hear(`erased ${node}`),
    stop: async () => {},
  };
}

interface Replica {
  readonly relay: Relay;
  readonly unheard: NodeId[];
  readonly nodes: string[];
  /** Whenever it learnt that another one leads. */
  readonly deposed: number[];
}

function replica(name: string, bus: Bus, patience = 5_000): Replica {
  const unheard: NodeId[] = [];
  const nodes: string[] = [];
  const deposed: number[] = [];
  const relay = openRelay({
    ...{ bus, replica: name, log, rosterSize: () => 4, versionOf: () => protocolVersion },
    unheard: (node) => void unheard.push(node),
    arrived: (node, at) => void nodes.push(`${node} at ${at}`),
    deposed: () => void deposed.push(1),
    left: (node, at) => void nodes.push(`${node} left ${at}`),
    timing: { patience, askAgainEvery: 40 },
  });
  open.push(relay);
  return { relay, unheard, nodes, deposed };
}

const hash = "a".repeat(64);
const head = { version: protocolVersion, federation: "test", planHash: hash, modelHash: hash, round: 3, sender: north };
const advert = {
  ...{ ...head, step: "advert", signature: "b".repeat(128) },
  body: { maskKey: hash, shareKey: hash, commitment: hash },
} as unknown as Message;
const note = { node: north, on: "2026-01-01", signature: "b".repeat(128) } as unknown as ErasureNote;

test("what a node says at one replica is heard at the other, which leads, and its refusal comes back with its code", async () => {
  const { bus } = opened();
  const [a, b] = [replica("a", bus("a")), replica("b", bus("b"))];
  const heard: string[] = [];
  b.relay.lead(federation(heard), 1);
  a.relay.connected(north);
  await a.relay.erased(note);
  a.relay.refused(north, { step: "offer", round: 3 }, "TRB_POLICY_PAUSED");
  a.relay.disconnected(north);
  await until("all is heard", () => heard.length === 4);
  expect(heard).toEqual(["connected north", "erased north", "north refused offer: TRB_POLICY_PAUSED", "disconnected"]);
  expect(b.nodes).toEqual(["north at a", "north left a"]);
  b.relay.lead(federation(heard, fail("TRB_ROUND_NOT_CURRENT", { step: "advert", round: 3 })), 2);
  await expect(a.relay.erased(note)).rejects.toMatchObject({
    code: "TRB_ROUND_NOT_CURRENT",
    details: { step: "advert", round: 3 },
  });
  await expect(b.relay.erased(note)).rejects.toMatchObject({ code: "TRB_ROUND_NOT_CURRENT" });
});

test("what another replica can't have meant is refused by the leader, and reaches no engine", async () => {
  const { bus } = opened();
  const [a, b] = [replica("a", bus("a")), replica("b", bus("b"))];
  const heard: string[] = [];
  b.relay.lead(federation(heard), 1);
  await expect(a.relay.message({ ...advert, round: -1 } as Message)).rejects.toMatchObject({ code: "TRB_MESSAGE_INVALID" });
  expect(heard).toEqual([]);
});

test("an ask, or its answer, that is lost is asked again, and heard once", async () => {
  const { bus, lost } = opened();
  const [a, b] = [replica("a", bus("a")), replica("b", bus("b"))];
  const heard: string[] = [];
  b.relay.lead(federation(heard), 1);
  lost.add("ask");
  const first = a.relay.erased(note);
  await new Promise((resolve) => setTimeout(resolve, 60));
  lost.clear();
  await first;
  lost.add("answer");
  const second = a.relay.erased(note);
  await until("the second is heard", () => heard.length === 2);
  await new Promise((resolve) => setTimeout(resolve, 100));
  lost.clear();
  await second;
  expect(heard).toEqual(["erased north", "erased north"]);
});

test("what was said while nobody led, or to a leader that had lost, is heard by the next one", async () => {
  const { bus } = opened();
  const [a, b] = [replica("a", bus("a")), replica("b", bus("b"))];
  const [first, second]: [string[], string[]] = [[], []];
  a.relay.lead(federation(first, fail("TRB_COORDINATOR_FENCED", { fence: 1 })), 1);
  const [own, others] = [a.relay.erased(note), b.relay.erased(note)];
  await until("both are refused", () => first.length === 2);
  a.relay.follow();
  b.relay.lead(federation(second), 2);
  await Promise.all([own, others]);
  expect(second).toEqual(["erased north", "erased north"]);
});

test("a leader of old, which doesn't know it yet, refuses nothing for the next one, and hears from it that it is none any more", async () => {
  const { bus } = opened();
  const [a, b, c] = [replica("a", bus("a")), replica("b", bus("b")), replica("c", bus("c"))];
  const [old, present]: [string[], string[]] = [[], []];
  const stale = fail("TRB_ROUND_NOT_CURRENT", { step: "advert", round: 3 });
  a.relay.lead(federation(old, stale), 1);
  await expect(c.relay.erased(note)).rejects.toMatchObject({ code: "TRB_ROUND_NOT_CURRENT" });
  b.relay.lead(federation(present), 2);
  await until("a knows", () => a.deposed.length === 1);
  await c.relay.erased(note); // both answer, and a is the first
  expect([old.length, present.length]).toEqual([2, 1]);
});

test("without an answer it is said so, in time, and the node that connected has to come again", async () => {
  const { bus } = opened();
  const a = replica("a", bus("a"), 150);
  a.relay.connected(north);
  await expect(a.relay.erased(note)).rejects.toMatchObject({ code: "TRB_COORDINATOR_NO_LEADER", status: 503 });
  await until("the node is told to come again", () => a.unheard.length === 1);
  const waiting = a.relay.erased(note);
  a.relay.close();
  await expect(waiting).rejects.toMatchObject({ code: "TRB_COORDINATOR_STOPPING" });
});
