/**
 * What ran, as values: an accountant takes events and says what they cost. An event names the mechanism that its bound is about, never a
 * mechanism that is merely like it; correlated noise (trees, banded matrices) stands for one Gaussian release of its own sensitivity.
 *
 * Adjacency is "add or remove one customer"; for trees and banded matrices "a customer's vectors become zero".
 */
import { fail } from "@tributary/errors";
import { type BandedFactorisation, bandedRelease, checkBanded } from "./correlated/banded.ts";
import { checkTree, type TreeAggregation, treeSensitivity } from "./correlated/tree.ts";
import { checkVariance, checkWholeSensitivity } from "./discrete-gaussian.ts";
import { checkLattice, checkNoiseMultiplier, checkSamplingRate, checkSteps } from "./orders.ts";

/** Gaussian noise of `noiseMultiplier`·sensitivity on a sum over customers, each taken with probability `samplingRate` (1: all). */
export interface GaussianRelease {
  readonly kind: "gaussian";
  readonly samplingRate: number;
  readonly noiseMultiplier: number;
}

/** The same with discrete Gaussian noise on integer vectors of any dimension. */
interface DiscreteGaussianRelease {
  readonly kind: "discrete-gaussian";
  readonly samplingRate: number;
  readonly noiseMultiplier: number;
}

/**
 * Discrete Gaussian noise of variance σ² on one whole number, which a customer moves by at most `sensitivity`. More is known of it than of
 * `discrete-gaussian`, because lattice and dimension are: its privacy losses.
 */
export interface IntegerGaussianRelease {
  readonly kind: "integer-gaussian";
  readonly samplingRate: number;
  /** σ² > 0 */
  readonly variance: number;
  /** Δ, a whole number from 1 on. */
  readonly sensitivity: number;
}

/**
 * Discrete Gaussian noise on an integer vector of any dimension, of which a customer moves at most `touched` coordinates. More is known of it than of
 * `discrete-gaussian`: how fine the lattice is beside the noise, and so how near the noise is to a continuous Gaussian.
 */
export interface LatticeGaussianRelease {
  readonly kind: "lattice-gaussian";
  readonly samplingRate: number;
  /** z = σ/Δ */
  readonly noiseMultiplier: number;
  /** σ, integer units, at least 4. */
  readonly deviation: number;
  /** m: most coordinates that one customer moves. */
  readonly touched: number;
}

/** Laplace noise of scale `noiseMultiplier`·sensitivity on one number. */
interface LaplaceRelease {
  readonly kind: "laplace";
  readonly noiseMultiplier: number;
}

/** Anything that is (ε, δ)-private: a selection, a partition selection. */
interface ApproximateRelease {
  readonly kind: "approximate";
  readonly epsilon: number;
  readonly delta: number;
}

/** Anything that is ρ-zCDP. */
interface ConcentratedRelease {
  readonly kind: "zcdp";
  readonly rho: number;
}

/** What accountants bound; every event is a list of these. */
export type AtomicEvent =
  | GaussianRelease
  | DiscreteGaussianRelease
  | IntegerGaussianRelease
  | LatticeGaussianRelease
  | LaplaceRelease
  | ApproximateRelease
  | ConcentratedRelease;

/** What ran: atomic events, correlated noise, and compositions of them. */
export type PrivacyEvent =
  | AtomicEvent
  | { readonly kind: "nothing" }
  | TreeAggregation
  | BandedFactorisation
  | { readonly kind: "composed"; readonly events: readonly PrivacyEvent[] }
  | { readonly kind: "repeated"; readonly event: PrivacyEvent; readonly count: number };

/** An atomic event and how often it ran. */
export interface Releases {
  readonly event: AtomicEvent;
  readonly count: number;
}

/** Gaussian noise on everybody's sum. @throws TRB_DP_NOISE_MULTIPLIER_INVALID */
export const gaussian = (noiseMultiplier: number): PrivacyEvent =>
  checked({ kind: "gaussian", samplingRate: 1, noiseMultiplier });

