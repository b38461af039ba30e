/**
 * A process that runs one round of four nodes by the state machines, and stands still three times: while the nodes hold the round's secrets, right after the
 * last one's masks are on, before any garbage is collected, and once the round is over. `secrets-left.test.ts` looks into it then. The secrets are told to it disguised, so that telling leaves no copies of them.
 *
 *   node round-in-memory.ts FOLDER      writes FOLDER/{before,after}.heapsnapshot and FOLDER/secrets.json; says "before", "masked" and "after", and goes on at a line on stdin
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { writeHeapSnapshot } from "node:v8";
import {
  type Context,
  type CoordinatorEffect,
  type CoordinatorEvent,
  createCoordinator,
  createNode,
  encodeNodeState,
  genesisEntry,
  type NodeEffect,
  type NodeEvent,
  type NodeState,
  stepCoordinator,
  stepNode,
  sumUploads,
} from "@tributary/federation";
import {
  type Crypto,
  fingerprintOf,
  type IdentityKey,
  type NodeId,
  type Sha256,
  signMember,
  toHex,
  vectorOctets,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { osRandomSource } from "../../../client/src/random.ts";
import { examplePlan } from "../../../packages/protocol/src/plan/example-plan.ts";
import { disguised, type Secret } from "./disguise.ts";

const [folder = "."] = process.argv.slice(2);
const dimension = 32;
const names = ["shop-1", "shop-2", "shop-3", "shop-4"] as NodeId[];
const secrets: Secret[] = [];
/** Something that is there as long as the process is: whoever doesn't find it has not looked. */
const control = globalThis.crypto.getRandomValues(new Uint8Array(32));
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

async function standStill(moment: "before" | "masked" | "after"): Promise<void> {
  if (moment !== "masked") writeHeapSnapshot(join(folder, `${moment}.heapsnapshot`)); // collects garbage first
  writeFileSync(
    join(folder, "secrets.json"),
    JSON.stringify({ secrets, control: { what: "control", disguised: disguised(control) } }),
  );
  process.stdout.write(`${moment}\n`);
  await lines.next();
}

/** Hears what keys streams of masks are made with. */
const real = nodeCrypto();
const crypto: Crypto = {
  ...real,
  keystream(key) {
    secrets.push({ what: "key of a mask's stream", disguised: disguised(key) });
    return real.keystream(key);
  },
};

const contextOf = (secret: Uint8Array): Context => ({
  crypto,
  random: () => osRandomSource(),
  sign: (message) => crypto.sign(message, secret),
  now: "2026-01-01T00:00:00.000Z",
  software: "00".repeat(32) as Sha256,
});
const partyOf = (name: string) => {
  const secret = crypto.sha256(new TextEncoder().encode(name));
  return { context: contextOf(secret), key: toHex(crypto.signingPublicKey(secret)) as IdentityKey };
};

const owner = partyOf("coordinator");
const base = examplePlan(owner.key);
const plan = { ...base, releases: base.releases.map((release) => ({ ...release, rounds: 1, dimension, touched: dimension })) };
const parties = new Map(names.map((node) => [node, partyOf(node)]));
const roster = names.map((node) => {
  const { context, key } = partyOf(node);
  return signMember(context, plan.federation, { node, key, kind: "merchant" });
});
const genesis = genesisEntry({ plan, roster }, owner.context);
const begin = { genesis: genesis.entry, head: genesis.head };
const policy = {
  ...{ maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort, releases: ["training" as const] },
  trustedPeers: roster.map(({ key }) => fingerprintOf(crypto, key)),
};
let coordinator = createCoordinator(begin);
const states = new Map<NodeId, NodeState>(names.map((node) => [node, createNode({ self: node, ...begin, policy })]));
const uploads = new Map<Sha256, Uint32Array>();
let [looked, masked, over] = [false, 0, false];
const queue: (() => Promise<void>)[] = [];

const toCoordinator = (event: CoordinatorEvent) =>
  void queue.push(async () => {
    const step = stepCoordinator(coordinator, event, owner.context);
    coordinator = step.state;
    for (const effect of step.effects) await atCoordinator(effect);
  });
const toNode = (node: NodeId, event: NodeEvent) =>
  void queue.push(async () => {
    const [party, state] = [parties.get(node), states.get(node)];
    if (party === undefined || state === undefined) throw new Error(`no node ${node}`);
    const step = stepNode(state, event, party.context);
    states.set(node, step.state);
    for (const effect of step.effects) await atNode(node, effect, step.state);
  });

async function atCoordinator(effect: CoordinatorEffect): Promise<void> {
  if (effect.type === "send") for (const to of effect.to) toNode(to, { type: "message", message: effect.message });
  if (effect.type === "sum") {
    const sum = await sumUploads(effect, (sha256) => uploads.get(sha256) ?? new Uint32Array(0), crypto);
    toCoordinator({ type: "summed", round: effect.round, sumHash: toHex(crypto.sha256(vectorOctets(sum))) as Sha256 });
  }
  if (effect.type === "apply") {
    const [modelHash, optimiserHash] = [plan.initialModelHash, null];
    toCoordinator({ type: "applied", round: effect.round, modelHash, optimiserHash });
  }
  if (effect.type === "roundEnded") over = true;
}

async function atNode(node: NodeId, effect: NodeEffect, state: NodeState): Promise<void> {
  if (effect.type === "persist") {
    encodeNodeState(state); // as text on its way to disk, secrets and all
    if (effect.vector !== undefined) {
      uploads.set(toHex(crypto.sha256(vectorOctets(effect.vector))) as Sha256, effect.vector);
      if (++masked === names.length) await standStill("masked");
    }
  }
  if (effect.type === "send") {
    toCoordinator({ type: "message", message: effect.message });
    if (effect.message.step !== "shares") return;
    note(state);
    if (states.size * 3 === secrets.length && !looked) {
      looked = true;
      await standStill("before");
    }
  }
  if (effect.type === "upload") {
    toCoordinator({ type: "uploaded", message: effect.message });
    toNode(node, { type: "uploaded", round: effect.message.round });
  }
  if (effect.type === "startTraining")
    toNode(node, { type: "trained", round: effect.round, vector: new Uint32Array(dimension).fill(7) });
}

/** What a node keeps secret for the round, right after it has shared it. */
function note({ round }: NodeState): void {
  for (const what of ["encryptionSecret", "maskSecret", "ownSeed"] as const) {
    const hex = round?.secrets?.[what];
    if (typeof hex === "string") secrets.push({ what, disguised: disguised(hex) });
  }
}

toCoordinator({ type: "start", online: names });
for (let next = queue.shift(); next !== undefined; next = queue.shift()) await next();
if (!over) throw new Error("the round came to nothing");
await standStill("after");
process.exit(states.size === names.length && coordinator.round === null && control.length === 32 ? 0 : 1);
