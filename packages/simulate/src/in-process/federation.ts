/**
 * A whole federation in one process: the coordinator's and the nodes' state machines, the very ones that run in separate
 * processes, with messages passed in memory. Same plan, histories and randomness: the same model, byte for byte.
 *
 * Everything happens in one queue, in order; nothing here draws randomness or knows the time.
 */
import type { RandomSource, SamplerOf } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { categoryNumbers, type Histories } from "@tributary/events";
import {
  type Context,
  type CoordinatorEffect,
  type CoordinatorEvent,
  createCoordinator,
  createNode,
  dueNote,
  encodeFederationModel,
  type FederationModel,
  genesisEntry,
  heldOutRule,
  localUpdatesOf,
  type NodeEffect,
  type NodeEvent,
  negativesSource,
  nextModel,
  openQuery,
  type Purpose,
  rotationSource,
  roundParameters,
  statisticsCapsOf,
  stepCoordinator,
  stepNode,
  sumUploads,
  warmStarted,
} from "@tributary/federation";
import { parseLine } from "@tributary/ledger";
import { softwareHash } from "@tributary/ledger/software";
import {
  encodeOptimiserState,
  type HeldOutSplit,
  type ItemContent,
  itemSimilarity,
  type OptimiserState,
  openTrainer,
  type PublicItem,
  queryVector,
  type ReleasedStatistics,
  splitHeldOut,
  startStatistics,
  statisticsVector,
  type Trainer,
  trainingVector,
} from "@tributary/model";
import {
  type Crypto,
  fingerprintOf,
  type IdentityKey,
  type NodeId,
  type Plan,
  parseDecimal,
  releaseOf,
  type Sha256,
  signMember,
  toHex,
  wireFormOf,
} from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";

export interface SimulatedNode {
  readonly node: string;
  readonly histories: Histories;
}

/** Whose randomness, and what it is for; `identity` is the secret of the party's key. */
export type PartyRandom = (
  role: "coordinator" | "node",
  id: string,
  round: number,
  purpose: Purpose | "identity",
) => RandomSource;

export interface SimulationOptions {
  readonly plan: Plan;
  /** Flat parameters of the model whose hash the plan names. */
  readonly initialParameters: Float32Array;
  readonly nodes: readonly SimulatedNode[];
  /** Ed25519 secret of `plan.coordinatorKey`. */
  readonly coordinatorSecret: Uint8Array;
  readonly random: PartyRandom;
  readonly crypto: Crypto;
  readonly executor: Executor;
  /** What is publicly known of items, where the model reads it; from the catalogue whose hash the plan holds. */
  readonly content?: ItemContent | undefined;
  /** That catalogue's items, where the plan releases statistics, metrics or an extension's query. */
  readonly items?: readonly PublicItem[];
  /** Unix seconds until which the logs were watched, where the model has a churn head. */
  readonly now?: number | undefined;
  /** After each released round. */
  readonly onRound?: (round: SimulatedRound) => void | Promise<void>;
}

export interface SimulatedRound {
  readonly round: number;
  readonly epsilon: number;
  readonly seconds: number;
  readonly parameters: Float32Array;
  /** Undefined where the plan releases none. */
  readonly statistics: ReleasedStatistics | undefined;
  readonly modelHash: Sha256;
}

export interface SimulationResult {
  readonly parameters: Float32Array;
  readonly statistics: ReleasedStatistics | undefined;
  readonly modelHash: Sha256;
  /** ledger.jsonl */
  readonly ledger: string;
  readonly rounds: number;
  /** Masked vectors that one node sends in a round, on average over the rounds released. */
  readonly bytesPerRoundPerNode: number;
}

/**
 * Runs every round of the plan.
 * @throws TRB_SIMULATE_STALLED when nobody has anything left to do before the plan is done, TRB_OPENDP_NOT_BUILT when the plan has
 *   OpenDP draw the noise and it is not there, and what the state machines throw
 */
