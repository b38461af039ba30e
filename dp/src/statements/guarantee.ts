/**
 * Everything that a promise of differential privacy has to name before its ε means anything. NIST SP 800-226 ("Guidelines for Evaluating
 * Differential Privacy Guarantees", 2025) builds a pyramid of it: ε and the unit of privacy on top, then what can undermine them, the trust
 * model and the exposure of collected data at the bottom; each layer depends on those below. No field may be left out, and an empty list has to
 * be written down as one.
 */
import { fail } from "@tributary/errors";
import { compare, multiply, parseRational, type Rational, whole } from "../exact/rational.ts";

/** Who is hidden: what one neighbouring data set has and the other has not. */
export type UnitOfPrivacy =
  /** All events of one customer; the cost already covers somebody who is with up to `merchants` of them. */
  | { readonly kind: "customer"; readonly merchants: number }
  /** One device or node, with all that it holds. */
  | { readonly kind: "node" }
  /** Anything else, in words that go on after "Protected is". */
  | { readonly kind: "other"; readonly words: string };

/** What makes two data sets neighbours. */
export type Adjacency = "add-or-remove-one" | "zero-out" | "replace-one";

/** Who sees what before it is noisy. */
export type TrustModel =
  /** Sums of `cohort` nodes or more are seen, each with a share of the noise; all but `corrupt` of them are honest. */
  | { readonly model: "distributed"; readonly cohort: number; readonly corrupt: number }
  /** Every node adds all the noise itself; sums of `cohort` or more are seen. */
  | { readonly model: "local"; readonly cohort: number }
  /** One party sees exact data and adds the noise. */
  | { readonly model: "central" };

/** One kind of release that ε covers. */
export interface CoveredRelease {
  /** What is released, as the subject of "… is released". */
  readonly what: string;
  /** How often at most. */
  readonly times: number;
  /** Decimals, as the plan writes them. */
  readonly samplingRate: string;
  readonly clipNorm: string;
  readonly noiseMultiplier: string;
}

/** Everything that a promise has to name. */
export interface Guarantee {
  readonly unit: UnitOfPrivacy;
  readonly adjacency: Adjacency;
  readonly trust: TrustModel;
  /** Whether ε counts on nobody knowing who was sampled. */
  readonly sampling: "everybody" | "secret-poisson";
  readonly releases: readonly CoveredRelease[];
  /** A decimal, so that what is printed is what was judged; "Infinity" for none at all. */
  readonly epsilon: string;
  /** A decimal between 0 and 1. */
  readonly delta: string;
  /** How many people there are at least: δ has to be small against one over it. */
  readonly people: number;
  readonly accountant: string;
  /** What of time ε covers, and whether it comes back, in words. */
  readonly period: string;
  /** What has to be so for ε to hold. */
  readonly assumptions: readonly string[];
  /** What depends on people's data and is not in ε. */
  readonly notCovered: readonly string[];
  /** What no file can show. */
  readonly notVerifiable: readonly string[];
  /** μ of Gaussian differential privacy: one number for all of δ(ε), where it is known, and up to which ε it holds (Infinity: everywhere). */
  readonly mu?: { readonly value: number; readonly upTo: number };
  /** Other points of δ(ε), ε rising. */
  readonly profile?: readonly { readonly epsilon: number; readonly delta: number }[];
}

/** ε up to 1 strong, up to 10 reasonable, above that none: Google's tiers (`dp_accounting` and Gboard's report), for small δ. */
export type ProtectionTier = "strong" | "reasonable" | "not protected";

const unlimited = "Infinity";

/**
 * Of ε and of δ: where δ is 1/people or more, somebody may be laid open in full every time, and no ε helps.
 * @throws TRB_DP_EPSILON_INVALID, TRB_DP_DELTA_INVALID, TRB_DP_GUARANTEE_INVALID
 */
export function protectionTier({ epsilon, delta, people }: Pick<Guarantee, "epsilon" | "delta" | "people">): ProtectionTier {
  const cost = decimalOf(epsilon);
  if (cost === null && epsilon !== unlimited) throw fail("TRB_DP_EPSILON_INVALID", { epsilon });
  const chance = decimalOf(delta);
  if (chance === null || chance.numerator === 0n || compare(chance, whole(1)) >= 0)
    throw fail("TRB_DP_DELTA_INVALID", { delta });
  checkCountOf("people", people);
  if (cost === null || compare(multiply(chance, whole(people)), whole(1)) >= 0) return "not protected";
  if (compare(cost, whole(1)) <= 0) return "strong";
  return compare(cost, whole(10)) <= 0 ? "reasonable" : "not protected";
}

/**
 * For callers without types, and for numbers that types can't hold.
 * @throws TRB_DP_GUARANTEE_INVALID and the codes of `protectionTier`
 */
export function checkGuarantee(guarantee: Guarantee): void {
  protectionTier(guarantee);
  const { unit, adjacency, trust, sampling, releases, accountant, period } = guarantee;
  checkChoice("unit", unit?.kind, ["customer", "node", "other"]);
  checkChoice("adjacency", adjacency, ["add-or-remove-one", "zero-out", "replace-one"]);
  checkChoice("trust", trust?.model, ["distributed", "local", "central"]);
  checkChoice("sampling", sampling, ["everybody", "secret-poisson"]);
  if (unit.kind === "customer") checkCountOf("unit.merchants", unit.merchants);
  if (unit.kind === "other") checkWords("unit.words", unit.words);
  if (trust.model !== "central") checkCountOf("trust.cohort", trust.cohort);
  if (trust.model === "distributed" && !(trust.corrupt >= 0 && trust.corrupt < trust.cohort)) {
    invalid("trust.corrupt", trust.corrupt, "from 0 to below the cohort");
  }
  checkWords("accountant", accountant);
  checkWords("period", period);
  for (const list of ["assumptions", "notCovered", "notVerifiable"] as const) {
    if (!Array.isArray(guarantee[list])) invalid(list, "missing", "a list, empty if there is nothing");
    for (const words of guarantee[list]) checkWords(list, words);
  }
  if (!Array.isArray(releases) || releases.length === 0) invalid("releases", "missing", "what is released, at least one");
  for (const { what, times } of releases) {
    checkWords("releases.what", what);
    checkCountOf("releases.times", times);
  }
  const sampled = releases.some(({ samplingRate }) => compare(decimalOf(samplingRate) ?? whole(2), whole(1)) < 0);
  if (sampled !== (sampling === "secret-poisson")) {
    invalid("sampling", sampling, "secret-poisson exactly where a release has a sampling rate below 1");
  }
}

function decimalOf(text: string): Rational | null {
  return typeof text === "string" && /^\d+(\.\d+)?(e[+-]?\d{1,3})?$/i.test(text) ? parseRational(text) : null;
}

function checkChoice(field: string, value: string | undefined, known: readonly string[]): void {
  if (value === undefined || !known.includes(value)) invalid(field, String(value).slice(0, 80), known.join(", "));
}

function checkCountOf(field: string, value: number): void {
  if (!(Number.isSafeInteger(value) && value >= 1)) invalid(field, value, "a whole number from 1 on");
}

function checkWords(field: string, value: string): void {
  if (typeof value !== "string" || value.trim() === "") invalid(field, "empty", "words");
}

function invalid(field: string, value: string | number, expected: string): never {
  throw fail("TRB_DP_GUARANTEE_INVALID", { field, value, expected });
}
