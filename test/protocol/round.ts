/**
 * A whole small round by the state machines, from fixed seeds: four nodes, of whom the last falls silent after it has shared its secrets.
 * What is said, what is secret, what is uploaded and what the sum is, so that another implementation can follow it byte for byte.
 */
import {
  type Context,
  type CoordinatorEffect,
  type CoordinatorEvent,
  createCoordinator,
  createNode,
  genesisEntry,
  type NodeEffect,
  type NodeEvent,
  type NodeState,
  type Purpose,
  stepCoordinator,
  stepNode,
  sumUploads,
} from "@tributary/federation";
import {
  type Crypto,
  fingerprintOf,
  type IdentityKey,
  type Message,
  type NodeId,
  type Plan,
  randomSourceFromSeed,
  type Sha256,
  signMember,
  toHex,
  vectorOctets,
} from "@tributary/protocol";
import { examplePlan } from "../../packages/protocol/src/plan/example-plan.ts";

const dimension = 12;
const names = ["shop-1", "shop-2", "shop-3", "shop-4"] as NodeId[];
const silent = names[3] as NodeId;
const now = "2026-01-02T03:04:05.000Z";

/** SHA-256 of a text: every seed and placeholder hash of these vectors is one. */
export const hashOfText = (crypto: Crypto, text: string) => toHex(crypto.sha256(new TextEncoder().encode(text))) as Sha256;

const identitySeed = (party: string) => `tributary vectors: identity of ${party}`;
const streamSeed = "tributary vectors: streams";

function contextOf(crypto: Crypto, party: NodeId | "coordinator"): Context {
  const secret = crypto.sha256(new TextEncoder().encode(identitySeed(party)));
  const seed = crypto.sha256(new TextEncoder().encode(streamSeed));
  const role = party === "coordinator" ? "coordinator" : "node";
  return {
    crypto,
    sign: (message) => crypto.sign(message, secret),
    random: (round: number, purpose: Purpose) => randomSourceFromSeed(crypto, seed, role, party, round, purpose),
    now,
    software: hashOfText(crypto, "software"),
  };
}

const keyOf = (crypto: Crypto, party: string) =>
  toHex(crypto.signingPublicKey(crypto.sha256(new TextEncoder().encode(identitySeed(party))))) as IdentityKey;

function planOf(crypto: Crypto): Plan {
  const plan = examplePlan(keyOf(crypto, "coordinator"));
  const releases = plan.releases.map((release) => ({ ...release, rounds: 1, dimension, touched: dimension }));
  return { ...plan, releases };
}

/** x of a node: quantised and noisy, not yet masked. Here any words will do. */
function vectorOf(crypto: Crypto, node: NodeId): Uint32Array {
  const bytes = new Uint8Array(4 * dimension);
  const seed = crypto.sha256(new TextEncoder().encode("tributary vectors: vectors"));
  randomSourceFromSeed(crypto, seed, "node", node, 1, "vector").fill(bytes);
  const view = new DataView(bytes.buffer);
  return Uint32Array.from({ length: dimension }, (_, i) => view.getUint32(4 * i, true));
}

type Delivery =
  | { readonly to: "coordinator"; readonly event: CoordinatorEvent }
  | { readonly to: NodeId; readonly event: NodeEvent };

