/**
 * A release in 16 to 20 bits a coordinate instead of 32 (docs/decisions/0031): its form, the rule in the linter, what it costs, how long its vectors
 * are, and what it is in words. The recipe is `packing` of `dp`: rotated, rounded under a condition on the length, noisy, modulo 2^b.
 */
import { packedBits, packedFit, packedRdp, type SumQueryParameters, sumQueryParameters, toNumber } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { z } from "zod";
import type { PlanLanguage } from "./language.ts";
import type { LintOptions, Report } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";
import { releaseOf, sumQueryOf } from "./sum-query.ts";

export const packingSchema = z.strictObject({
  /** b: what a coordinate is sent in. */
  bits: z.literal([...packedBits]),
  /**
   * ⌊Δ²⌋, squared integer units: no rounded vector is longer, which each node holds its own to in whole numbers. Stated, so that Δ and the noise that follows
   * from it are the same integers on every machine; the linter refuses less than the rounding needs.
   */
  squaredSensitivity: z
    .int()
    .min(1)
    .max(2 ** 52 - 1),
});

/** How vectors of a release cross the wire. */
export interface WireForm {
  /** Coordinates under a mask each. */
  readonly coordinates: number;
  /** Bits of a coordinate. */
  readonly bits: number;
  /** u32 words that they are sent in: what `length` of the message `masked` says. */
  readonly words: number;
}

/** @throws TRB_PLAN_RELEASE_UNKNOWN */
export function wireFormOf(plan: Pick<Plan, "releases">, place: number): WireForm {
  const { dimension, packing } = releaseOf(plan, place);
  if (packing === undefined) return { coordinates: dimension, bits: 32, words: dimension };
  const coordinates = 2 ** Math.ceil(Math.log2(dimension));
  return { coordinates, bits: packing.bits, words: Math.ceil((coordinates * packing.bits) / 32) };
}

type Packed = SumQueryParameters & { readonly packed: NonNullable<SumQueryParameters["packed"]> };

function packedParameters(plan: Plan, place: number): Packed {
  const parameters = sumQueryParameters(sumQueryOf(plan, place));
  const { packed } = parameters;
  if (packed === undefined) throw fail("TRB_PLAN_PACKING_UNFIT", { reason: "the release is not packed" });
  return { ...parameters, packed };
}

/** `[orders]` nats of one round, by the exact formula of the distributed discrete Gaussian. @throws TRB_PLAN_CENTRAL_NOISE, and the codes of `sumQueryParameters` */
export function packedRound(plan: Plan, place: number): readonly number[] {
  const { honestNodes, nodeVariance, packed } = packedParameters(plan, place);
  const { sent, squaredSensitivity } = packed;
  return packedRdp({
    ...{ honestMinimum: honestNodes, nodeVariance: toNumber(nodeVariance, "down") },
    ...{ mostSquared: squaredSensitivity, sent },
  });
}

const tolerance = 1e-9;

/** Where a release may be packed. What its numbers have to be is `packedScaleRule`'s. */
export function packingRule(plan: Plan, _: LintOptions, report: Report): void {
  const { unit, accountant, noiseMode, releases } = plan;
  for (const [place, { packing, kind, arithmetic, dimension }] of releases.entries()) {
    if (packing === undefined) continue;
    const unfit = (reason: string) => report("TRB_PLAN_PACKING_UNFIT", `releases.${place}.packing`, { reason });
    if (unit !== "node")
      unfit("where customers' vectors are added up before they are rounded, one customer moves how others are rounded");
    if (kind !== "training") unfit(`it is of ${kind}, and only training updates are sent by every node alone`);
    if (arithmetic !== "exact") unfit("its arithmetic is not exact");
    if (noiseMode === "central") unfit("its noise is central, and what is packed has a share of it at every node");
    if (accountant !== "rdp-integer") unfit(`it is accounted for by Rényi divergences, not by ${accountant}`);
    if (dimension < 9) unfit("below 9 coordinates there is nothing to save");
  }
}

