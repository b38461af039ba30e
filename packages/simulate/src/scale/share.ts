/**
 * One thread's share of a round. The main thread has one as well, so that a run in one thread does the same as a run in many: what is added
 * up are integers modulo 2³² (or below 2⁵³), so who does which node changes no bit.
 */
import {
  addClamped,
  addNoisyVector,
  clampToQuota,
  ditherAndShift,
  noisyPackedVector,
  noisyVector,
  toModular,
} from "@tributary/dp";
import type { FederationModel } from "@tributary/federation";
import { roundParameters } from "@tributary/federation";
import { type Crypto, type Plan, randomSourceFromSeed, wireFormOf } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import type { AdversaryKind } from "./conditions.ts";
import { type NodeWork, openNodeWork, type WorkSetup } from "./node-work.ts";
import { openSeats, type SeatResult, type SeatSetup, type Seats, type SeatWord } from "./seats.ts";

export interface ShareSetup extends WorkSetup {
  readonly adversary: AdversaryKind;
  /** What the state machines need; only with full secure aggregation. */
  readonly seats?: SeatSetup | undefined;
}

/** Nodes of a round that all threads take from, one at a time: `next[0]` is the place in `nodes` that nobody has yet. */
interface Queue {
  readonly nodes: Uint32Array;
  readonly next: Int32Array;
}

export type ShareWord =
  | { readonly type: "ready" }
  | { readonly type: "model"; readonly model: FederationModel }
  /** Adds the vectors of nodes from the queue to `sum`, which is this thread's own: modulo 2³² with every node's share of the noise. */
  | (AddWord & { readonly type: "addNoisy"; readonly sum: Uint32Array })
  /** The same in grid units, without noise: what central noise is added to. */
  | (AddWord & { readonly type: "addPlain"; readonly sum: Float64Array })
  /** Adds up all threads' sums and puts the noise of the whole round on it, slice by slice; the sums are 0 afterwards. */
  | {
      readonly type: "finishCentrally";
      readonly round: number;
      readonly release: number;
      readonly parts: readonly Float64Array[];
      readonly sum: Uint32Array;
      readonly next: Int32Array;
    }
  | SeatWord
  | { readonly type: "close" };

interface AddWord {
  readonly round: number;
  readonly release: number;
  readonly queue: Queue;
  /** Those of the nodes that cheat. */
  readonly adversaries: readonly number[];
}

export interface ShareResult {
  /** Milliseconds inside training graphs, since the thread began. */
  readonly kernelMilliseconds: number;
  readonly seats?: SeatResult;
}

export interface Share {
  obey(word: ShareWord): Promise<ShareResult>;
}

/** Coordinates that have one stream of central noise: threads take slices, and how many threads there are changes nothing. */
const sliceLength = 1 << 16;

export async function openShare(setup: ShareSetup, crypto: Crypto, executor: Executor): Promise<Share> {
  const work = await openNodeWork(setup, crypto, executor);
  const { plan } = setup;
  let model: FederationModel | undefined;
  /** ONNX Runtime takes no memory that threads share, and a round's model is written over by the round after the next. */
  const ownCopy = ({ parameters, statistics }: FederationModel): FederationModel => {
    if (setup.work === "given") return { parameters, statistics }; // nobody reads it
    const own = model?.parameters.length === parameters.length ? model.parameters : new Float32Array(parameters.length);
    own.set(parameters);
    return { parameters: own, statistics };
  };
  const current = (): FederationModel => model ?? { parameters: new Float32Array(), statistics: undefined };
  const vectorOf = async (node: number, round: number, release: number, cheats: boolean): Promise<Uint32Array> => {
    const total = await work.sum(node, round, release, current());
    return cheats ? misbehave(setup, work, total, node, round, release) : honest(plan, work, total, node, round, release);
  };
  const seats: Seats | undefined = setup.seats && openSeats(setup, setup.seats, crypto, vectorOf);

  async function obey(word: ShareWord): Promise<SeatResult | undefined> {
    switch (word.type) {
      case "ready":
        return undefined;
      case "model":
        model = ownCopy(word.model);
        return undefined;
      case "addNoisy":
        for (const node of taken(word.queue)) {
          const { round, release, sum } = word;
          const cheats = word.adversaries.includes(node);
          if (cheats || plan.releases[release]?.packing !== undefined) {
            const vector = await vectorOf(node, round, release, cheats);
            for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (vector[i] as number);
          } else {
            const total = await work.sum(node, round, release, current());
            addNoisyVector(sum, total, roundParameters(plan, release), streams(work, node, round));
          }
        }
        return undefined;
      case "addPlain":
        for (const node of taken(word.queue)) {
          const { round, release, sum } = word;
          if (!word.adversaries.includes(node)) {
            await work.addTo(sum, node, round, release, current());
            continue;
          }
          const { clampBound } = roundParameters(plan, release);
          const total = await work.sum(node, round, release, current());
          cheatPlainly(setup, work, total, node, round, clampBound);
          addClamped(sum, total, clampBound);
        }
        return undefined;
      case "finishCentrally":
        finishCentrally(setup, crypto, word);
        return undefined;
      case "close":
        await work.close();
        return undefined;
      default:
        return seats?.obey(word);
    }
  }
  return {
    async obey(word) {
      const result = await obey(word);
      return { kernelMilliseconds: work.kernelMilliseconds(), ...(result === undefined ? {} : { seats: result }) };
    },
  };
}

