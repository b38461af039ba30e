/**
 * A coordinator for the client's own tests: the real reducer and real HTTP, with the control connection replaced by calls in the
 * same process, so that a test can hold messages back, replay them, or show a node another ledger.
 */
import { createHash, randomFillSync } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { calibrateNoise, chooseScale } from "@tributary/dp";
import { fail, isTributaryError } from "@tributary/errors";
import { actions, catalogueBytes, makeCatalogue } from "@tributary/events";
import {
  type Context,
  type CoordinatorEffect,
  type CoordinatorEvent,
  type CoordinatorState,
  createCoordinator,
  decodeFederationModel,
  encodeFederationModel,
  type FederationModel,
  genesisEntry,
  graphHashOf,
  initialFederationModel,
  nextModel,
  rotationSource,
  stepCoordinator,
  sumUploads,
} from "@tributary/federation";
import {
  decodeOptimiserState,
  encodeModel,
  encodeOptimiserState,
  graphVersion,
  itemSimilarity,
  type ModelSpec,
  modelSpec,
  parameterCount,
} from "@tributary/model";
import {
  type ErasureNote,
  encodeInvite,
  formatDecimal,
  type HeadStatement,
  identityKey,
  type Message,
  type MessageOf,
  type NodeId,
  nodeId,
  type Plan,
  parseMessage,
  planHash,
  type Roster,
  type RosterMember,
  type RotatedMember,
  rosterMemberSchema,
  type Sha256,
  sha256Hex,
  signDocument,
  signStatement,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { z } from "zod";
import type { Transport } from "./running/start.ts";
import { connectHttp } from "./transport/http.ts";
import type { SocketHandlers } from "./transport/socket.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = identityKey.parse(toHex(crypto.signingPublicKey(secret)));
const sign = (message: Uint8Array) => crypto.sign(message, secret);
const sha256 = (bytes: Uint8Array): Sha256 => sha256Hex.parse(createHash("sha256").update(bytes).digest("hex"));

const model: ModelSpec = modelSpec({
  items: 24,
  length: 6,
  width: 4,
  blocks: 1,
  heads: 1,
  feedForward: 2,
  activation: "relu",
  positions: "learned",
  actions: actions.length,
  timeGaps: 0,
  nextItem: { loss: "softmax", negatives: 8, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 100, churn: 0, purchase: 0 },
});
const optimiser = { name: "fedavg", learningRate: 1, momentum: 0 } as const;
const catalogue = makeCatalogue(Array.from({ length: 24 }, (_, i) => ({ id: `item-${String(i).padStart(2, "0")}` })));
const initialModel = encodeModel(model, initialFederationModel(crypto, { model }).parameters);

/** A plan for three nodes that a node's linter accepts. */
export function testPlan(overrides: Partial<Plan> = {}): Plan {
  const rounds = 2;
  const dimension = parameterCount(model);
  const delta = 1e-6;
  const noise = calibrateNoise({ epsilon: 8, delta, samplingRate: 0.2, steps: rounds });
  const noiseMultiplier = formatDecimal(noise * 1.001, "up");
  const { scale } = chooseScale({
    totalQuota: 3 * 64,
    clipNorm: "1",
    noiseMultiplier,
    dimension,
    maxNodes: 3,
    honestMinimum: 3,
  });
  const decimal = formatDecimal;
  return {
    version: 1,
    federation: "test",
    unit: "customer",
    maxMerchantsPerCustomer: 1,
    model,
    graphVersion,
    graphHash: graphHashOf(crypto, model),
    initialModelHash: sha256(initialModel),
    catalogueHash: sha256(catalogueBytes(catalogue)),
    catalogueProvenance: "public",
    actions: [...actions],
    caps: { maxEvents: 100, maxItems: 100, maxPairs: 0, localSteps: 1 },
    local: { learningRate: decimal(1), proximal: decimal(0), epochs: 1, batchSize: 32 },
    releases: [
      {
        kind: "training",
        arithmetic: "bucketed",
        clipNorm: decimal(1),
        samplingRate: decimal(0.2),
        noiseMultiplier,
        rounds,
        dimension,
        touched: dimension,
        scale: decimal(Number(scale)),
        fractionBits: 4,
      },
    ],
    noiseMode: "distributed",
    sampler: "exact",
    accountant: "rdp-integer",
    epsilon: decimal(8),
    delta: decimal(delta),
    minCustomers: 100,
    minCohort: 3,
    maxCorrupt: 0,
    threshold: "quorum",
    customerQuota: 64,
    deadlines: { keys: 3000, shares: 3000, uploadOffset: 250, masked: 8000, consistency: 3000, unmask: 3000, grace: 5000 },
    optimiser: { name: "fedavg", learningRate: decimal(1), momentum: decimal(0) },
    coordinatorKey,
    ...overrides,
  };
}

/** A plan with statistics alone: popularity, every pair once, and a smaller round. */
export function statisticsTestPlan(): Plan {
  const base = testPlan();
  const [items, cells, later] = [catalogue.items.length, (catalogue.items.length * (catalogue.items.length - 1)) / 2, 100];
  const caps = { ...base.caps, maxItems: 8, maxPairs: 16 };
  const noise = calibrateNoise({ epsilon: 8, delta: 1e-6, samplingRate: 1, steps: 3 });
  const release = (kind: "popularity" | "pairs", dimension: number): Plan["releases"][number] => {
    const touched = kind === "popularity" ? caps.maxItems : caps.maxPairs;
    const noiseMultiplier = formatDecimal(noise, "up");
    const { scale } = chooseScale({
      ...{ arithmetic: "exact", totalQuota: 3 * 64, clipNorm: "1", noiseMultiplier, dimension, touched },
      ...{ maxNodes: 3, honestMinimum: 3 },
    });
    return {
      ...{ kind, arithmetic: "exact", clipNorm: formatDecimal(1), samplingRate: formatDecimal(1), noiseMultiplier },
      ...{ rounds: 1, dimension, touched, scale: formatDecimal(Number(scale)), fractionBits: 4 },
    };
  };
  const d = formatDecimal;
  const plan: Plan = {
    ...{ ...base, caps, releases: [release("popularity", items), release("pairs", cells), release("pairs", later)] },
    statistics: {
      ...{ window: 3, weighBy: "probability", latest: 20 },
      ...{ firstPopularity: d(0.5), firstContent: d(2), firstNorm: d(1), aliveAbove: d(0.001), weightFloor: d(0.1) },
      ...{ weightPower: d(0.5), laterNorm: d(0.5), priorMean: d(3), priorPopularity: d(1), roundOdds: d(1), finalOdds: d(1) },
      ...{ roundContent: d(2), finalContent: d(1), keepAbove: d(0.02), targetPopularity: d(0), contentWeight: d(12) },
      ...{ contentSharpness: d(14), decay: d(0.5) },
    },
  };
  return { ...plan, initialModelHash: sha256(encodeFederationModel(plan, initialFederationModel(crypto, plan))) };
}

export interface TestCoordinator {
  readonly url: string;
  readonly plan: Plan;
  readonly ledger: string[];
  /** What was uploaded, in order: never two different vectors of one node and round. */
  readonly uploads: { readonly round: number; readonly node: NodeId; readonly sha256: Sha256; readonly at: number }[];
  /** Every offer that was made, in order. */
  readonly offers: MessageOf<"offer">[];
  /** Requests that held the token. */
  readonly joins: RosterMember[];
  readonly transport: Transport;
  readonly finished: Promise<void>;
  invite(node: string, overrides?: { readonly fingerprint?: string }): string;
  /** Writes the first entry and begins to run rounds. */
  begin(): void;
  /** Signs a document as the coordinator. */
  sign(document: object): object;
  /** Speaks to a node out of turn; what it throws is its answer. */
  tell(node: string, message: unknown): Promise<void>;
  /** Called with every message to a node; false: it is lost. */
  deliver: (to: NodeId, message: Message) => boolean;
  /** Notes of erasures that nodes sent. */
  readonly erasures: ErasureNote[];
  readonly rotations: RotatedMember[];
  /** What it shows of its ledger to who asks for it from this entry on. */
  show: (lines: readonly string[], from: number) => readonly string[];
  /** What reaches a node of its peers' signed heads. */
  relay: (to: NodeId, heads: readonly HeadStatement[]) => readonly HeadStatement[];
  /** What a coordinator that lies makes of the model that follows from a round. */
  bend: (model: FederationModel, round: number) => FederationModel;
  close(): Promise<void>;
}

const joinBody = z.object({ token: z.string(), member: rosterMemberSchema });

export async function startTestCoordinator(plan: Plan = testPlan()): Promise<TestCoordinator> {
  const blobs = new Map<Sha256, Uint8Array>();
  const store = (bytes: Uint8Array): Sha256 => {
    const hash = sha256(bytes);
    blobs.set(hash, bytes);
    return hash;
  };
  store(initialModel);
  store(encodeFederationModel(plan, initialFederationModel(crypto, plan)));
  store(catalogueBytes(catalogue));
  const members = new Map<NodeId, RosterMember>();
  const sockets = new Map<NodeId, SocketHandlers>();
  const timers = new Set<NodeJS.Timeout>();
  const finished = Promise.withResolvers<void>();
  let state: CoordinatorState | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let closed = false;
  const context = (): Context => ({
    crypto,
    random: () => ({ fill: (out) => void randomFillSync(out) }),
    sign,
    now: new Date().toISOString(),
    software: sha256Hex.parse("5f".repeat(32)),
  });
  const roster = (): Roster => [...members.values()].sort((a, b) => (a.node < b.node ? -1 : 1));
  const blob = (hash: Sha256) => blobs.get(hash) ?? new Uint8Array();
  const words = (hash: Sha256) => new Uint32Array(Uint8Array.from(blob(hash)).buffer);

  const later = (milliseconds: number, work: () => void) => {
    const timer = setTimeout(work, milliseconds);
    timers.add(timer);
  };
  const enqueue = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work);
    turn = mine.catch(() => {});
    return mine;
  };
  const happen = (event: CoordinatorEvent): Promise<void> =>
    enqueue(async () => {
      if (state === undefined || closed) return;
      const next = stepCoordinator(state, event, context());
      state = next.state;
      for (const effect of next.effects) await carryOut(effect);
    }).catch((error: unknown) => {
      if (!isTributaryError(error)) finished.reject(error); // a fault of this stand-in, not a refusal
      throw error;
    });
  const announce = () => {
    for (const handlers of sockets.values()) handlers.ledger(self.ledger.length);
  };
  const start = () =>
    happen({ type: "start", online: [...sockets.keys()] }).catch((error: unknown) => {
      if (!isTributaryError(error) || error.code !== "TRB_ROUND_COHORT_TOO_SMALL") throw error;
      later(50, () => void start());
    });

  const carryOut = async (effect: CoordinatorEffect): Promise<void> => {
    switch (effect.type) {
      case "persist":
        if (effect.entry === undefined) return;
        self.ledger.push(effect.entry.line);
        announce();
        return;
      case "send":
        if (effect.message.step === "offer") self.offers.push(effect.message);
        for (const node of effect.to) {
          if (self.deliver(node, effect.message)) void self.tell(node, effect.message).catch(() => {});
        }
        return;
      case "setDeadline":
        later(effect.milliseconds, () => void happen({ type: "deadline", round: effect.round, phase: effect.phase }));
        return;
      case "sum": {
        const sum = await sumUploads(effect, async (hash) => words(hash), crypto);
        void happen({ type: "summed", round: effect.round, sumHash: store(new Uint8Array(sum.buffer)) });
        return;
      }
      case "apply": {
        const { round, release, modelHash, optimiserHash, sumHash, survivors, releasedBefore } = effect;
        const next = nextModel({
          plan,
          release,
          sum: words(sumHash),
          survivors,
          releasedBefore,
          model: decodeFederationModel(plan, blob(modelHash)),
          optimiserState: optimiserHash === null ? null : decodeOptimiserState(optimiser, blob(optimiserHash)),
          similarity: () => itemSimilarity(catalogue.items),
          rotation: rotationSource(crypto, planHash(crypto, plan), round),
        });
        void happen({
          type: "applied",
          round,
          modelHash: store(encodeFederationModel(plan, self.bend(next.model, round))),
          optimiserHash: next.optimiserState && store(encodeOptimiserState(next.optimiserState)),
          ...(next.sum === undefined ? {} : { sum: next.sum }),
        });
        return;
      }
      case "roundEnded":
        void start();
        return;
      case "finished":
        finished.resolve();
        return;
      case "eraseUploads":
        return;
    }
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? "/", "http://localhost");
    const body = await bodyOf(request);
    const [, , kind = "", first = "", , hash = ""] = url.pathname.split("/");
    const json = (value: unknown) => void response.end(JSON.stringify(value));
    if (kind === "identity") {
      const nonce = url.searchParams.get("nonce") ?? "";
      const statement = { purpose: "identity", federation: plan.federation, nonce };
      json({ federation: plan.federation, key: coordinatorKey, signature: signStatement({ sign }, statement) });
    } else if (kind === "join") {
      const { token, member } = joinBody.parse(JSON.parse(body.toString("utf8")));
      if (token !== "a".repeat(32)) throw fail("TRB_COORDINATOR_INVITE_UNKNOWN");
      self.joins.push(member);
      members.set(member.node, member);
      const statement = { purpose: "plan", planHash: planHash(crypto, plan) };
      json({ plan, planSignature: signStatement({ sign }, statement), roster: roster() });
    } else if (kind === "ledger") {
      const from = Number(url.searchParams.get("from") ?? 0);
      const lines = self.show(self.ledger, from).slice(from);
      response.end(lines.map((line) => `${line}\n`).join(""));
    } else if (kind === "blobs") {
      response.end(blob(sha256Hex.parse(first)));
    } else if (kind === "rounds" && request.method === "GET") {
      json({ offset: 0 });
    } else if (kind === "rounds") {
      const header = String(request.headers["x-tributary-message"]);
      const message = parseMessage(JSON.parse(Buffer.from(header, "base64url").toString("utf8"))) as MessageOf<"masked">;
      const uploaded = store(new Uint8Array(body));
      self.uploads.push({ round: message.round, node: nodeId.parse(message.sender), sha256: uploaded, at: Date.now() });
      if (uploaded !== hash) throw fail("TRB_MESSAGE_INVALID", { path: "body", reason: "hash" });
      await happen({ type: "uploaded", message });
      response.writeHead(204).end();
    } else if (kind === "certificates") {
      throw fail("TRB_COORDINATOR_NO_CERTIFICATE", { sha256: first });
    } else throw fail("TRB_COORDINATOR_ROUTE_UNKNOWN", { method: request.method ?? "", path: url.pathname });
  };
  const server: Server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      const coded = isTributaryError(error) ? error : fail("TRB_NODE_CLOSED");
      response.writeHead(coded.status).end(JSON.stringify({ error: coded.toJSON() }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const self: TestCoordinator = {
    url,
    plan,
    ledger: [],
    uploads: [],
    joins: [],
    offers: [],
    erasures: [],
    rotations: [],
    finished: finished.promise,
    deliver: () => true,
    show: (lines) => lines,
    relay: (_, heads) => heads,
    bend: (model) => model,
    transport: {
      connectHttp,
      connectSocket: ({ node }, handlers) => {
        sockets.set(node, handlers);
        setImmediate(() => {
          handlers.connected();
          void happen({ type: "connected", node });
        });
        return {
          send: (message) => {
            if (sockets.get(node) !== handlers) return;
            const copy = parseMessage(JSON.parse(JSON.stringify(message)));
            void happen({ type: "message", message: copy }).catch((error: unknown) => {
              if (isTributaryError(error)) handlers.refused(error, "message");
            });
          },
          erased: (note) => void self.erasures.push(note),
          rotated: (member) => void self.rotations.push(member),
          heads: async (nonce, peers) =>
            self.relay(
              node,
              peers.flatMap((peer) => (peer === node ? [] : (sockets.get(peer)?.head(nonce) ?? []))),
            ),
          close: () => {
            if (sockets.get(node) === handlers) sockets.delete(node);
          },
        };
      },
    },
    invite: (node, overrides = {}) =>
      encodeInvite({
        federation: plan.federation,
        url,
        token: "a".repeat(32),
        fingerprint: sha256Hex.parse(overrides.fingerprint ?? sha256(Buffer.from(coordinatorKey, "hex"))),
        node: nodeId.parse(node),
      }),
    begin() {
      const { entry, line, head } = genesisEntry({ plan, roster: roster() }, context());
      self.ledger.push(line);
      state = createCoordinator({ genesis: entry, head });
      announce();
      void start();
    },
    sign: (document) => signDocument({ sign }, document),
    async tell(node, message) {
      await sockets.get(nodeId.parse(node))?.message(structuredClone(message));
    },
    async close() {
      closed = true;
      for (const timer of timers) clearTimeout(timer);
      sockets.clear();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await turn;
    },
  };
  return self;
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk);
  return Buffer.concat(chunks);
}