/** Room in 2^b for so many nodes, and a Δ that rounding passes; of a release whose `sumQueryParameters` are there. */
export function packedScaleRule(
  plan: Plan,
  place: number,
  parameters: SumQueryParameters,
  nodes: number,
  report: Report,
): void {
  const { packed, scale, grid, nodeVariance, dimension } = parameters;
  if (packed === undefined) return;
  const path = `releases.${place}`;
  const { bits, squaredSensitivity } = packed;
  const { leastSquared, fits } = packedFit({ ...{ bits, dimension, scale, nodeVariance, nodes }, clipNorm: grid.clipNorm });
  if (!(squaredSensitivity >= leastSquared * (1 - tolerance))) {
    const reason = `its squared sensitivity is ${squaredSensitivity}, and rounding needs ${leastSquared}`;
    report("TRB_PLAN_PACKING_UNFIT", `${path}.packing.squaredSensitivity`, { reason });
  }
  if (!fits) report("TRB_PLAN_SCALE_TOO_LARGE", `${path}.scale`, { scale: releaseOf(plan, place).scale, nodes });
}

interface Saved {
  /** Counted from 1. */
  readonly place: number;
  readonly bits: number;
  /** A node's upload, and what it would be in 32 bits. */
  readonly megabytes: readonly [string, string];
  /** Per cent. */
  readonly moreNoise: string;
  readonly clipNorm: string;
  readonly sent: string;
  readonly nodes: number;
  readonly wrapAround: string;
}

const words: Readonly<Record<PlanLanguage, (saved: Saved) => string>> = {
  en: ({ place, bits, megabytes: [packed, plain], moreNoise, clipNorm, sent, nodes, wrapAround }) =>
    `Updates of release ${place} are sent in ${bits} bits a number: turned by a rotation that everybody knows, rounded at random until they are no longer than they may be, and cut off at 2^${bits}; that is ${packed} MB a node instead of ${plain}. ε is the exact formula's for that; the noise is ${moreNoise} % more than clipping to ${clipNorm} alone would take, and one of the ${sent} numbers of a sum of ${nodes} nodes wraps around with a chance of ${wrapAround} at most, which costs accuracy and no privacy.`,
  zh: ({ place, bits, megabytes: [packed, plain], moreNoise, clipNorm, sent, nodes, wrapAround }) =>
    `第 ${place} 项发布的更新以每个数 ${bits} 位发送：先按人人知道的旋转变换，再随机取整，直到其长度不超过所允许的，并在 2^${bits} 处截去高位；这是每个节点 ${packed} MB，而不是 ${plain}。ε 由相应的精确公式得出；噪声比仅裁剪所需的多 ${moreNoise} %（裁剪到 ${clipNorm}），总和的 ${sent} 个数（来自 ${nodes} 个节点）中有一个回绕的概率至多为 ${wrapAround}，这损失准确度，不损失隐私。`,
};

/** What packing saves and takes, for `plan explain`. */
export function packingSentences(plan: Plan, language: PlanLanguage): string[] {
  return plan.releases.flatMap((release, place) =>
    release.packing === undefined ? [] : [words[language](savedBy(plan, place, release))],
  );
}

function savedBy(plan: Plan, place: number, { clipNorm, dimension }: Release): Saved {
  const { packed, scale, grid, nodeVariance, inflation } = packedParameters(plan, place);
  const { bits, sent } = packed;
  const { wrapAroundProbability } = packedFit({
    ...{ bits, dimension, scale, nodeVariance, nodes: plan.minCohort },
    clipNorm: grid.clipNorm,
  });
  const megabytes = (octets: number) => (octets / 1e6).toPrecision(3);
  return {
    ...{ place: place + 1, bits, clipNorm, nodes: plan.minCohort, sent: sent.toLocaleString("en-US") },
    megabytes: [megabytes(4 * wireFormOf(plan, place).words), megabytes(4 * dimension)],
    moreNoise: (100 * (inflation - 1)).toPrecision(2),
    wrapAround: wrapAroundProbability.toPrecision(2),
  };
}
