/**
 * A node for the coordinator's tests: the real reducer behind a real socket and real HTTP, with a fixed vector instead of
 * training and memory instead of a disk. And a small federation that the linter accepts.
 */
import { randomBytes } from "node:crypto";
import { calibrateNoise, chooseScale } from "@tributary/dp";
import {
  type Context,
  createNode,
  graphHashOf,
  initialModel,
  type NodeEffect,
  type NodeEvent,
  type NodeState,
  stepNode,
} from "@tributary/federation";
import { emptyHead, headAfter, parseLine } from "@tributary/ledger";
import { softwareHash } from "@tributary/ledger/software";
import { encodeModel, graphVersion, type ModelSpec, modelSpec, parameterCount } from "@tributary/model";
import {
  decodeInvite,
  fingerprintOf,
  formatDecimal,
  helloStatement,
  identityKey,
  type MessageOf,
  type NodeId,
  nodeId,
  type Plan,
  parseMessage,
  protocolVersion,
  signMember,
  signStatement,
  toHex,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { io, type Socket } from "socket.io-client";
import { coordinatorIdentity } from "./home/identity.ts";
import { systemRandom } from "./home/random.ts";
import { sha256Of } from "./storage/blobs.ts";
import { bytesOfWords } from "./storage/uploads.ts";

const crypto = nodeCrypto();
export const catalogue = new TextEncoder().encode('{"id":"a"}\n{"id":"b"}\n');

export const model: ModelSpec = modelSpec({
  items: 2,
  length: 2,
  width: 4,
  blocks: 1,
  heads: 1,
  feedForward: 1,
  activation: "relu",
  positions: "learned",
  actions: 0,
  timeGaps: 0,
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
});
export const dimension = parameterCount(model);

/** A plan for four nodes, one of which may be missing. */
export function testPlan(home: string, overrides: Partial<Plan> = {}): Plan {
  const rounds = 2;
  const noise = calibrateNoise({ epsilon: 8, delta: 1e-6, samplingRate: 0.2, steps: rounds });
  const noiseMultiplier = formatDecimal(noise * 1.001, "up");
  const { scale } = chooseScale({
    ...{ totalQuota: 4 * 64, clipNorm: "1", noiseMultiplier, dimension, maxNodes: 4, honestMinimum: 3 },
  });
  return {
    version: 1,
    federation: "test",
    unit: "customer",
    maxMerchantsPerCustomer: 1,
    model,
    graphVersion,
    graphHash: graphHashOf(crypto, model),
    initialModelHash: sha256Of(encodeModel(model, initialModel(crypto, model))),
    catalogueHash: sha256Of(catalogue),
    catalogueProvenance: "public",
    actions: ["view"],
    caps: { maxEvents: 100, maxItems: 100, maxPairs: 0, localSteps: 1 },
    local: { learningRate: formatDecimal(1), proximal: formatDecimal(0), epochs: 1, batchSize: 32 },
    releases: [
      {
        kind: "training",
        arithmetic: "bucketed",
        clipNorm: formatDecimal(1),
        samplingRate: formatDecimal(0.2),
        noiseMultiplier,
        rounds,
        dimension,
        touched: dimension,
        scale: formatDecimal(Number(scale)),
        fractionBits: 4,
      },
    ],
    noiseMode: "distributed",
    sampler: "exact",
    accountant: "rdp-integer",
    epsilon: formatDecimal(8),
    delta: formatDecimal(1e-6),
    minCustomers: 100,
    minCohort: 3,
    maxCorrupt: 0,
    threshold: "quorum",
    customerQuota: 64,
    deadlines: { keys: 4000, shares: 4000, uploadOffset: 100, masked: 4000, consistency: 4000, unmask: 4000, grace: 5000 },
    optimiser: { name: "fedavg", learningRate: formatDecimal(1), momentum: formatDecimal(0) },
    coordinatorKey: coordinatorIdentity(home).key,
    ...overrides,
  };
}

export interface Answer {
  readonly ok?: true;
  readonly error?: { readonly code: string };
}

/** A secret, and what can be done with it. */
export function testIdentity() {
  const secret = new Uint8Array(randomBytes(32));
  const key = identityKey.parse(toHex(crypto.signingPublicKey(secret)));
  return { key, sign: (message: Uint8Array) => crypto.sign(message, secret) };
}
export type TestIdentity = ReturnType<typeof testIdentity>;

/** Calls `POST /v1/join` and gives back the answer. */
export async function join(
  invite: string,
  who: TestIdentity,
  name?: string,
): Promise<{ status: number; body: { error?: { code: string } } }> {
  const { federation, url, token, node: invited } = decodeInvite(invite);
  const member = signMember(who, federation, { node: nodeId.parse(name ?? invited), key: who.key, kind: "merchant" });
  const response = await fetch(`${url}/v1/join`, {
    ...{ method: "POST", headers: { "content-type": "application/json" } },
    body: JSON.stringify({ token, member }),
  });
  return { status: response.status, body: (await response.json()) as { error?: { code: string } } };
}

/** A connection that has said hello, or was refused. What the coordinator says right after it is not missed: `listen` comes first. */
export async function connect(
  url: string,
  federation: string,
  node: NodeId,
  who: TestIdentity,
  listen: (socket: Socket) => void = () => {},
  version = protocolVersion,
): Promise<{ socket: Socket; answer: Answer }> {
  const socket = io(url, { transports: ["websocket"], reconnection: false, forceNew: true });
  listen(socket);
  const answer = await new Promise<Answer>((resolve, reject) => {
    socket.once("connect_error", reject);
    socket.once("challenge", ({ nonce }: { nonce: string }) => {
      const signature = signStatement(who, helloStatement(federation, nonce, node, version));
      socket.emit("hello", { node, version, signature }, resolve);
    });
  });
  return { socket, answer };
}

export interface ScriptedNode {
  readonly node: NodeId;
  readonly who: TestIdentity;
  /** Codes of refusals that the coordinator answered with. */
  readonly refused: string[];
  /** Rounds that were offered, in order. */
  readonly offers: number[];
  ledger(): readonly string[];
  connect(url: string): Promise<void>;
  disconnect(): void;
  /** Called before each upload, with what will be sent. */
  beforeUpload: ((message: MessageOf<"masked">, body: Uint8Array) => Promise<void>) | undefined;
  /** Called when the coordinator hung up; `latest` unless the node has connected again since. */
  onHangUp: ((latest: boolean) => void) | undefined;
}

/** Everything that the node remembers outlives its connections, as on a disk. */
export function scriptedNode(plan: Plan, node: NodeId, who: TestIdentity, peers: () => readonly TestIdentity[]): ScriptedNode {
  const lines: string[] = [];
  const refused: string[] = [];
  const offers: number[] = [];
  let state: NodeState | undefined;
  let vector: Uint32Array | undefined;
  let url = "";
  let socket: Socket | undefined;
  let queue: Promise<void> = Promise.resolve();
  const software = softwareHash(import.meta.url);
  const context = (): Context => ({ crypto, random: systemRandom, sign: who.sign, now: new Date().toISOString(), software });

  const later = (work: () => Promise<void>) => {
    queue = queue.then(work).catch((error: unknown) => {
      refused.push(error instanceof Error && "code" in error ? String(error.code) : String(error));
    });
  };

  async function catchUp(): Promise<void> {
    const text = await (await fetch(`${url}/v1/ledger?from=${lines.length}`)).text();
    const fresh = text.split("\n").filter((line) => line !== "");
    if (state === undefined) {
      const [first] = fresh.splice(0, 1);
      const genesis = first === undefined ? undefined : parseLine(first);
      if (first === undefined || genesis?.kind !== "genesis") return;
      const policy = {
        ...{ maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort, releases: ["training" as const] },
        trustedPeers: peers().map(({ key }) => fingerprintOf(crypto, key)),
      };
      lines.push(first);
      state = createNode({ self: node, genesis, head: headAfter(crypto, emptyHead, first), policy });
    }
    if (fresh.length > 0) await step({ type: "ledger", lines: fresh });
  }

  async function step(event: NodeEvent): Promise<void> {
    if (state === undefined) return;
    const next = stepNode(state, event, context());
    state = next.state;
    for (const effect of next.effects) await carryOut(effect);
  }

  async function carryOut(effect: NodeEffect): Promise<void> {
    switch (effect.type) {
      case "persist":
        vector = effect.vector ?? vector;
        return;
      case "startTraining":
        later(() => step({ type: "trained", round: effect.round, vector: new Uint32Array(dimension).fill(effect.round) }));
        return;
      case "send":
        socket?.emit("message", effect.message, (answer: Answer) => {
          if (answer.error) refused.push(answer.error.code);
        });
        return;
      case "upload":
        if (vector === undefined) throw new Error("nothing to upload");
        await self.beforeUpload?.(effect.message, bytesOfWords(vector));
        if ((await uploadInTurn(url, effect.message, bytesOfWords(vector))).status === 204) {
          later(() => step({ type: "uploaded", round: effect.message.round }));
        }
        return;
      case "appendLedger":
        if (effect.entry.index === lines.length) lines.push(effect.line);
        return;
      default:
        return;
    }
  }

  function listen(fresh: Socket): void {
    socket = fresh;
    fresh.on("disconnect", (reason) => {
      if (reason !== "io client disconnect") self.onHangUp?.(socket === fresh);
    });
    fresh.on("ledger", ({ entries }: { entries: number }) => {
      if (entries > lines.length) later(catchUp);
    });
    fresh.on("message", (value: unknown, acknowledge: (answer: unknown) => void) => {
      acknowledge({ ok: true });
      const message = parseMessage(value);
      if (message.step === "offer") offers.push(message.round);
      later(async () => {
        if (message.step === "offer") await catchUp();
        await step({ type: "message", message });
      });
    });
  }

  const self: ScriptedNode = {
    node,
    who,
    beforeUpload: undefined,
    onHangUp: undefined,
    refused,
    offers,
    ledger: () => lines,
    async connect(at) {
      url = at;
      const { answer } = await connect(at, plan.federation, node, who, listen);
      if (answer.error) throw new Error(answer.error.code);
      later(catchUp);
      later(() => step({ type: "connected" }));
    },
    disconnect: () => void socket?.disconnect(),
  };
  return self;
}

/** The same, again whenever the coordinator is busy. */
async function uploadInTurn(url: string, message: MessageOf<"masked">, body: Uint8Array): Promise<Response> {
  for (;;) {
    const response = await upload(url, message, body);
    if (response.status !== 503) return response;
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** `PUT` of one masked vector. */
export function upload(
  url: string,
  message: MessageOf<"masked">,
  body: Uint8Array,
  path = message.body.sha256,
): Promise<Response> {
  return fetch(`${url}/v1/rounds/${message.round}/vectors/${path}`, {
    method: "PUT",
    headers: {
      "content-type": "application/octet-stream",
      "x-tributary-message": Buffer.from(JSON.stringify(message)).toString("base64url"),
    },
    body: Buffer.from(body),
  });
}

/** Waits for a condition, and says which one never came. */
export async function until(what: string, holds: () => boolean | Promise<boolean>, milliseconds = 8000): Promise<void> {
  for (const end = Date.now() + milliseconds; !(await holds()); ) {
    if (Date.now() > end) throw new Error(`waited in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}
