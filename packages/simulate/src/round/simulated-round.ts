/**
 * Rounds of secure aggregation in one process: the state machines of both sides, every signature, share and mask, without disk, network,
 * training and noise. Nodes are seated over threads; the coordinator is on the calling one. Beside the rounds stands what their masks' bytes
 * take the bare cipher in the same threads.
 */
import type { PackedBits } from "@tributary/dp";
import { fail } from "@tributary/errors";
import {
  type CoordinatorEvent,
  type CoordinatorState,
  createCoordinator,
  type NodeEvent,
  type SumEffect,
  stepCoordinator,
} from "@tributary/federation";
import { softwareHash } from "@tributary/ledger/software";
import { startThread, type Thread } from "@tributary/model/workers";
import {
  fingerprintOf,
  type Message,
  type NodeId,
  randomSourceFromSeed,
  type Sha256,
  toHex,
  wireFormOf,
} from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { nodeName } from "../scale/node-work.ts";
import { identitySecret, type LedgerView, type OwnState } from "../scale/seats.ts";
import { coordinatorKeyOf, found } from "../scale/secure-path.ts";
import { roundPlan } from "./round-plan.ts";
import type { RoundAnswer, RoundThreadSetup, RoundWord } from "./round-words.ts";

export interface SimulatedRoundRequest {
  readonly nodes: number;
  readonly parameters: number;
  /** Nodes that fall silent after they have shared their secrets, and before they upload. */
  readonly dropouts: number;
  readonly rounds: number;
  readonly threads: number;
  /** What a coordinate is sent in; 32 unless given. */
  readonly bits?: PackedBits | undefined;
}

/** One phase of one round. */
export interface SimulatedPhase {
  readonly round: number;
  readonly phase: string;
  readonly seconds: number;
  /** Processor seconds. */
  readonly coordinatorCpu: number;
  readonly nodesCpu: number;
  /** At the coordinator: control messages as JSON, vectors as they are. */
  readonly bytesIn: number;
  readonly bytesOut: number;
}

export interface SimulatedRounds {
  readonly dimension: number;
  readonly phases: readonly SimulatedPhase[];
  /** Of one round, putting on and taking off. */
  readonly maskBytes: number;
  /** For so many bytes in the same threads, once after each round. */
  readonly cipher: readonly Spent[];
  /** The same, as a loop over `cipher.update` has it, whose buffers the garbage collector finds. */
  readonly loop: readonly Spent[];
  /** The same vectors made and added up as they are, once after each round. */
  readonly plain: readonly Spent[];
}

