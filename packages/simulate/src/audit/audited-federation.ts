/**
 * A federation with canaries, round by round, and what an attacker sees of it. Everything that makes a sum private is the code that nodes run:
 * `openNodeWork` trains and clips, `addCustomer` clips canaries on the grid, `addNoisyVector` clamps, dithers and adds the discrete Gaussian
 * share, `nextModel` makes the step. Without canaries the model is that of `simulateScale` with the same seed, to the byte, which in turn is that
 * of the state machines.
 */
import {
  addClamped,
  addCustomer,
  addNoisyVector,
  ditherAndShift,
  noiseDeviation,
  parseRational,
  poissonSample,
  type Rational,
  toModular,
} from "@tributary/dp";
import { fail } from "@tributary/errors";
import {
  type FederationModel,
  initialFederationModel,
  nextModel,
  nextRelease,
  rotationSource,
  roundParameters,
} from "@tributary/federation";
import { type ItemContent, itemSimilarity, type OptimiserState } from "@tributary/model";
import { type Crypto, type Plan, planHash, randomSourceFromSeed, releaseOf } from "@tributary/protocol";
import type { Executor } from "@tributary/tensor";
import { openNodeWork } from "../scale/node-work.ts";
import type { Population } from "../scale/population.ts";
import { canariesAt, canaryLength, type GradientCanaries, type RoundRule, type RoundView } from "./gradient-canaries.ts";

/**
 * What is broken on purpose, in tests and studies: no node has these switches, and no command passes them on.
 */
export interface PlantedFaults {
  /** Factor of the noise's standard deviation, as a decimal: "0.5" halves it, "0" leaves it out. */
  readonly noise?: string;
  /** False: neither customers nor canaries are clipped. */
  readonly clipped?: false;
}

export interface AuditedFederation {
  /** Its releases are of training alone. */
  readonly plan: Plan;
  readonly population: Population;
  /** 32 bytes. All randomness follows from it. */
  readonly seed: Uint8Array;
  readonly crypto: Crypto;
  readonly executor: Executor;
  readonly content?: ItemContent | undefined;
  /** With their coins: `[canaries]`, 1 for in. */
  readonly canaries?: { readonly planted: GradientCanaries; readonly included: Uint8Array };
  readonly faults?: PlantedFaults;
  readonly onRound?: ((done: number, of: number) => void) | undefined;
}

export interface AuditedRun {
  readonly initial: Float32Array;
  readonly final: Float32Array;
  /** Every iterate, where there are canaries. */
  readonly views: readonly RoundView[];
  readonly rule: RoundRule;
}

