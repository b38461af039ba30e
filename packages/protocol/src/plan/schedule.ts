/**
 * How a training release's learning rate runs from round to round: a factor on the server optimiser's, by how many rounds of that release were released
 * before. It is public and fixed before anything private is read, and only the coordinator's step on a released sum uses it: no privacy depends on it.
 *
 *   ramp(i) = (i + 1)/(warmUp + 1) for i < warmUp, else 1;    n = rounds − retries, the rounds that the release wants
 *   piecewise:  ramp(i) · factor of the last step with from ≤ i
 *   cosine:     ramp(i) for i < warmUp, else last + (1 − last)·(1 + cos(π·t))/2,  t = min(1, (i − warmUp)/(n − 1 − warmUp)), and 1 where that is 0/0
 *
 * A clip norm has no schedule of its own: each has to stand in the plan with its scale, its Δ and its ε, so a change of it is another release (a stage).
 */
import { z } from "zod";
import { parseDecimal } from "../canonical/decimals.ts";
import { decimal } from "../identifiers.ts";
import type { PlanLanguage } from "./language.ts";
import { type LintOptions, outOfRange, type Report, type Rule } from "./rule.ts";
import type { Plan, Release } from "./schema.ts";

const count = z.int().min(0).max(1_000_000);
/** Rounds at the beginning over which the factor rises in equal steps; none unless given. */
const warmUp = count.exactOptional();

export const scheduleSchema = z.discriminatedUnion("shape", [
  z.strictObject({
    shape: z.literal("piecewise"),
    warmUp,
    /** Ascending by `from`, the first from 0. */
    steps: z
      .array(z.strictObject({ from: count, factor: decimal }))
      .min(1)
      .max(64),
  }),
  z.strictObject({
    shape: z.literal("cosine"),
    warmUp,
    /** The factor of the last round that the release wants. */
    last: decimal,
  }),
]);
export type RateSchedule = z.infer<typeof scheduleSchema>;

/**
 * What the learning rate is multiplied by in one round of a release; 1 for a release without a schedule.
 * @param before rounds of this release that were released before
 */
export function rateFactor(release: Pick<Release, "schedule" | "rounds" | "retries">, before: number): number {
  const { schedule, rounds, retries = 0 } = release;
  if (schedule === undefined) return 1;
  const { warmUp: rising = 0 } = schedule;
  const ramp = before < rising ? (before + 1) / (rising + 1) : 1;
  if (schedule.shape === "piecewise") {
    const step = schedule.steps.findLast(({ from }) => from <= before);
    return ramp * (step === undefined ? 1 : parseDecimal(step.factor));
  }
  if (before < rising) return ramp;
  const last = parseDecimal(schedule.last);
  const span = rounds - retries - 1 - rising;
  const part = span <= 0 ? 1 : Math.min(1, (before - rising) / span);
  return last + ((1 - last) * (1 + Math.cos(Math.PI * part))) / 2;
}

export const scheduleRule: Rule = {
  name: "schedule of the learning rate",
  fields: [
    ...["releases.*.schedule", "releases.*.schedule.warmUp", "releases.*.schedule.steps", "releases.*.schedule.last"],
    ...["releases.*.schedule.steps.*.from", "releases.*.schedule.steps.*.factor", "releases.*.kind"],
  ],
  codes: ["TRB_PLAN_SCHEDULE_UNFIT", "TRB_PLAN_VALUE_OUT_OF_RANGE"],
  why: "It may look at nothing but the number of the round: a rate that followed from customers' data would be a release. A factor of 0 or below trains nothing, a budget spent for noise.",
  check: checkSchedules,
};

function checkSchedules({ releases, optimiser }: Plan, _: LintOptions, report: Report): void {
  for (const [place, release] of releases.entries()) {
    const { kind, schedule } = release;
    if (schedule === undefined) continue;
    const path = `releases.${place}.schedule`;
    const unfit = (field: string, reason: string) => report("TRB_PLAN_SCHEDULE_UNFIT", `${path}${field}`, { reason });
    if (kind !== "training") {
      unfit("", `a release of kind ${kind} moves no weights`);
      continue;
    }
    const wanted = release.rounds - (release.retries ?? 0);
    if ((schedule.warmUp ?? 0) >= wanted) unfit(".warmUp", `it rises for as long as there are rounds, which are ${wanted}`);
    if (schedule.shape === "cosine") {
      const last = parseDecimal(schedule.last);
      if (!(last > 0 && last <= 1)) outOfRange(report, `${path}.last`, "above 0 and at most 1", schedule.last);
      continue;
    }
    const { steps } = schedule;
    if (steps.some(({ from }, i) => (i === 0 ? from !== 0 : from <= (steps[i - 1]?.from ?? 0)))) {
      unfit(".steps", "its steps don't ascend from round 0");
    }
    const decay = parseDecimal(optimiser.weightDecay ?? ("0" as typeof optimiser.learningRate));
    for (const [at, { factor }] of steps.entries()) {
      const value = parseDecimal(factor);
      if (!(value > 0 && value <= 1000)) outOfRange(report, `${path}.steps.${at}.factor`, "above 0 and at most 1000", factor);
      else if (decay > 0 && value * parseDecimal(optimiser.learningRate) * decay >= 1) {
        unfit(`.steps.${at}.factor`, "with the decoupled weight decay weights would change sign");
      }
    }
  }
}

interface Words {
  readonly rising: (rounds: number) => string;
  readonly cosine: (last: string) => string;
  /** @param steps the rounds counted from 1 */
  readonly piecewise: (steps: readonly { readonly from: number; readonly factor: string }[]) => string;
  readonly sentence: (release: number, course: string) => string;
}

const words: Readonly<Record<PlanLanguage, Words>> = {
  en: {
    rising: (rounds) => `rises over ${rounds} rounds, then `,
    cosine: (last) => `falls along a cosine to ${last} of the optimiser's`,
    piecewise: (steps) =>
      `is ${steps.map(({ from, factor }) => `${factor} of the optimiser's from round ${from} on`).join(", ")}`,
    sentence: (release, course) =>
      `In release ${release} the learning rate ${course}, counted in rounds released; that follows from the plan alone.`,
  },
  zh: {
    rising: (rounds) => `先在 ${rounds} 轮内上升，然后`,
    cosine: (last) => `沿余弦降到优化器学习率的 ${last} 倍`,
    piecewise: (steps) => `是优化器学习率的 ${steps.map(({ from, factor }) => `${factor} 倍（从第 ${from} 轮起）`).join("、")}`,
    sentence: (release, course) => `在第 ${release} 项发布中，学习率${course}，按已发布的轮次计数；这只由计划决定。`,
  },
};

/** For `plan explain`. */
export function scheduleSentences({ releases }: Plan, language: PlanLanguage): string[] {
  const { rising, cosine, piecewise, sentence } = words[language];
  return releases.flatMap((release, place) => {
    const { schedule } = release;
    if (schedule === undefined) return [];
    const start = schedule.warmUp ? rising(schedule.warmUp) : "";
    const course =
      schedule.shape === "cosine"
        ? cosine(schedule.last)
        : piecewise(schedule.steps.map(({ from, factor }) => ({ from: from + 1, factor })));
    return [sentence(place + 1, `${start}${course}`)];
  });
}