/** Nodes, as long as there are any that no other thread has. */
function* taken({ nodes, next }: Queue): Generator<number> {
  for (let place = Atomics.add(next, 0, 1); place < nodes.length; place = Atomics.add(next, 0, 1)) yield nodes[place] as number;
}

function streams(work: NodeWork, node: number, round: number) {
  return { rounding: work.random(node, round, "rounding"), noise: work.random(node, round, "noise") };
}

function honest(plan: Plan, work: NodeWork, total: Float64Array, node: number, round: number, release: number): Uint32Array {
  const { packed, ...parameters } = roundParameters(plan, release);
  const random = streams(work, node, round);
  if (packed === undefined) return noisyVector(total, parameters, random);
  return noisyPackedVector(total, { ...parameters, packed }, work.rotation(round), random);
}

function misbehave(
  { plan, adversary }: ShareSetup,
  work: NodeWork,
  total: Float64Array,
  node: number,
  round: number,
  release: number,
): Uint32Array {
  const { clampBound, grid } = roundParameters(plan, release);
  switch (adversary) {
    case "flip":
      flip(total, plan.customerQuota);
      return honest(plan, work, total, node, round, release);
    case "largest":
      push(total, clampBound);
      return honest(plan, work, total, node, round, release);
    case "noise": {
      const words = new Uint32Array(wireFormOf(plan, release).coordinates);
      work.random(node, round, "noise").fill(new Uint8Array(words.buffer));
      return words;
    }
    case "freeRide":
      clampToQuota(total, clampBound);
      return toModular(ditherAndShift(total, grid.fractionBits, work.random(node, round, "rounding")));
  }
}

/** Where noise is central there is no share of it to keep back, and a sum is a number of the grid. */
function cheatPlainly(
  { plan, adversary }: ShareSetup,
  work: NodeWork,
  total: Float64Array,
  node: number,
  round: number,
  clampBound: number,
): void {
  if (adversary === "flip") flip(total, plan.customerQuota);
  if (adversary === "largest") push(total, clampBound);
  if (adversary !== "noise") return;
  const words = new Int32Array(total.length);
  work.random(node, round, "noise").fill(new Uint8Array(words.buffer));
  for (let i = 0; i < total.length; i++) total[i] = Math.trunc(((words[i] as number) / 2 ** 31) * clampBound);
}

function flip(total: Float64Array, times: number): void {
  for (let i = 0; i < total.length; i++) total[i] = -times * (total[i] as number);
}

function push(total: Float64Array, bound: number): void {
  for (let i = 0; i < total.length; i++) total[i] = (total[i] as number) > 0 ? -bound : bound;
}

/** z·Δ in all, from one draw a coordinate: what the honest minimum of shares comes to, as one discrete Gaussian. */
function finishCentrally(
  { plan, seed }: ShareSetup,
  crypto: Crypto,
  { round, release, parts, sum, next }: Extract<ShareWord, { type: "finishCentrally" }>,
): void {
  const { grid, nodeVariance, honestNodes } = roundParameters(plan, release);
  const variance = { numerator: nodeVariance.numerator * BigInt(honestNodes), denominator: nodeVariance.denominator };
  const slices = Math.ceil(sum.length / sliceLength);
  for (let slice = Atomics.add(next, 0, 1); slice < slices; slice = Atomics.add(next, 0, 1)) {
    const [start, end] = [slice * sliceLength, Math.min(sum.length, (slice + 1) * sliceLength)];
    const [first, ...others] = parts.map((part) => part.subarray(start, end));
    if (first === undefined) return;
    for (const other of others) {
      for (let i = 0; i < first.length; i++) first[i] = (first[i] as number) + (other[i] as number);
      other.fill(0);
    }
    const stream = (purpose: string) => randomSourceFromSeed(crypto, seed, "coordinator", String(slice), round, purpose);
    const query = { dimension: first.length, clampBound: Number.POSITIVE_INFINITY, grid, nodeVariance: variance };
    addNoisyVector(sum.subarray(start, end).fill(0), first, query, { rounding: stream("rounding"), noise: stream("noise") });
  }
}
