/**
 * What a plan says of its statistics beside what releases say of every sum query: how pairs are weighted, denoised and served. All of it is
 * public and is fixed before anything private is read; no guarantee rests on it. The fields are those of `StatisticsRecipe` of
 * `@tributary/model`, without what follows from releases and caps; a type test in `federation` holds the two together.
 */
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import { type Decimal, decimal } from "../identifiers.ts";

export const statisticsSchema = z.strictObject({
  /** How far apart two events may be to make a pair; it weighs 1/distance. */
  window: z.int().min(1).max(1000),
  /** First query: a cell's weight is (p_i·p_j)^firstPopularity · e^(firstContent·cos). */
  firstPopularity: decimal,
  firstContent: decimal,
  firstNorm: decimal,
  /** Later queries: what is asked, (probability or mean + floor)^power. */
  aliveAbove: decimal,
  weighBy: z.enum(["probability", "mean"]),
  weightFloor: decimal,
  weightPower: decimal,
  laterNorm: decimal,
  /** Prior of a cell: Exponential(priorMean) with odds · (p_i·p_j)^priorPopularity · e^(content·cos), else 0. */
  priorMean: decimal,
  priorPopularity: decimal,
  roundOdds: decimal,
  finalOdds: decimal,
  roundContent: decimal,
  finalContent: decimal,
  /** What serves. */
  keepAbove: decimal,
  targetPopularity: decimal,
  contentWeight: decimal,
  contentSharpness: decimal,
  decay: decimal,
  latest: z.int().min(1).max(1000),
});

export type PlanStatistics = z.infer<typeof statisticsSchema>;
type DecimalField = {
  [Field in keyof PlanStatistics]: PlanStatistics[Field] extends Decimal ? Field : never;
}[keyof PlanStatistics];

interface Range {
  readonly expected: string;
  readonly holds: (value: number) => boolean;
}
const positive: Range = { expected: "above 0", holds: (x) => x > 0 };
const notNegative: Range = { expected: "0 or more", holds: (x) => x >= 0 };
const probability: Range = { expected: "from 0 to below 1", holds: (x) => x >= 0 && x < 1 };
/** Exponents: e^100 times popularities still fits into the float32 of a query. */
const exponent: Range = { expected: "from 0 to 50", holds: (x) => x >= 0 && x <= 50 };

const ranges: Readonly<Record<DecimalField, Range>> = {
  firstPopularity: exponent,
  firstContent: exponent,
  firstNorm: positive,
  aliveAbove: probability,
  weightFloor: positive, // a weight of 0 would leave a cell out of what it is asked for
  weightPower: exponent,
  laterNorm: positive,
  priorMean: positive,
  priorPopularity: exponent,
  roundOdds: positive,
  finalOdds: positive,
  roundContent: exponent,
  finalContent: exponent,
  keepAbove: notNegative,
  targetPopularity: exponent,
  contentWeight: notNegative,
  contentSharpness: exponent,
  decay: { expected: "above 0 and at most 1", holds: (x) => x > 0 && x <= 1 },
};

/** The numbers that are out of range. */
export function statisticsFaults(
  statistics: PlanStatistics,
): { readonly field: DecimalField; readonly expected: string; readonly value: string }[] {
  return (Object.entries(ranges) as [DecimalField, Range][]).flatMap(([field, { expected, holds }]) => {
    const value = statistics[field];
    return holds(parseDecimal(value)) ? [] : [{ field, expected, value }];
  });
}
