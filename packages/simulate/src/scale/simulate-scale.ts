/**
 * A federation of up to tens of thousands of nodes, round by round. The world (who is there, who vanishes, who cheats), the customers and all
 * randomness follow from the settings and a seed, so that the same settings give the same bytes, in however many threads, by either way to
 * aggregate, and in one go or resumed.
 */
import { fail } from "@tributary/errors";
import {
  encodeFederationModel,
  type FederationModel,
  initialFederationModel,
  nextModel,
  nextRelease,
  rotationSource,
  warmStarted,
} from "@tributary/federation";
import {
  encodeOptimiserState,
  type ItemContent,
  itemSimilarity,
  type OptimiserState,
  type PublicItem,
  type StepRoom,
} from "@tributary/model";
import { type Crypto, type Plan, planCost, planHash, releaseOf, type Sha256, toHex } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import type { Aggregation, ApplySum } from "./aggregation.ts";
import { attemptOf, type ConditionSettings, checkConditions, type FaultStep, faultSteps } from "./conditions.ts";
import { openFastPath } from "./fast-path.ts";
import type { WorkSetup } from "./node-work.ts";
import { type Population, shared } from "./population.ts";
import { checkGroups, openGroupedPath, type RobustGroups } from "./robust-groups.ts";
import { found, openSecurePath } from "./secure-path.ts";
import { openSharedPath, type SharedRounds } from "./shared-rounds.ts";
import { openTeam } from "./team.ts";

export interface ScaleOptions {
  readonly plan: Plan;
  readonly population: Population;
  /** 32 bytes. */
  readonly seed: Uint8Array;
  readonly conditions: ConditionSettings;
  /** `secure`: the state machines. `fast`: without masks and messages, the same model. */
  readonly aggregation: "secure" | "fast";
  /** `central`: one draw for the whole sum, inside simulations only and not the same model; `fast` only. */
  readonly noise: "distributed" | "central";
  /** The cohort in groups, for which the plan is then made: `fast` and unit `node` only. */
  readonly robust?: RobustGroups | undefined;
  readonly threads: number;
  readonly crypto: Crypto;
  readonly executor: Executor;
  readonly content?: ItemContent | undefined;
  readonly now?: number | undefined;
  /** The catalogue's, where the plan releases statistics. */
  readonly items?: readonly PublicItem[];
  /** `given`: no training (`WorkSetup`). */
  readonly work?: WorkSetup["work"];
  /** Workers who do the shares of rounds, in place of threads: `fast` with `distributed` noise only. */
  readonly elsewhere?: SharedRounds | undefined;
  /** Where a run that was killed goes on. */
  readonly from?: ScaleCheckpoint | undefined;
  /** After each attempt. A checkpoint is to be taken before the next one, which writes over what it would hold. */
  readonly onAttempt?: (attempt: AttemptRecord, times: AttemptTimes, checkpoint: () => ScaleCheckpoint) => void | Promise<void>;
}

/** What is known of one attempt: nothing in it depends on the machine. */
export interface AttemptRecord {
  readonly attempt: number;
  /** 0 when too few nodes were there to offer a round. */
  readonly round: number;
  readonly kind: string;
  readonly released: boolean;
  readonly charged: boolean;
  readonly invited: number;
  readonly cohort: number;
  readonly survivors: number;
  /** Invited nodes that fell silent at each step. */
  readonly silent: Readonly<Record<FaultStep, number>>;
  readonly adversaries: number;
  /** Spent by the end of it. */
  readonly epsilon: number;
  /** L2 norm of how far the parameters moved. */
  readonly moved: number;
}

export interface AttemptTimes {
  readonly seconds: number;
  /** Seconds inside training graphs, over all threads. */
  readonly kernelSeconds: number;
}

/** Everything between two attempts. Bytes are a model's and an optimiser's file. */
export interface ScaleCheckpoint {
  readonly attempts: number;
  readonly lastRound: number;
  readonly charged: readonly number[];
  readonly released: readonly number[];
  readonly aggregation: unknown;
  readonly model: FederationModel;
  readonly optimiserState: OptimiserState | null;
}

export interface ScaleResult {
  readonly model: FederationModel;
  readonly modelHash: Sha256;
  readonly attempts: number;
  readonly releasedRounds: number;
  readonly epsilon: number;
  /** ledger.jsonl, with full secure aggregation. */
  readonly ledger: string | undefined;
}