/** Gaussian noise on the sum of a Poisson sample. @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID */
export const sampledGaussian = (samplingRate: number, noiseMultiplier: number): PrivacyEvent =>
  checked({ kind: "gaussian", samplingRate, noiseMultiplier });

/** Discrete Gaussian noise, `samplingRate` 1 unless given. @throws TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID */
export const discreteGaussianNoise = (noiseMultiplier: number, samplingRate = 1): PrivacyEvent =>
  checked({ kind: "discrete-gaussian", samplingRate, noiseMultiplier });

/**
 * Discrete Gaussian noise of variance σ² on one whole number that a customer moves by at most `sensitivity` (1 unless given).
 * @throws TRB_DP_VARIANCE_NOT_POSITIVE, TRB_DP_PARAMETER_INVALID (σ above 10⁵), TRB_DP_SENSITIVITY_INVALID, TRB_DP_SAMPLING_RATE_INVALID
 */
export const integerGaussian = ({
  variance,
  sensitivity = 1,
  samplingRate = 1,
}: {
  readonly variance: number;
  readonly sensitivity?: number;
  readonly samplingRate?: number;
}): PrivacyEvent => checked({ kind: "integer-gaussian", samplingRate, variance, sensitivity });

/**
 * Discrete Gaussian noise of deviation σ (integer units) on an integer vector of which a customer moves at most `touched` coordinates, by at most
 * σ/`noiseMultiplier` in L2 norm. `samplingRate` 1 unless given.
 * @throws TRB_DP_NOISE_MULTIPLIER_INVALID, TRB_DP_SAMPLING_RATE_INVALID, TRB_DP_PARAMETER_INVALID (σ below 4; no whole number of coordinates)
 */
export const latticeGaussian = ({
  noiseMultiplier,
  deviation,
  touched,
  samplingRate = 1,
}: Omit<LatticeGaussianRelease, "kind" | "samplingRate"> & { readonly samplingRate?: number }): PrivacyEvent =>
  checked({ kind: "lattice-gaussian", samplingRate, noiseMultiplier, deviation, touched });

/** Laplace noise: `noiseMultiplier` is scale over L1 sensitivity. @throws TRB_DP_NOISE_MULTIPLIER_INVALID */
export const laplace = (noiseMultiplier: number): PrivacyEvent => checked({ kind: "laplace", noiseMultiplier });

/** Anything (ε, δ)-private; δ = 0 unless given. @throws TRB_DP_PARAMETER_INVALID */
export const approximate = (epsilon: number, delta = 0): PrivacyEvent => checked({ kind: "approximate", epsilon, delta });

/** Anything ρ-zCDP. @throws TRB_DP_PARAMETER_INVALID */
export const concentrated = (rho: number): PrivacyEvent => checked({ kind: "zcdp", rho });

/** Several events on the same customers. */
export const composed = (...events: readonly PrivacyEvent[]): PrivacyEvent => checked({ kind: "composed", events });

/** One event `count` times. @throws TRB_DP_STEPS_INVALID */
export const repeated = (event: PrivacyEvent, count: number): PrivacyEvent => checked({ kind: "repeated", event, count });

/** Noise over sensitivity, for events. @throws TRB_DP_SENSITIVITY_INVALID, TRB_DP_NOISE_MULTIPLIER_INVALID */
export function noiseMultiplierOf({ deviation, sensitivity }: { deviation: number; sensitivity: number }): number {
  if (!(sensitivity > 0 && Number.isFinite(sensitivity))) throw fail("TRB_DP_SENSITIVITY_INVALID", { sensitivity });
  const noiseMultiplier = deviation / sensitivity;
  checkNoiseMultiplier(noiseMultiplier);
  return noiseMultiplier;
}

