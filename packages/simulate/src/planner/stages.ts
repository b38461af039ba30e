/**
 * Training in stages, made of a plan that trains in one way throughout: each stage has its own clip norm and rate, and as many of the rounds as are asked for. Noise multiplier and sampling
 * rate stay, so that ε stays; a smaller norm has a scale of its own, and less noise in the model's units.
 *
 * Where metrics stand between rounds of training a stage is cut there. A course of the rate over all rounds (warm-up, cosine) is then written as steps of each part.
 */
import { chooseScale } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { formatDecimal, parseDecimal, type RateSchedule, type Release, rateFactor } from "@tributary/protocol";
import type { PlanChoice } from "./choose-plan.ts";

export interface Stage {
  readonly rounds: number;
  /** That of the plan unless given. */
  readonly clipNorm?: number;
  /** Factor on the optimiser's learning rate; 1 unless given. */
  readonly rate?: number;
}

export interface RateCourse {
  /** Rounds at the beginning of training over which the rate rises. */
  readonly warmUp?: number;
  /** What it falls to along a cosine, over all rounds of training; without it it stays. */
  readonly last?: number;
}

/** Steps that one release's schedule may have. */
const mostSteps = 64;

/**
 * @param merchants how many nodes a round may have at most
 * @throws TRB_PLAN_SCHEDULE_UNFIT where the stages have other rounds than the plan trains, or nothing is trained
 */
export function withStages(
  choice: PlanChoice,
  merchants: number,
  stages: readonly Stage[],
  course: RateCourse = {},
): PlanChoice {
  const { plan } = choice;
  const training = plan.releases.filter(({ kind }) => kind === "training");
  const total = training.reduce((sum, { rounds, retries = 0 }) => sum + rounds - retries, 0);
  const asked = stages.reduce((sum, { rounds }) => sum + rounds, 0);
  const unfit = (reason: string) => fail("TRB_PLAN_SCHEDULE_UNFIT", { reason });
  if (training.length === 0) throw unfit("nothing is trained");
  if (stages.length > 0 && asked !== total) throw unfit(`the stages have ${asked} rounds, and the plan trains for ${total}`);
  const every = stages.length > 0 ? stages : [{ rounds: total }];
  let [before, stage, within] = [0, 0, 0];
  const releases = plan.releases.flatMap((release): Release[] => {
    if (release.kind !== "training") return [release];
    const parts: Release[] = [];
    for (let left = release.rounds - (release.retries ?? 0); left > 0; ) {
      const current = every[stage] as Stage;
      const rounds = Math.min(left, current.rounds - within);
      const factors = Array.from({ length: rounds }, (_, i) => (current.rate ?? 1) * courseAt(course, total, before + i));
      parts.push({ ...clipped(release, plan, merchants, current.clipNorm), rounds, ...scheduleOf(factors) });
      [left, before, within] = [left - rounds, before + rounds, within + rounds];
      if (within === current.rounds) [stage, within] = [stage + 1, 0];
    }
    const [last] = parts.slice(-1);
    if (release.retries !== undefined && last !== undefined) {
      parts[parts.length - 1] = { ...last, rounds: last.rounds + release.retries, retries: release.retries };
    }
    return parts;
  });
  return { ...choice, plan: { ...plan, releases: merged(releases) }, why: [...choice.why, ...whyOf(every, course)] };
}

/** The factor of one of all rounds of training. */
function courseAt({ warmUp = 0, last = 1 }: RateCourse, total: number, before: number): number {
  const schedule: RateSchedule = { shape: "cosine", warmUp, last: formatDecimal(last) };
  return rateFactor({ schedule, rounds: total }, before);
}

/** Steps of the factors, where they are not all 1; of many the first of each run of equally many. */
function scheduleOf(factors: readonly number[]): Pick<Release, "schedule"> {
  const digits = factors.map((factor) => formatDecimal(Number(factor.toPrecision(6))));
  if (digits.every((factor) => parseDecimal(factor) === 1)) return {};
  const stride = Math.ceil(factors.length / mostSteps);
  const steps = digits.flatMap((factor, from) => (from % stride === 0 ? [{ from, factor }] : []));
  const changes = steps.filter(({ factor }, i) => i === 0 || factor !== steps[i - 1]?.factor);
  return { schedule: { shape: "piecewise", steps: changes } };
}

function clipped(release: Release, plan: PlanChoice["plan"], merchants: number, clipNorm: number | undefined): Release {
  const { retries: _, ...rest } = release;
  if (clipNorm === undefined) return rest;
  const norm = formatDecimal(clipNorm);
  const { arithmetic, noiseMultiplier, dimension, touched } = rest;
  const { minCohort, maxCorrupt, customerQuota, maxMerchantsPerCustomer } = plan;
  const { scale } = chooseScale({
    ...{ arithmetic, noiseMultiplier, dimension, touched, clipNorm: norm, totalQuota: merchants * customerQuota },
    ...{ maxNodes: merchants, honestMinimum: minCohort - maxCorrupt, maxMerchantsPerCustomer },
  });
  return { ...rest, clipNorm: norm, scale: formatDecimal(Number(scale)) };
}

/** Parts of training that are alike and follow each other are one release, unless their rate has a course. */
function merged(releases: readonly Release[]): Release[] {
  const together: Release[] = [];
  for (const release of releases) {
    const before = together.at(-1);
    const alike = before?.kind === "training" && release.kind === "training" && sameButRounds(before, release);
    if (before !== undefined && alike) together[together.length - 1] = { ...before, rounds: before.rounds + release.rounds };
    else together.push(release);
  }
  return together;
}

function sameButRounds(one: Release, other: Release): boolean {
  const steady = ({ schedule, retries }: Release) => retries === undefined && schedule === undefined;
  return steady(one) && steady(other) && one.clipNorm === other.clipNorm;
}

function whyOf(stages: readonly Stage[], { warmUp = 0, last = 1 }: RateCourse): string[] {
  const each = stages.map(({ rounds, clipNorm, rate = 1 }) => {
    const norm = clipNorm === undefined ? "the plan's clip norm" : `clip norm ${clipNorm}`;
    return `${rounds} rounds at ${norm}${rate === 1 ? "" : ` and ${rate} of the learning rate`}`;
  });
  return [
    ...(stages.length < 2
      ? []
      : [`Training runs in stages: ${each.join(", then ")}. ε is that of all rounds together, as without them.`]),
    ...(warmUp === 0 && last === 1
      ? []
      : [`The learning rate rises over ${warmUp} rounds and falls to ${last} of it along a cosine.`]),
  ];
}