/** So many attempts in a row without enough nodes, and the federation is called dead. */
const mostIdle = 1000;

/**
 * @throws TRB_SIMULATE_SCALE_OPTION, TRB_SIMULATE_CENTRAL_NEEDS_FAST, TRB_SIMULATE_NOBODY_THERE, and what the state machines and the training throw
 */
export async function simulateScale(options: ScaleOptions): Promise<ScaleResult> {
  const { plan, population, seed, conditions, crypto, noise, from } = options;
  checkConditions(conditions);
  if (noise === "central" && options.aggregation === "secure") throw fail("TRB_SIMULATE_CENTRAL_NEEDS_FAST");
  const { robust, content, now, work = "histories" } = options;
  if (robust) checkGroups(robust, options);
  checkPacking(options);
  checkCourse(options);
  const grouped = (aggregation: Aggregation) => (robust ? openGroupedPath(aggregation, robust, conditions) : aggregation);
  if (options.elsewhere) return await run(options, grouped(openSharedPath(plan, options.elsewhere)));
  const setup: WorkSetup = { plan, seed, population, work, content, now };
  const founding = options.aggregation === "secure" ? found(plan, population.nodes, seed, crypto) : undefined;
  const seats = founding && { genesis: founding.genesis, head: founding.head };
  const team = await openTeam({ ...setup, adversary: conditions.adversary, seats }, options.threads, crypto, options.executor);
  try {
    const aggregation = founding
      ? openSecurePath(setup, founding, team, crypto, from?.aggregation)
      : openFastPath(plan, team, noise);
    return await run(options, grouped(aggregation));
  } finally {
    await team.close();
  }
}

/** The fast path keeps no ledger whose entries could decide what follows. */
function checkCourse({ plan }: ScaleOptions): void {
  for (const rule of ["earlyStop", "promotion"] as const) {
    const reason = "what entries of a ledger decide is not simulated at this scale";
    if (plan[rule] !== undefined) throw fail("TRB_SIMULATE_SCALE_OPTION", { option: `plan.${rule}`, value: "given", reason });
  }
}

/** What is only written for sums of 32 bits. */
function checkPacking({ plan, noise, robust, conditions }: ScaleOptions): void {
  const [packing] = plan.releases.flatMap((release) => release.packing ?? []);
  if (packing === undefined) return;
  const refuse = (option: string, value: string) =>
    fail("TRB_SIMULATE_SCALE_OPTION", { option, value, reason: `updates of ${packing.bits} bits are not written for it` });
  if (noise === "central") throw refuse("noise", noise);
  if (robust) throw refuse("groups", String(robust.groups));
  if (conditions.adversary === "freeRide") throw refuse("adversary", conditions.adversary);
}