/** @throws TRB_AUDIT_PLAN_UNFIT, and what training throws */
export async function runAudited(federation: AuditedFederation): Promise<AuditedRun> {
  const { plan, population, seed, crypto, executor, content, canaries, faults = {}, onRound } = federation;
  const release = onlyTraining(plan);
  const parameters = roundParameters(plan, release);
  const { grid, dimension, clampBound, nodeVariance } = parameters;
  const honestNodes = plan.minCohort - plan.maxCorrupt;
  const clipUnits = grid.unitsPerOne * grid.clipNorm;
  const { clipped = true } = faults;
  const work = await openNodeWork({ plan, seed, population, work: "histories", content, clipped }, crypto, executor);
  const query = { dimension, clampBound, grid, nodeVariance: weakened(nodeVariance, faults.noise) };
  const ofCanary = new Float64Array(dimension);
  const coins = (node: number, round: number) =>
    randomSourceFromSeed(crypto, seed, "canaries", String(node), round, "sampling");

  /** Adds a node's canaries to its sum. */
  function addCanaries(total: Float64Array, node: number, round: number, drawn: Uint8Array): void {
    if (canaries === undefined) return;
    const { planted, included } = canaries;
    const here = canariesAt(planted, node, honestNodes);
    for (const place of poissonSample(here.length, parameters.samplingRate, coins(node, round))) {
      const canary = here[place] as number;
      drawn[canary] = (drawn[canary] as number) + 1; // as it would be, in or out
      if (included[canary] === 0) continue;
      const coordinate = planted.coordinates[canary] as number;
      const sent = (planted.signs[canary] as number) * canaryLength * grid.clipNorm;
      if (!clipped) {
        total[coordinate] = (total[coordinate] as number) + Math.trunc(sent * grid.unitsPerOne);
        continue;
      }
      ofCanary[coordinate] = sent;
      addCustomer(total, ofCanary, grid, dimension);
      ofCanary[coordinate] = 0;
    }
  }

  let model: FederationModel = initialFederationModel(crypto, plan);
  const initial = model.parameters.slice();
  let optimiserState: OptimiserState | null = null;
  const views: RoundView[] = [];
  const { rounds } = releaseOf(plan, release);
  const hash = planHash(crypto, plan);
  try {
    for (let round = 1; round <= rounds; round++) {
      const [honest, others] = [new Uint32Array(dimension), new Uint32Array(dimension)];
      const known = new Float64Array(dimension);
      const drawn = new Uint8Array(canaries?.included.length ?? 0);
      for (let node = 0; node < population.nodes; node++) {
        const total = await work.sum(node, round, release, model);
        if (node < honestNodes) addClamped(known, total, clampBound);
        addCanaries(total, node, round, drawn);
        const random = { rounding: work.random(node, round, "rounding"), noise: work.random(node, round, "noise") };
        const sum = node < honestNodes ? honest : others;
        if (query.nodeVariance.numerator === 0n) addBare(sum, total, query, random.rounding);
        else addNoisyVector(sum, total, query, random);
      }
      if (canaries !== undefined)
        views.push({ left: leftAt(canaries.planted, honest, known, grid.fractionBits, clipUnits), drawn });
      const sum = honest.map((word, i) => word + (others[i] as number));
      const rotation = rotationSource(crypto, hash, round);
      const step = { plan, release, sum, survivors: population.nodes, rotation, similarity: () => itemSimilarity([]) };
      const next = nextModel({ ...step, releasedBefore: round - 1, model, optimiserState });
      model = next.model;
      optimiserState = next.optimiserState;
      onRound?.(round, rounds);
    }
  } finally {
    await work.close();
  }
  const deviation = (noiseDeviation(nodeVariance, honestNodes) * 2 ** grid.fractionBits) / clipUnits;
  const { samplingRate, merchants } = {
    samplingRate: Number(releaseOf(plan, release).samplingRate),
    merchants: plan.maxMerchantsPerCustomer,
  };
  return { initial, final: model.parameters, views, rule: { samplingRate, deviation, merchants } };
}

/** The place of the plan's one release of training. @throws TRB_AUDIT_PLAN_UNFIT where that is not all it releases */
export function onlyTraining(plan: Plan): number {
  const first = nextRelease({ plan, charged: plan.releases.map(() => 0), released: plan.releases.map(() => 0) });
  const refuse = (reason: string) => fail("TRB_AUDIT_PLAN_UNFIT", { reason });
  if (first === undefined || plan.releases.length !== 1) throw refuse("it must have one release");
  const { kind, packing } = releaseOf(plan, first);
  if (kind !== "training" || packing !== undefined) throw refuse("its release must be of training, in sums of 32 bits");
  if (plan.unit !== "customer" || plan.trained !== undefined)
    throw refuse("its unit must be the customer, and all of the model trained");
  return first;
}

function weakened(variance: Rational, factor: string | undefined): Rational {
  if (factor === undefined) return variance;
  const { numerator, denominator } = parseRational(factor);
  return { numerator: variance.numerator * numerator ** 2n, denominator: variance.denominator * denominator ** 2n };
}

/** A node's vector without noise: what no plan allows. */
function addBare(
  sum: Uint32Array,
  total: Float64Array,
  {
    clampBound,
    grid,
    dimension,
  }: { readonly clampBound: number; readonly grid: { readonly fractionBits: number }; readonly dimension: number },
  rounding: Parameters<typeof ditherAndShift>[2],
): void {
  const clamped = new Float64Array(dimension);
  addClamped(clamped, total, clampBound);
  const words = toModular(ditherAndShift(clamped, grid.fractionBits, rounding));
  for (let i = 0; i < sum.length; i++) sum[i] = (sum[i] as number) + (words[i] as number);
  total.fill(0);
}

/** Of the honest nodes' noisy sum, without what everybody else sent: in clip norms, each canary's sign taken off. */
function leftAt(
  { coordinates, signs }: GradientCanaries,
  sum: Uint32Array,
  known: Float64Array,
  fractionBits: number,
  clipUnits: number,
): Float64Array {
  return Float64Array.from(coordinates, (place, canary) => {
    const gridUnits = ((sum[place] as number) | 0) * 2 ** fractionBits - (known[place] as number);
    return ((signs[canary] as number) * gridUnits) / clipUnits;
  });
}
