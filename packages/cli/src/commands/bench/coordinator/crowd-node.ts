/**
 * A node of which many fit into one process: the reducer and the transport of real ones, a fixed vector in place of training and noise, and memory in place
 * of a disk. What all nodes of a process have in common (the ledger's lines, the genesis entry) is there once.
 */
import { type ControlConnection, type CoordinatorClient, connectHttp, connectSocket } from "@tributary/client";
import { fail, isTributaryError } from "@tributary/errors";
import { type Context, createNode, type NodeEffect, type NodeEvent, type NodeState, stepNode } from "@tributary/federation";
import { type EntryOf, emptyHead, headAfter, type LedgerHead, parseLine } from "@tributary/ledger";
import { softwareHash } from "@tributary/ledger/software";
import {
  type Crypto,
  decodeInvite,
  fingerprintOf,
  identityKey,
  type MessageOf,
  type NodeId,
  parseMessage,
  protocolVersion,
  randomSourceFromSeed,
  type Sha256,
  signMember,
  toHex,
  vectorOctets,
  wireFormOf,
} from "@tributary/protocol";
import { givenVector } from "../round/words.ts";

export interface CrowdNode {
  join(): Promise<void>;
  /** Settles when the coordinator has let it in. */
  connect(): Promise<void>;
  /** Settles when it has the ledger's closing entry. */
  readonly followed: Promise<void>;
  close(): Promise<void>;
}

/** The ledger as far as any node of the process has fetched it. */
export interface SharedLedger {
  /** Lines from entry `from` on, as a node heard them. @throws TRB_UNEXPECTED when another node heard others */
  add(from: number, lines: readonly string[]): void;
  readonly lines: readonly string[];
  /** Undefined before the federation begins. */
  founding(): Founding | undefined;
}

interface Founding {
  readonly genesis: EntryOf<"genesis">;
  readonly head: LedgerHead;
  readonly peers: readonly Sha256[];
}

export function sharedLedger(crypto: Crypto): SharedLedger {
  const lines: string[] = [];
  let founding: Founding | undefined;
  return {
    lines,
    add(from, heard) {
      for (const [place, line] of heard.entries()) {
        lines[from + place] ??= line;
        if (lines[from + place] !== line) throw fail("TRB_UNEXPECTED", { reason: "nodes were shown different ledgers" });
      }
    },
    founding() {
      const [first] = lines;
      if (founding !== undefined || first === undefined) return founding;
      const genesis = parseLine(first);
      if (genesis.kind !== "genesis") throw fail("TRB_UNEXPECTED", { reason: "a ledger without a genesis entry" });
      const peers = genesis.roster.map(({ key }) => fingerprintOf(crypto, key));
      founding = { genesis, head: headAfter(crypto, emptyHead, first), peers };
      return founding;
    },
  };
}

export interface CrowdNodeParts {
  readonly invite: string;
  /** Of the process; a node's own secrets follow from it and its name. */
  readonly seed: Uint8Array;
  readonly crypto: Crypto;
  readonly ledger: SharedLedger;
  /** A code with which the coordinator refused something. */
  readonly refused: (code: string) => void;
}