async function run(options: ScaleOptions, aggregation: Aggregation): Promise<ScaleResult> {
  const { plan, conditions, crypto, from } = options;
  const charged = [...(from?.charged ?? plan.releases.map(() => 0))];
  const released = [...(from?.released ?? plan.releases.map(() => 0))];
  let [attempts, lastRound, idle] = [from?.attempts ?? 0, from?.lastRound ?? 0, 0];
  let model = shareable(from?.model ?? initialFederationModel(crypto, plan));
  let optimiserState = from?.optimiserState ?? null;
  let kernels = 0;
  const epsilon = () => planCost(plan, charged).epsilon;
  const roomOf = twoRooms();
  const hash = planHash(crypto, plan);
  for (
    let release = nextRelease({ plan, charged, released });
    release !== undefined;
    release = nextRelease({ plan, charged, released })
  ) {
    const started = performance.now();
    const attempt = attemptOf(conditions, attempts);
    const place = release;
    const before = model;
    attempts += 1;
    const idles = attempt.invited.length < plan.minCohort; // nothing is offered
    idle = idles ? idle + 1 : 0;
    if (idle >= mostIdle) throw fail("TRB_SIMULATE_NOBODY_THERE", { attempts: mostIdle, least: plan.minCohort });
    const apply: ApplySum = async ({ sum, noiseShares }) => {
      const similarity = () => itemSimilarity(options.items ?? []);
      const { kind } = releaseOf(plan, place);
      const room = kind === "training" ? roomOf(model.parameters.length) : undefined;
      const rotation = rotationSource(crypto, hash, lastRound + 1);
      const summed = { plan, release: place, sum, survivors: noiseShares, rotation, releasedBefore: released[place] ?? 0 };
      const next = nextModel({ ...summed, model, optimiserState, similarity, room });
      const named = await warmStarted(plan, model, next.model, { executor: options.executor, similarity });
      model = shareable(named);
      optimiserState = next.optimiserState;
      const { optimiserState: state } = next;
      return {
        modelHash: () => hashOf(crypto, encodeFederationModel(plan, named)),
        optimiserHash: () => (state === null ? null : hashOf(crypto, encodeOptimiserState(state))),
      };
    };
    const result = idles
      ? { released: false, charged: false, cohort: 0, survivors: 0, work: [] }
      : await aggregation.attempt(attempt, { round: lastRound + 1, release, model, optimiserState }, apply);
    if (!idles) lastRound += 1;
    if (result.charged) charged[release] = (charged[release] ?? 0) + 1;
    if (result.released) released[release] = (released[release] ?? 0) + 1;
    if (options.onAttempt === undefined) continue;
    const total = result.work.reduce((sum, { kernelMilliseconds }) => sum + kernelMilliseconds, 0) / 1e3;
    const times = {
      seconds: (performance.now() - started) / 1e3,
      kernelSeconds: result.work.length === 0 ? 0 : total - kernels,
    };
    if (result.work.length > 0) kernels = total;
    const record: AttemptRecord = {
      ...{ attempt: attempts, round: idles ? 0 : lastRound, kind: releaseOf(plan, release).kind },
      ...{ released: result.released, charged: result.charged },
      ...{ invited: attempt.invited.length, cohort: result.cohort, survivors: result.survivors },
      silent: Object.fromEntries(faultSteps.map((step) => [step, countOf(attempt.faults, step)])) as AttemptRecord["silent"],
      ...{ adversaries: attempt.adversaries.size, epsilon: epsilon(), moved: distance(before.parameters, model.parameters) },
    };
    const counters = { attempts, lastRound, charged: [...charged], released: [...released], model, optimiserState };
    await options.onAttempt(record, times, () => ({ ...counters, aggregation: aggregation.save() }));
  }
  const modelHash = hashOf(crypto, encodeFederationModel(plan, model));
  const releasedRounds = released.reduce((sum, rounds) => sum + rounds, 0);
  return { model, modelHash, attempts, releasedRounds, epsilon: epsilon(), ledger: await aggregation.finish() };
}

/** Steps write to two rooms in turn, so that the one before stays as it is for a round. They are made when they are first asked for. */
function twoRooms(): (dimension: number) => StepRoom {
  const rooms: StepRoom[] = [];
  let turn = 0;
  return (dimension) => {
    turn = 1 - turn;
    const room = rooms[turn] ?? {
      ...{ mean: new Float64Array(dimension), first: new Float64Array(dimension) },
      parameters: shared(Float32Array, dimension),
    };
    rooms[turn] = room;
    return room;
  };
}

/** Threads read the parameters where they are. */
function shareable({ parameters, statistics }: FederationModel): FederationModel {
  if (parameters.buffer instanceof SharedArrayBuffer) return { parameters, statistics };
  const copy = shared(Float32Array, parameters.length);
  copy.set(parameters);
  return { parameters: copy, statistics };
}

const hashOf = (crypto: Crypto, bytes: Uint8Array) => toHex(crypto.sha256(bytes)) as Sha256;

const countOf = (faults: ReadonlyMap<number, FaultStep>, step: FaultStep) =>
  [...faults.values()].filter((one) => one === step).length;

function distance(a: Float32Array, b: Float32Array): number {
  let [even, odd] = [0, 0]; // two sums that don't wait for each other
  for (let i = 0; i + 1 < a.length; i += 2) {
    const first = (a[i] as number) - (b[i] as number);
    const second = (a[i + 1] as number) - (b[i + 1] as number);
    even += first * first;
    odd += second * second;
  }
  const last = a.length % 2 === 0 ? 0 : (a[a.length - 1] as number) - (b[a.length - 1] as number);
  return Math.sqrt(even + odd + last * last);
}
