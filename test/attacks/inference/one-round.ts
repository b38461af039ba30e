/**
 * One round of a federation as it is, with everybody's words kept: the nodes' vectors come from the training loop of the client's worker, masks and
 * everything else from the state machines of both sides. What an attacker may see, by where it sits: a node's masked vector (the coordinator, the wire),
 * the sum without masks (the coordinator, and all who read the model); a node's vector before the masks (nobody: the node itself).
 */

import type { Histories } from "@tributary/events";
import {
  type Context,
  type CoordinatorEffect,
  type CoordinatorEvent,
  createCoordinator,
  createNode,
  encodeFederationModel,
  genesisEntry,
  initialFederationModel,
  type NodeEffect,
  type NodeEvent,
  type NodeState,
  stepCoordinator,
  stepNode,
  sumUploads,
} from "@tributary/federation";
import {
  fingerprintOf,
  type IdentityKey,
  type NodeId,
  randomSourceFromSeed,
  type Sha256,
  signMember,
  toHex,
  vectorOctets,
} from "@tributary/protocol";
import { rememberingCrypto } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { type TrainingLoop, trainingLoop } from "../../../client/src/training/loop.ts";
import type { Stage } from "./stage.ts";

export interface RoundSeen {
  /** [dimension] words as a node uploads them. */
  readonly masked: ReadonlyMap<NodeId, Uint32Array>;
  /** [dimension] words as they were before the masks: noise is in them. */
  readonly noisy: ReadonlyMap<NodeId, Uint32Array>;
  /** [dimension] Σ noisy, as the coordinator has it once the masks are off. */
  readonly unmasked: Uint32Array;
}

/**
 * @param logs one for each node, in order of their names
 * @param seed names all randomness of the round: noise, masks, keys
 */
export async function oneRound(stage: Stage, logs: readonly Histories[], seed: string): Promise<RoundSeen> {
  const { plan, coordinatorSecret } = stage;
  const { crypto } = rememberingCrypto(stage.crypto);
  const bytes = crypto.sha256(new TextEncoder().encode(`round ${seed}`));
  const file = Uint8Array.from(encodeFederationModel(plan, initialFederationModel(crypto, plan)));
  const contextOf = (role: "coordinator" | "node", id: string, secret: Uint8Array): Context => ({
    crypto,
    random: (round, purpose) => randomSourceFromSeed(crypto, bytes, role, id, round, purpose),
    sign: (message) => crypto.sign(message, secret),
    now: "2026-01-01T00:00:00.000Z",
    software: plan.graphHash,
  });
  const atCoordinator = contextOf("coordinator", "", coordinatorSecret);
  const members = logs.map((histories, place) => {
    const node = `node-${place}` as NodeId;
    const secret = crypto.sha256(new TextEncoder().encode(`identity ${node}`));
    const context = contextOf("node", node, secret);
    const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
    const member = signMember(context, plan.federation, { node, key, kind: "merchant" });
    return { node, key, context, member, loop: loopOf(stage, node, histories, bytes) };
  });
  const roster = members.map(({ member }) => member);
  const genesis = genesisEntry({ plan, roster }, atCoordinator);
  const begin = { genesis: genesis.entry, head: genesis.head };
  const policy = {
    ...{ maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort, releases: ["training" as const] },
    trustedPeers: members.map(({ key }) => fingerprintOf(crypto, key)),
  };
  const states = new Map<NodeId, NodeState>(members.map(({ node }) => [node, createNode({ self: node, ...begin, policy })]));
  let coordinator = createCoordinator(begin);
  const masked = new Map<NodeId, Uint32Array>();
  const noisy = new Map<NodeId, Uint32Array>();
  const uploads = new Map<Sha256, Uint32Array>();
  let unmasked: Uint32Array | undefined;
  const queue: (() => Promise<void>)[] = [];
  const toCoordinator = (event: CoordinatorEvent) =>
    void queue.push(async () => {
      const step = stepCoordinator(coordinator, event, atCoordinator);
      coordinator = step.state;
      for (const effect of step.effects) await carryOut(effect);
    });
  const toNode = (node: NodeId, event: NodeEvent) =>
    void queue.push(async () => {
      const [party, state] = [members.find((one) => one.node === node), states.get(node)];
      if (party === undefined || state === undefined) throw new Error(`no node ${node}`);
      const step = stepNode(state, event, party.context);
      states.set(node, step.state);
      for (const effect of step.effects) await carryOutAt(party, effect);
    });
  const carryOut = async (effect: CoordinatorEffect): Promise<void> => {
    if (effect.type === "send") for (const to of effect.to) toNode(to, { type: "message", message: effect.message });
    if (effect.type === "sum")
      unmasked = await sumUploads(effect, (sha256) => uploads.get(sha256) ?? new Uint32Array(0), crypto);
  };
  const carryOutAt = async ({ node, loop }: (typeof members)[number], effect: NodeEffect): Promise<void> => {
    if (effect.type === "send") toCoordinator({ type: "message", message: effect.message });
    if (effect.type === "upload") toCoordinator({ type: "uploaded", message: effect.message });
    if (effect.type === "persist" && effect.vector !== undefined) {
      masked.set(node, effect.vector);
      uploads.set(toHex(crypto.sha256(vectorOctets(effect.vector))) as Sha256, effect.vector);
    }
    if (effect.type === "startTraining") {
      const { round, release, modelHash } = effect;
      const job = { type: "train", round, release, modelHash, model: file, stopAt: Number.POSITIVE_INFINITY } as const;
      const answer = await loop.train(job).finally(() => loop.close());
      if (answer.type !== "trained" || answer.failure !== undefined || answer.outOfTime) throw new Error("it did not train");
      noisy.set(node, answer.vector.slice());
      toNode(node, { type: "trained", round, vector: answer.vector });
    }
  };

  toCoordinator({ type: "start", online: members.map(({ node }) => node) });
  while (unmasked === undefined) {
    const next = queue.shift();
    if (next === undefined) throw new Error("the round came to nothing");
    await next();
  }
  return { masked, noisy, unmasked };
}

/** What `serve.ts` of the client makes of a home, of histories in memory. */
function loopOf(stage: Stage, node: NodeId, histories: Histories, seed: Uint8Array): TrainingLoop {
  const { plan, crypto, catalogue, trainer } = stage;
  const nobody = { ...histories, customers: [], offsets: new Uint32Array(1) };
  return trainingLoop({
    ...{ plan, node, crypto, loaded: Promise.resolve() },
    random: (round, purpose, of) => randomSourceFromSeed(crypto, seed, "node", of, round, purpose),
    isStopped: () => false,
    histories: () => ({ learnt: histories, heldOut: nobody }),
    catalogueItems: () => catalogue.items,
    executor: onnxruntimeExecutor,
    openTrainer: async () => ({ ...trainer, close: async () => {} }), // all nodes load the same graphs: one loads them for all
    sampler: async () => undefined,
  });
}