/** Runs it, and tells everything of it. */
export async function roundTranscript(crypto: Crypto) {
  const plan = planOf(crypto);
  const roster = names.map((node) =>
    signMember(contextOf(crypto, node), plan.federation, { node, key: keyOf(crypto, node), kind: "merchant" }),
  );
  const genesis = genesisEntry({ plan, roster }, contextOf(crypto, "coordinator"));
  const begin = { genesis: genesis.entry, head: genesis.head };
  const policy = {
    ...{ maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort, releases: ["training" as const] },
    trustedPeers: roster.map(({ key }) => fingerprintOf(crypto, key)),
  };
  let coordinator = createCoordinator(begin);
  const nodes = new Map(names.map((node) => [node, createNode({ self: node, ...begin, policy })]));

  const messages: { readonly to: readonly string[]; readonly message: Message }[] = [];
  const ledger = [genesis.line];
  const secrets: Record<string, object> = {};
  const masked: Record<string, string> = {};
  const uploads = new Map<Sha256, Uint32Array>();
  const unmasking: { ownMasks: readonly string[]; pairMasks: readonly object[] }[] = [];
  let sum = "";
  let deadline: CoordinatorEvent | undefined;
  let finished = false;
  const queue: Delivery[] = [{ to: "coordinator", event: { type: "start", online: names } }];

  const atCoordinator = async (effect: CoordinatorEffect): Promise<void> => {
    if (effect.type === "persist" && effect.entry !== undefined) ledger.push(effect.entry.line);
    else if (effect.type === "send") {
      messages.push({ to: effect.to, message: effect.message });
      for (const to of effect.to) queue.push({ to, event: { type: "message", message: effect.message } });
    } else if (effect.type === "setDeadline") deadline = { type: "deadline", round: effect.round, phase: effect.phase };
    else if (effect.type === "sum") {
      const words = await sumUploads(effect, async (sha256) => uploads.get(sha256) ?? new Uint32Array(), crypto);
      const { ownMasks, pairMasks } = effect.unmasking;
      unmasking.push({ ownMasks, pairMasks });
      sum = toHex(vectorOctets(words));
      const sumHash = toHex(crypto.sha256(vectorOctets(words))) as Sha256;
      queue.push({ to: "coordinator", event: { type: "summed", round: effect.round, sumHash } });
    } else if (effect.type === "apply") {
      const [modelHash, optimiserHash] = [hashOfText(crypto, "model 1"), hashOfText(crypto, "optimiser 1")];
      queue.push({ to: "coordinator", event: { type: "applied", round: effect.round, modelHash, optimiserHash } });
    } else if (effect.type === "roundEnded") queue.push({ to: "coordinator", event: { type: "start", online: names } });
    else if (effect.type === "finished") finished = true;
  };
  const atNode = (node: NodeId, effect: NodeEffect, state: NodeState): void => {
    if (effect.type === "persist" && effect.vector !== undefined) {
      masked[node] = toHex(vectorOctets(effect.vector));
      uploads.set(toHex(crypto.sha256(vectorOctets(effect.vector))) as Sha256, effect.vector);
    } else if (effect.type === "startTraining") {
      const { encryptionSecret, maskSecret, ownSeed } = state.round?.secrets ?? {};
      secrets[node] = { encryptionSecret, maskSecret, ownSeed };
      queue.push({ to: node, event: { type: "trained", round: effect.round, vector: vectorOf(crypto, node) } });
    } else if (effect.type === "send") {
      messages.push({ to: ["coordinator"], message: effect.message });
      queue.push({ to: "coordinator", event: { type: "message", message: effect.message } });
    } else if (effect.type === "upload") {
      messages.push({ to: ["coordinator"], message: effect.message });
      queue.push({ to: "coordinator", event: { type: "uploaded", message: effect.message } });
    }
  };

  while (!finished) {
    const next = queue.shift();
    if (next === undefined) {
      if (deadline === undefined) throw new Error("stalled");
      queue.push({ to: "coordinator", event: deadline });
      deadline = undefined;
    } else if (next.to === "coordinator") {
      const { event } = next as Extract<Delivery, { to: "coordinator" }>;
      const step = stepCoordinator(coordinator, event, contextOf(crypto, "coordinator"));
      coordinator = step.state;
      for (const effect of step.effects) await atCoordinator(effect);
    } else {
      const { to, event } = next as Extract<Delivery, { to: NodeId }>;
      if (to === silent && event.type === "message" && event.message.step === "envelopes") continue; // it has fallen silent
      const state = nodes.get(to);
      if (state === undefined) throw new Error(`no node ${to}`);
      const step = stepNode(state, event, contextOf(crypto, to));
      nodes.set(to, step.state);
      for (const effect of step.effects) atNode(to, effect, step.state);
    }
  }
  return {
    about: "One round of four nodes, spoken in full; shop-4 shares its secrets and then falls silent. Hex, little-endian u32.",
    identitySeeds: Object.fromEntries(
      ["coordinator", ...names].map((party) => [party, hashOfText(crypto, identitySeed(party))]),
    ),
    streamSeed: hashOfText(crypto, streamSeed),
    secrets,
    vectors: Object.fromEntries(names.map((node) => [node, toHex(vectorOctets(vectorOf(crypto, node)))])),
    messages,
    masked,
    unmasking,
    sum,
    ledger,
  };
}