export function crowdNode({ invite: text, seed, crypto, ledger, refused }: CrowdNodeParts): CrowdNode {
  const { federation, url, token, node } = decodeInvite(text);
  const name: NodeId = node;
  const secret = new Uint8Array(32);
  randomSourceFromSeed(crypto, seed, "node", name, 0, "identity").fill(secret);
  const who = {
    key: identityKey.parse(toHex(crypto.signingPublicKey(secret))),
    sign: (message: Uint8Array) => crypto.sign(message, secret),
  };
  const client: CoordinatorClient = connectHttp(url);
  const software = softwareHash(import.meta.url);
  const context = (): Context => ({
    ...{ crypto, sign: who.sign, software, now: new Date().toISOString() },
    random: (round, purpose) => randomSourceFromSeed(crypto, seed, "node", name, round, purpose),
  });
  const followed = Promise.withResolvers<void>();
  let socket: ControlConnection | undefined;
  let state: NodeState | undefined;
  /** Entries that this node has. */
  let known = 0;
  let training: { readonly round: number; readonly release: number } | undefined;
  let vector: Uint32Array | undefined;
  let queue: Promise<void> = Promise.resolve();

  /** One after the other; what goes wrong is counted by its code. */
  const later = (work: () => Promise<void>): Promise<void> => {
    queue = queue.then(work).catch((error: unknown) => {
      refused(isTributaryError(error) ? error.code : error instanceof Error ? error.message : "unknown");
    });
    return queue;
  };

  function heard(from: number, lines: readonly string[]): void {
    ledger.add(from, lines);
    known = Math.max(known, from + lines.length);
    if (ledger.lines[known - 1]?.includes('"kind":"closing"')) followed.resolve(); // a line is canonical
  }

  async function follow(): Promise<void> {
    const from = Math.max(0, known - 1); // the last line that it has is compared
    const lines = await client.ledger(from);
    heard(from, lines);
  }

  /** With the ledger as far as this node has it. */
  async function requireState(): Promise<NodeState> {
    const founding = ledger.founding();
    if (founding === undefined) throw fail("TRB_UNEXPECTED", { reason: "a round before the federation begins" });
    const { genesis, head, peers } = founding;
    const { epsilon: maxEpsilon, delta, minCohort } = genesis.plan;
    state ??= createNode({
      ...{ self: name, genesis, head },
      policy: { maxEpsilon, delta, minCohort, releases: ["training"], trustedPeers: peers },
    });
    const lines = ledger.lines.slice(state.head.entries, known);
    if (lines.length > 0) await step({ type: "ledger", lines });
    return state;
  }

  async function step(event: NodeEvent): Promise<void> {
    if (state === undefined) return;
    const next = stepNode(state, event, context());
    state = next.state;
    for (const effect of next.effects) carryOut(effect);
    await maskWhenReady();
  }

  async function maskWhenReady(): Promise<void> {
    // made when it is masked at once, so that few are in memory
    if (training !== undefined && state?.round?.phase === "masking") {
      const { round, release } = training;
      training = undefined;
      const { coordinates } = wireFormOf(state.plan, release);
      await step({ type: "trained", round, vector: givenVector(coordinates) });
    }
  }

  function carryOut(effect: NodeEffect): void {
    switch (effect.type) {
      case "persist":
        vector = effect.vector ?? vector;
        return;
      case "startTraining":
        void fetchModel(effect);
        return;
      case "send":
        socket?.send(effect.message);
        return;
      case "upload":
        void upload(effect.message);
        return;
      case "eraseVector":
        vector = undefined;
        return;
      case "appendLedger":
        heard(effect.entry.index, [effect.line]);
        return;
      case "stopTraining":
        training = undefined;
        return;
      case "eraseSecrets": // nothing was written
      case "settle":
      case "setExpiry":
    }
  }

  /** As a real one does; here nothing is trained on it. */
  async function fetchModel({ round, release, modelHash }: Extract<NodeEffect, { type: "startTraining" }>): Promise<void> {
    try {
      await client.blob(modelHash);
    } catch (error) {
      return refused(isTributaryError(error) ? error.code : "unknown");
    }
    await later(async () => {
      training = { round, release };
      await maskWhenReady();
    });
  }

  async function upload(message: MessageOf<"masked">): Promise<void> {
    const octets = vector === undefined ? undefined : vectorOctets(vector);
    await later(async () => {}); // behind what this node does now
    try {
      if (octets === undefined) throw fail("TRB_NODE_VECTOR_MISSING", { round: message.round });
      await client.upload(message, octets, { retries: Number.POSITIVE_INFINITY });
      await later(() => step({ type: "uploaded", round: message.round }));
    } catch (error) {
      refused(isTributaryError(error) ? error.code : "unknown");
    }
  }

  return {
    followed: followed.promise,
    async join() {
      await client.join(token, signMember(who, federation, { node: name, key: who.key, kind: "merchant" }));
    },
    connect: () =>
      new Promise<void>((resolve) => {
        socket = connectSocket(
          { url, federation, node: name, sign: who.sign },
          {
            connected() {
              resolve();
              void later(async () => {
                await follow();
                await step({ type: "connected" });
              });
            },
            disconnected() {},
            async message(payload) {
              const message = parseMessage(payload, protocolVersion);
              void later(async () => {
                if (message.step === "offer") {
                  await follow();
                  await requireState();
                }
                await step({ type: "message", message });
              });
            },
            ledger(entries) {
              void later(async () => {
                if (entries > known) await follow();
              });
            },
            refused: (error) => refused(error.code),
            head: () => undefined,
          },
        );
      }),
    async close() {
      socket?.close();
      await client.close();
    },
  };
}