/**
 * The event as a list of atomic ones with counts, equal ones together, what costs nothing left out. Checks all of it, so that literals are
 * as safe as what the functions above build.
 * @throws the codes of those functions
 */
export const releasesOf = (event: PrivacyEvent, count = 1): Releases[] => [...collectReleases(event, count).values()];

/** As `releasesOf`, added to what is there already, by key. */
export function collectReleases(
  event: PrivacyEvent,
  count: number,
  before: ReadonlyMap<string, Releases> = new Map(),
): Map<string, Releases> {
  const found = new Map(before);
  collect(event, count, found);
  return found;
}

/** Whether a release is on a sample of the customers, rather than on all of them. */
export const isSampled = (event: AtomicEvent): boolean => "samplingRate" in event && event.samplingRate < 1;

/** Equal releases have equal keys. */
export const releaseKey = (event: AtomicEvent): string => Object.values(event).join(" ");

function collect(event: PrivacyEvent, count: number, found: Map<string, Releases>): void {
  checkSteps(count);
  switch (event.kind) {
    case "nothing":
      return;
    case "composed":
      for (const part of event.events) collect(part, count, found);
      return;
    case "repeated":
      checkSteps(event.count);
      collect(event.event, count * event.count, found);
      return;
    case "tree": {
      checkTree(event);
      const noiseMultiplier = event.noiseMultiplier / Math.sqrt(treeSensitivity(event));
      collect({ kind: "gaussian", samplingRate: 1, noiseMultiplier }, count, found);
      return;
    }
    case "banded": {
      checkBanded(event);
      const { steps, ...release } = bandedRelease(event);
      collect({ kind: "gaussian", ...release }, count * steps, found);
      return;
    }
    default:
      add(event, count, found);
  }
}

function add(event: AtomicEvent, count: number, found: Map<string, Releases>): void {
  checkAtomic(event);
  if (count === 0 || isFree(event)) return;
  const key = releaseKey(event);
  const total = count + (found.get(key)?.count ?? 0);
  checkSteps(total);
  found.set(key, { event, count: total });
}

function checkAtomic(event: AtomicEvent): void {
  switch (event.kind) {
    case "gaussian":
    case "discrete-gaussian":
      checkSamplingRate(event.samplingRate);
      checkNoiseMultiplier(event.noiseMultiplier);
      return;
    case "integer-gaussian":
      checkSamplingRate(event.samplingRate);
      checkWholeSensitivity(event.sensitivity);
      checkVariance(event.variance);
      return;
    case "lattice-gaussian":
      checkSamplingRate(event.samplingRate);
      checkNoiseMultiplier(event.noiseMultiplier);
      checkLattice(event);
      return;
    case "laplace":
      checkNoiseMultiplier(event.noiseMultiplier);
      return;
    case "approximate":
      if (!(event.epsilon >= 0 && Number.isFinite(event.epsilon)))
        invalid("epsilon", event.epsilon, "a finite number from 0 on");
      if (!(event.delta >= 0 && event.delta < 1)) invalid("delta", event.delta, "from 0 to below 1");
      return;
    case "zcdp":
      if (!(event.rho >= 0 && Number.isFinite(event.rho))) invalid("rho", event.rho, "a finite number from 0 on");
      return;
    default:
      throw fail("TRB_DP_PARAMETER_INVALID", {
        parameter: "kind",
        value: String((event as { kind: unknown }).kind).slice(0, 80),
        expected: "a kind of privacy event",
      });
  }
}

function isFree(event: AtomicEvent): boolean {
  if (event.kind === "approximate") return event.epsilon === 0 && event.delta === 0;
  if (event.kind === "zcdp") return event.rho === 0;
  return event.kind !== "laplace" && event.samplingRate === 0;
}

function invalid(parameter: string, value: number, expected: string): never {
  throw fail("TRB_DP_PARAMETER_INVALID", { parameter, value, expected });
}

function checked<E extends PrivacyEvent>(event: E): E {
  releasesOf(event);
  return event;
}