interface Spent {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

const seed = new Uint8Array(32).fill(1);

/** @throws TRB_UNEXPECTED when a sum is not the survivors', and what the state machines throw */
export async function simulateRounds(request: SimulatedRoundRequest): Promise<SimulatedRounds> {
  const { nodes, dropouts, rounds, threads } = request;
  const crypto = nodeCrypto();
  const coordinatorKey = coordinatorKeyOf(crypto, seed);
  const { plan } = roundPlan(crypto, { ...request, coordinatorKey, uploadDeadline: 1 });
  const dimension = plan.releases[0]?.dimension ?? 0;
  const { coordinates, words } = wireFormOf(plan, 0);
  const { genesis, head } = found(plan, nodes, seed, crypto);
  const secret = identitySecret(crypto, seed, "coordinator", "");
  const context = {
    crypto,
    random: (round: number, purpose: string) => randomSourceFromSeed(crypto, seed, "coordinator", "", round, purpose),
    sign: (message: Uint8Array) => crypto.sign(message, secret),
    now: "2000-01-01T00:00:00.000Z",
    software: softwareHash(import.meta.url),
  };
  const policy = {
    ...{ maxEpsilon: plan.epsilon, delta: plan.delta, minCohort: plan.minCohort, releases: ["training" as const] },
    trustedPeers: genesis.roster.map(({ key }) => fingerprintOf(crypto, key)),
  };
  const setup: RoundThreadSetup = { plan, seed, nodes, genesis, head };
  const team = Array.from(
    { length: threads },
    (_, place): Thread<RoundWord, RoundAnswer> =>
      startThread(new URL("./round-worker.ts", import.meta.url), `nodes ${place}`, setup),
  );
  const cpu = team.map(() => 0);
  const all = async (wordOf: (thread: number) => RoundWord) => {
    const answers = await Promise.all(team.map((thread, place) => thread.ask(wordOf(place))));
    for (const [place, answer] of answers.entries()) cpu[place] = answer.cpu;
    return answers.map(({ seats }) => seats);
  };
  const names = Array.from({ length: nodes }, (_, node) => nodeName(node, nodes) as NodeId);
  const numberOf = new Map<string, number>(names.map((name, node) => [name, node]));
  const phases: SimulatedPhase[] = [];
  const [cipher, loop, plain]: [Spent[], Spent[], Spent[]] = [[], [], []];
  const uploading = nodes - dropouts;
  const streams = uploading * nodes + uploading + dropouts * uploading;
  let coordinator = createCoordinator({ genesis, head });
  let view: LedgerView | undefined;
  const own = new Map<number, OwnState>();

  const runRound = async (): Promise<void> => {
    await all((thread) => ({
      ...{ type: "seat", view, policy },
      nodes: names.flatMap((_, node) => (node % threads === thread ? [{ node, own: own.get(node), cheats: false }] : [])),
    }));
    let meter = begin("keys");
    const inbox: CoordinatorEvent[] = [{ type: "start", online: names }];
    const outbox: { readonly node: number; readonly event: NodeEvent }[] = [];
    const silent = new Set<number>();
    let deadline: { readonly round: number; readonly phase: string } | undefined;
    let over = false;
    const tell = (to: NodeId, message: Message) => {
      const node = numberOf.get(to) ?? -1;
      if (message.step === "envelopes" && node < dropouts) silent.add(node);
      const news = message.step === "result" || message.step === "abort"; // by then it is back
      if (news || !silent.has(node)) outbox.push({ node, event: { type: "message", message } });
    };
    const take = async (event: CoordinatorEvent): Promise<void> => {
      const before: CoordinatorState = coordinator;
      const step = stepCoordinator(coordinator, event, context);
      coordinator = step.state;
      for (const effect of step.effects) {
        if (effect.type === "send") {
          meter.bytesOut += effect.to.length * JSON.stringify(effect.message).length;
          for (const to of effect.to) tell(to, effect.message);
        } else if (effect.type === "setDeadline") deadline = effect;
        else if (effect.type === "roundEnded") over = true;
        else if (effect.type === "apply") {
          inbox.push({ type: "applied", round: effect.round, modelHash: effect.sumHash, optimiserHash: null });
        }
      }
      const phase = coordinator.round?.phase;
      if (phase !== before.round?.phase && before.round !== null) {
        end(meter, coordinator.lastRound);
        meter = begin(phase ?? "over");
      }
      for (const effect of step.effects) {
        if (effect.type === "sum") inbox.push({ type: "summed", round: effect.round, sumHash: await sum(effect) });
      }
    };
    while (!over || outbox.length > 0) {
      const event = inbox.shift();
      if (event !== undefined) await take(event);
      else if (outbox.length > 0) {
        const events = outbox.splice(0);
        const seats = await all((thread) => ({
          type: "deliver",
          events: events.filter(({ node }) => node % threads === thread),
        }));
        const messages = seats.flatMap(({ messages: said = [] }) => said);
        const uploads = seats.flatMap(({ uploads: sent = [] }) => sent);
        for (const message of [...messages, ...uploads]) meter.bytesIn += JSON.stringify(message).length;
        meter.bytesIn += 4 * words * uploads.length;
        inbox.push(...messages.map((message) => ({ type: "message" as const, message })));
        inbox.push(...uploads.map((message) => ({ type: "uploaded" as const, message })));
      } else if (deadline !== undefined) {
        inbox.push({ type: "deadline", round: deadline.round, phase: deadline.phase });
        deadline = undefined;
      } else throw fail("TRB_SIMULATE_STALLED", { round: coordinator.lastRound });
    }
    for (const { states = [], view: seen } of await all(() => ({ type: "rise" }))) {
      for (const state of states) own.set(state.node, state.own);
      view = seen ?? view;
    }
  };

  const sum = async ({ round, length, bits = 32, uploads, unmasking }: SumEffect): Promise<Sha256> => {
    const mine = <Mask>(masks: readonly Mask[], thread: number) => masks.filter((_, place) => place % threads === thread);
    const parts = await all((thread) => ({
      ...{ type: "sum", round, length, bits, uploads },
      unmasking: { ownMasks: mine(unmasking.ownMasks, thread), pairMasks: mine(unmasking.pairMasks, thread) },
    }));
    const [first = new Uint32Array(), ...others] = parts.flatMap((part) => part.sum ?? []);
    for (const other of others) for (let i = 0; i < first.length; i++) first[i] = (first[i] as number) + (other[i] as number);
    for (const i of [1, length >> 1, length - 1]) {
      const expected = (uploading * (Math.imul(i, 0x9e37_79b1) >>> 12)) % 2 ** bits;
      if ((first[i] as number) % 2 ** bits !== expected)
        throw fail("TRB_UNEXPECTED", { reason: `coordinate ${i} of the sum of round ${round} is wrong` });
    }
    return toHex(crypto.sha256(new Uint8Array(first.buffer, first.byteOffset, first.byteLength))) as Sha256;
  };

  const spent = () => cpu.reduce((total, one) => total + one, 0);
  const timed = async (wordOf: (thread: number) => RoundWord): Promise<Spent> => {
    const [started, before] = [performance.now(), spent()];
    await all(wordOf);
    return { seconds: (performance.now() - started) / 1e3, cpuSeconds: (spent() - before) / 1e3 };
  };
  const mainCpu = () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1e3;
  };
  const begin = (phase: string) => ({ phase, at: performance.now(), main: mainCpu(), nodes: spent(), bytesIn: 0, bytesOut: 0 });
  const end = ({ phase, at, main, nodes: before, bytesIn, bytesOut }: ReturnType<typeof begin>, round: number) => {
    phases.push({
      ...{ round, phase, seconds: (performance.now() - at) / 1e3 },
      ...{ coordinatorCpu: (mainCpu() - main) / 1e3, nodesCpu: (spent() - before) / 1e3, bytesIn, bytesOut },
    });
  };

  try {
    for (let round = 0; round < rounds; round++) {
      await runRound();
      const share = (count: number, thread: number) => Math.floor((count + thread) / threads);
      const bare = (givesBack: boolean) => timed((thread) => ({ type: "cipher", streams: share(streams, thread), givesBack }));
      cipher.push(await bare(true));
      loop.push(await bare(false));
      plain.push(await timed((thread) => ({ type: "plain", vectors: share(uploading, thread) })));
    }
    return { dimension, phases, maskBytes: 4 * coordinates * streams, cipher, loop, plain };
  } finally {
    await Promise.all(team.map((thread) => thread.end({ type: "close" })));
  }
}
