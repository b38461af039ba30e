/**
 * What a node computes in a round, wherever it runs: its sum on the grid, and its noisy vector. `packages/model` does the work, as it does for
 * a real node (`client/src/training/serve.ts`); here it is found by a node's number, and all streams follow from one seed.
 */
import { addClamped, addCustomer, clearSupported, emptySupport, type RandomSource } from "@tributary/dp";
import { fail } from "@tributary/errors";
import {
  type FederationModel,
  localUpdatesOf,
  negativesSource,
  type Purpose,
  rotationSource,
  roundParameters,
  statisticsCapsOf,
} from "@tributary/federation";
import { type ItemContent, openTrainer, statisticsSum, type TrainingVectorRequest, trainingSum } from "@tributary/model";
import { type Crypto, type Plan, planHash, randomSourceFromSeed, releaseOf } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { historiesOf, type Population } from "./population.ts";

/** All that never changes in a run; it goes to every thread once. */
export interface WorkSetup {
  readonly plan: Plan;
  /** 32 bytes. All randomness follows from it: a simulation protects nobody. */
  readonly seed: Uint8Array;
  readonly population: Population;
  /**
   * `histories`: what the plan's releases ask of customers. `given`: each node clips and adds one vector that it is given, in place of training:
   * what is left is the cost of a round without its training.
   */
  readonly work: "histories" | "given";
  readonly content?: ItemContent | undefined;
  readonly now?: number | undefined;
  /** False: neither norms nor clipping, for a twin without privacy whose sums nobody releases. */
  readonly clipped?: boolean;
}

export interface NodeWork {
  /** @returns [dimension] grid units; the array may be used again for the next node */
  sum(node: number, round: number, release: number, model: FederationModel): Promise<Float64Array>;
  /**
   * Adds the node's clamped sum to another one. @param sum [dimension] grid units, changed in place
   */
  addTo(sum: Float64Array, node: number, round: number, release: number, model: FederationModel): Promise<void>;
  random(node: number, round: number, purpose: Purpose): RandomSource;
  /** Everybody's, of a packed release. */
  rotation(round: number): RandomSource;
  /** Milliseconds spent inside the training graphs so far. */
  kernelMilliseconds(): number;
  close(): Promise<void>;
}

export function nodeName(node: number, nodes: number): string {
  return `n${String(node).padStart(String(nodes - 1).length, "0")}`;
}

export async function openNodeWork(setup: WorkSetup, crypto: Crypto, executor: Executor): Promise<NodeWork> {
  const { plan, seed, population, content, now } = setup;
  const kernels = timed(executor);
  const trains = setup.work === "histories" && plan.releases.some(({ kind }) => kind === "training");
  const options = { content, now, trained: plan.trained, clipped: setup.clipped ?? true };
  const trainer = trains ? await openTrainer(plan.model, kernels.executor, localUpdatesOf(plan), options) : undefined;
  const parametersOf = remembered((release: number) => roundParameters(plan, release));
  const given = remembered((release: number) => givenUpdate(releaseOf(plan, release).dimension));
  const room = remembered((release: number) => new Float64Array(releaseOf(plan, release).dimension));
  const supported = remembered((release: number) => {
    const { dimension } = releaseOf(plan, release);
    return { into: new Float64Array(dimension), support: emptySupport(dimension) };
  });
  const hash = planHash(crypto, plan);
  const random = (node: number, round: number, purpose: Purpose) =>
    randomSourceFromSeed(crypto, seed, "node", nodeName(node, population.nodes), round, purpose);
  async function sumOf(
    node: number,
    round: number,
    release: number,
    { parameters, statistics }: FederationModel,
    made: Pick<TrainingVectorRequest, "into" | "support"> = { into: room(release) },
  ): Promise<Float64Array> {
    const { kind } = releaseOf(plan, release);
    const query = parametersOf(release);
    if (setup.work === "given") {
      const total = room(release).fill(0);
      addCustomer(total, given(release), query.grid, query.touched);
      return total;
    }
    const common = { ...query, histories: historiesOf(population, node) };
    if (kind === "metrics" || kind === "features" || kind === "query") {
      throw fail("TRB_PLAN_METRICS_UNFIT", { reason: "the simulation at scale runs popularity, pairs and training alone" });
    }
    if (kind !== "training") return statisticsSum({ ...common, kind, statistics, caps: statisticsCapsOf(plan) }).total;
    if (trainer === undefined) throw fail("TRB_SIMULATE_STALLED", { round });
    const negatives = negativesSource(crypto, hash, round);
    const sampling = { sampling: random(node, round, "sampling") };
    const request = { ...common, parameters, negatives, random: sampling, ...made };
    const { total, failure } = await trainingSum(trainer, request);
    if (failure !== undefined) throw failure; // a real node adds noise alone and goes on; here it would only hide a fault
    return total;
  }
  return {
    sum: sumOf,
    async addTo(sum, node, round, release, model) {
      const query = parametersOf(release);
      if (setup.work === "given") {
        addCustomer(sum, given(release), query.grid, query.touched); // one clipped vector is below any clamp
        return;
      }
      if (releaseOf(plan, release).kind !== "training") {
        addClamped(sum, await sumOf(node, round, release, model), query.clampBound);
        return;
      }
      const { into, support } = supported(release);
      try {
        addClamped(sum, await sumOf(node, round, release, model, { into, support }), query.clampBound, support);
      } finally {
        clearSupported(support, into); // zeros for the next node
      }
    },
    random,
    rotation: (round) => rotationSource(crypto, hash, round),
    kernelMilliseconds: kernels.milliseconds,
    close: async () => trainer?.close(),
  };
}

/** A vector as long as any, some of it beyond the clip. */
function givenUpdate(dimension: number): Float32Array {
  return Float32Array.from(
    { length: dimension },
    (_, i) => ((Math.imul(i, 2654435761) >>> 8) / 2 ** 23 - 1) / Math.sqrt(dimension),
  );
}

/** The same executor, with the time inside its runs counted. */
function timed(executor: Executor): { readonly executor: Executor; readonly milliseconds: () => number } {
  let milliseconds = 0;
  return {
    milliseconds: () => milliseconds,
    executor: {
      ...executor,
      async load(graph) {
        const session = await executor.load(graph);
        return {
          close: () => session.close(),
          async run(feeds) {
            const started = performance.now();
            try {
              return await session.run(feeds);
            } finally {
              milliseconds += performance.now() - started;
            }
          },
        };
      },
    },
  };
}

function remembered<Value>(compute: (key: number) => Value): (key: number) => Value {
  const known = new Map<number, Value>();
  return (key) => {
    const value = known.get(key) ?? compute(key);
    known.set(key, value);
    return value;
  };
}