export async function simulateFederation(options: SimulationOptions): Promise<SimulationResult> {
  const { plan, crypto, random } = options;
  const trains = plan.releases.some(({ kind }) => kind === "training");
  const { content, now } = options;
  const samplerOf = await plannedSampler(plan);
  const trainer = trains
    ? await openTrainer(plan.model, options.executor, localUpdatesOf(plan), { content, now, trained: plan.trained })
    : undefined;
  try {
    return await run(options, trainer);
  } finally {
    await trainer?.close();
  }

  async function run(options: SimulationOptions, trainer: Trainer | undefined): Promise<SimulationResult> {
    const context = (role: "coordinator" | "node", id: string, secret: Uint8Array): Context => ({
      crypto,
      random: (round, purpose) => random(role, id, round, purpose),
      sign: (message) => crypto.sign(message, secret),
      now: "2000-01-01T00:00:00.000Z", // simulated time stands still
      software: softwareHash(import.meta.url),
    });
    const coordinatorContext = context("coordinator", "", options.coordinatorSecret);
    const members = options.nodes.map(({ node, histories }) => {
      const secret = new Uint8Array(32);
      random("node", node, 0, "identity").fill(secret);
      const key = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
      const own = context("node", node, secret);
      return {
        id: node as NodeId,
        ...splitHeldOut(histories, heldOutRule(crypto, plan)),
        key,
        context: own,
        member: signMember(own, plan.federation, { node: node as NodeId, key, kind: "merchant" }),
      };
    });
    const roster = members.map(({ member }) => member).sort((a, b) => (a.node < b.node ? -1 : 1));
    const genesis = genesisEntry({ plan, roster }, coordinatorContext);
    const lines = [genesis.line];
    const head = genesis.head;

    let coordinator = createCoordinator({ genesis: genesis.entry, head });
    const nodes = new Map(
      members.map(({ id, ...rest }) => {
        const trustedPeers = members.filter((peer) => peer.id !== id).map((peer) => fingerprintOf(crypto, peer.key));
        const policy = {
          maxEpsilon: plan.epsilon,
          delta: plan.delta,
          minCohort: plan.minCohort,
          releases: plan.releases.map(({ kind }) => kind),
          extensions: (plan.extensions ?? []).map(({ sha256 }) => sha256),
          trustedPeers,
        };
        return [
          id,
          {
            ...rest,
            state: createNode({ self: id, genesis: genesis.entry, head, policy }),
            vector: undefined as Uint32Array | undefined,
          },
        ];
      }),
    );

    const initial: FederationModel = {
      parameters: options.initialParameters,
      statistics: plan.statistics === undefined ? undefined : startStatistics(),
    };
    const models = new Map<string, FederationModel>([[plan.initialModelHash, initial]]);
    const optimiserStates = new Map<string, OptimiserState>();
    const uploads = new Map<string, Uint32Array>();
    const sums = new Map<string, Uint32Array>();
    const queue: (() => void | Promise<void>)[] = [];
    const deadlines: { round: number; phase: string }[] = [];
    let finished = false;
    let roundStarted = performance.now();
    let completed = 0;
    let bytes = 0;

    const toCoordinator = (event: CoordinatorEvent) => queue.push(() => stepCoordinatorWith(event));
    const toNode = (id: NodeId, event: NodeEvent) => queue.push(() => stepNodeWith(id, event));
    const hash = (bytes: Uint8Array) => toHex(crypto.sha256(bytes)) as Sha256;
    const bytesOf = (words: Uint32Array) => new Uint8Array(words.buffer, words.byteOffset, words.byteLength);

    async function stepCoordinatorWith(event: CoordinatorEvent): Promise<void> {
      const step = stepCoordinator(coordinator, event, coordinatorContext);
      coordinator = step.state;
      for (const effect of step.effects) await carryOut(effect);
      // nobody sends entries between rounds: nodes ask for the lines that they lack
      if (event.type === "note") for (const { node } of roster) toNode(node, { type: "ledger", lines: lines.slice(-1) });
    }

    async function carryOut(effect: CoordinatorEffect): Promise<void> {
      switch (effect.type) {
        case "persist":
          if (effect.entry) lines.push(effect.entry.line);
          return;
        case "send":
          for (const to of effect.to) toNode(to, { type: "message", message: effect.message });
          return;
        case "setDeadline":
          deadlines.push({ round: effect.round, phase: effect.phase });
          return;
        case "sum": {
          const sum = await sumUploads(effect, async (sha256) => read(uploads, sha256), crypto);
          const sumHash = hash(bytesOf(sum));
          sums.set(sumHash, sum);
          toCoordinator({ type: "summed", round: effect.round, sumHash });
          return;
        }
        case "apply": {
          const optimiserState = effect.optimiserHash === null ? null : read(optimiserStates, effect.optimiserHash);
          const sum = read(sums, effect.sumHash);
          const similarity = () => itemSimilarity(options.items ?? []);
          const { release, survivors, releasedBefore } = effect;
          const before = read(models, effect.modelHash);
          const rotation = rotationSource(crypto, coordinator.planHash, effect.round);
          const released = { plan, release, sum, survivors, releasedBefore, rotation };
          const next = nextModel({ ...released, model: before, optimiserState, similarity });
          const model = await warmStarted(plan, before, next.model, { executor: options.executor, similarity });
          const modelHash = hash(encodeFederationModel(plan, model));
          const optimiserHash = next.optimiserState && hash(encodeOptimiserState(next.optimiserState));
          models.set(modelHash, model);
          for (const known of optimiserStates.keys()) {
            if (known !== coordinator.kept?.optimiserHash) optimiserStates.delete(known);
          }
          if (next.optimiserState !== null && optimiserHash !== null) optimiserStates.set(optimiserHash, next.optimiserState);
          sums.clear();
          bytes += 4 * wireFormOf(plan, release).words;
          const written = next.sum === undefined ? {} : { sum: next.sum };
          toCoordinator({ type: "applied", round: effect.round, modelHash, optimiserHash, ...written });
          return;
        }
        case "eraseUploads":
          uploads.clear();
          return;
        case "roundEnded": {
          deadlines.length = 0;
          if (effect.released) {
            completed += 1;
            const seconds = (performance.now() - roundStarted) / 1e3;
            await options.onRound?.({
              round: effect.round,
              epsilon: epsilonAfter(lines),
              seconds,
              ...read(models, coordinator.modelHash),
              modelHash: coordinator.modelHash,
            });
            const needed = [coordinator.modelHash, coordinator.kept?.modelHash];
            for (const known of models.keys()) if (!needed.includes(known as Sha256)) models.delete(known);
          }
          roundStarted = performance.now();
          const note = dueNote(coordinator);
          if (note !== undefined) toCoordinator({ type: "note", note });
          if (!finished) toCoordinator({ type: "start", online: roster.map((member) => member.node) });
          return;
        }
        case "finished":
          finished = true;
      }
    }

    async function stepNodeWith(id: NodeId, event: NodeEvent): Promise<void> {
      const party = read(nodes, id);
      const step = stepNode(party.state, event, party.context);
      party.state = step.state;
      for (const effect of step.effects) await carryOutAt(id, effect);
    }

    async function carryOutAt(id: NodeId, effect: NodeEffect): Promise<void> {
      const party = read(nodes, id);
      switch (effect.type) {
        case "persist":
          if (effect.vector) party.vector = effect.vector;
          return;
        case "startTraining": {
          const { round, release, modelHash } = effect;
          toNode(id, { type: "trained", round, vector: await vectorOf(party, round, release, read(models, modelHash)) });
          return;
        }
        case "send":
          toCoordinator({ type: "message", message: effect.message });
          return;
        case "upload": {
          if (party.vector === undefined) throw fail("TRB_SIMULATE_STALLED", { round: effect.message.round });
          uploads.set(effect.message.body.sha256, party.vector);
          toCoordinator({ type: "uploaded", message: effect.message });
          toNode(id, { type: "uploaded", round: effect.message.round });
          return;
        }
        case "eraseVector":
          party.vector = undefined;
          return;
        case "stopTraining": // training here is over before anything else happens
        case "eraseSecrets": // nothing was written
        case "settle":
        case "appendLedger":
        case "setExpiry":
      }
    }

    /** What the training worker of a node in its own process does (`client/src/training/serve.ts`). */
    async function vectorOf(
      { learnt, heldOut, context }: HeldOutSplit & { readonly context: Context },
      round: number,
      release: number,
      model: FederationModel,
    ): Promise<Uint32Array> {
      const { parameters, statistics } = model;
      const { kind } = releaseOf(plan, release);
      const common = { ...roundParameters(plan, release), histories: kind === "metrics" ? heldOut : learnt, samplerOf };
      const secret = { rounding: context.random(round, "rounding"), noise: context.random(round, "noise") };
      if (kind === "metrics" || kind === "features" || kind === "query") {
        const { executor, items = [] } = options;
        const around = {
          ...{ executor, items: items.length, content },
          similarity: () => itemSimilarity(items),
          categories: () => categoryNumbers(items),
        };
        const { query, close } = await openQuery(plan, release, model, around);
        const random = { ...secret, sampling: context.random(round, "sampling") };
        const { maxEvents } = plan.caps;
        const { vector, failure } = await queryVector({ ...common, query, maxEvents, random }).finally(close);
        if (failure === undefined) return vector;
        // a real node counts that customer as zero and goes on; here it would only hide a fault
        const reason = `it fails at a customer: ${failure instanceof Error ? failure.message.slice(0, 200) : "no reason given"}`;
        throw fail("TRB_EXTENSION_UNFIT", { name: releaseOf(plan, release).query ?? kind, reason }, failure);
      }
      if (kind !== "training") {
        return statisticsVector({ ...common, kind, statistics, caps: statisticsCapsOf(plan), random: secret }).vector;
      }
      if (trainer === undefined) throw fail("TRB_SIMULATE_STALLED", { round });
      const { vector } = await trainingVector(trainer, {
        ...common,
        parameters,
        negatives: negativesSource(crypto, coordinator.planHash, round),
        rotation: rotationSource(crypto, coordinator.planHash, round),
        random: { ...secret, sampling: context.random(round, "sampling") },
      });
      return vector;
    }

    toCoordinator({ type: "start", online: roster.map((member) => member.node) });
    while (!finished) {
      const next = queue.shift();
      if (next) await next();
      else {
        const deadline = deadlines.pop();
        if (!deadline) throw fail("TRB_SIMULATE_STALLED", { round: coordinator.lastRound });
        toCoordinator({ type: "deadline", ...deadline });
      }
    }
    return {
      ...read(models, coordinator.modelHash),
      modelHash: coordinator.modelHash,
      ledger: lines.map((line) => `${line}\n`).join(""),
      rounds: completed,
      bytesPerRoundPerNode: completed === 0 ? 0 : bytes / completed,
    };
  }
}

/** Undefined for ours, which `dp` takes by itself; OpenDP's is loaded when a plan names it. */
async function plannedSampler({ sampler }: Plan): Promise<SamplerOf | undefined> {
  if (sampler === "exact") return undefined;
  const { openOpenDp } = await import("@opendp/opendp").catch((cause: unknown) => {
    // in a checkout it is there, if only to say that it isn't built
    throw fail("TRB_OPENDP_NOT_BUILT", { reason: "the package @opendp/opendp can't be loaded" }, cause);
  });
  return (await openOpenDp()).discreteGaussian;
}

function read<Key, Value>(map: ReadonlyMap<Key, Value>, key: Key): Value {
  const value = map.get(key);
  if (value === undefined) throw fail("TRB_SIMULATE_STALLED", { round: 0 });
  return value;
}

function epsilonAfter(lines: readonly string[]): number {
  const entry = parseLine(lines.at(-1) ?? "");
  return !("spent" in entry) ? 0 : parseDecimal(entry.spent.epsilon);
}
