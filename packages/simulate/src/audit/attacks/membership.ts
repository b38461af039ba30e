/**
 * Membership inference by likelihood ratio with few shadow models: was this customer in the training log?
 *
 * Models are trained on random halves of the customers. A customer's statistic under a model is how likely the model finds the customer's items
 * (mean ln P). Each model in turn is the target and the others are its shadows: of a customer they give the mean of the statistic where the
 * customer was in and where it was out; spreads are pooled over customers, because few shadows say little of one. The score is
 *
 *   ln N(s; mean_in, spread_in) − ln N(s; mean_out, spread_out).
 *
 * Source: Carlini, Chien, Nasr, Song, Terzis, Tramèr, "Membership Inference Attacks From First Principles" (2022), the online attack with global
 * variance. An attack, no bound: a better one may find more.
 */
import { type RandomSource, wordReader } from "@tributary/dp";
import { customersOf } from "../../scale/population.ts";
import { historyLogs } from "../model-scores.ts";
import { onlyCustomers, wholeLog } from "../planted-customers.ts";
import { type AttackedModel, type AttackOptions, attackedModel, type Protection, protections } from "./attacked-model.ts";
import { type Roc, rocOf } from "./roc.ts";

export interface MembershipReport {
  readonly protection: Protection;
  /** Null: nothing is claimed. */
  readonly epsilon: number | null;
  readonly models: number;
  /** Customers times models. */
  readonly cases: number;
  readonly roc: Roc;
  /** Mean over models of members' mean ln P less that of the others: how far the models have overfitted, in nats. */
  readonly gap: number;
}

/** Latest events of a customer that are looked at: those the model reads. */
const eventsLookedAt = 32;

/** @param models trained a protection, at least 3: one target, and shadows */
export async function attackMembership(options: AttackOptions, models: number): Promise<MembershipReport[]> {
  const reports: MembershipReport[] = [];
  for (const protection of protections) {
    const attacked = attackedModel(protection, options);
    const runs: { readonly members: Uint8Array; readonly logs: Float64Array }[] = [];
    for (let run = 0; run < models; run++) {
      const members = half(customersOf(attacked.population), attacked.random(`members ${run}`));
      runs.push({ members, logs: await statistic(attacked, members, run) });
      options.onProgress?.(`membership, ${protection}: models`, run + 1, models);
    }
    const scores = Float64Array.from(
      runs.flatMap((target) => [
        ...scoresOf(
          target,
          runs.filter((run) => run !== target),
        ),
      ]),
    );
    const members = Uint8Array.from(runs.flatMap((run) => [...run.members]));
    const gap = runs.reduce((sum, run) => sum + gapOf(run), 0) / models;
    reports.push({
      ...{ protection, epsilon: attacked.epsilon, models },
      cases: scores.length,
      roc: rocOf(scores, members),
      gap,
    });
  }
  return reports;
}

async function statistic(attacked: AttackedModel, members: Uint8Array, run: number): Promise<Float64Array> {
  const { population, scored } = attacked;
  const parameters = await attacked.train(onlyCustomers(population, members), run);
  return historyLogs(scored, parameters, wholeLog(population), eventsLookedAt);
}

/** A fair coin for each customer. */
function half(customers: number, random: RandomSource): Uint8Array {
  const words = wordReader(random);
  return Uint8Array.from({ length: customers }, () => words.bits(1));
}

interface Run {
  readonly members: Uint8Array;
  readonly logs: Float64Array;
}

function gapOf({ members, logs }: Run): number {
  const mean = (side: number) => {
    const those = logs.filter((_, customer) => members[customer] === side);
    return those.reduce((sum, log) => sum + log, 0) / those.length;
  };
  return mean(1) - mean(0);
}

/** `[customers]` */
function scoresOf(target: Run, shadows: readonly Run[]): Float64Array {
  const sides = [0, 1].map((side) => moments(target.logs.length, shadows, side));
  const [out, within] = sides as [Moments, Moments];
  return target.logs.map((log, customer) => logNormal(log, within, customer) - logNormal(log, out, customer));
}

interface Moments {
  /** `[customers]`; NaN where no shadow has the customer on this side */
  readonly means: Float64Array;
  /** Of all customers' deviations from their own means. */
  readonly spread: number;
}

function moments(customers: number, shadows: readonly Run[], side: number): Moments {
  const means = new Float64Array(customers);
  let [squares, freedom] = [0, 0];
  for (let customer = 0; customer < customers; customer++) {
    const seen = shadows.filter(({ members }) => members[customer] === side).map(({ logs }) => logs[customer] as number);
    const mean = seen.reduce((sum, log) => sum + log, 0) / seen.length;
    means[customer] = mean;
    if (seen.length < 2) continue;
    squares += seen.reduce((sum, log) => sum + (log - mean) ** 2, 0);
    freedom += seen.length - 1;
  }
  return { means, spread: Math.sqrt(squares / Math.max(1, freedom)) };
}

/** Without a mean nothing is known, and neither side is likelier. */
function logNormal(log: number, { means, spread }: Moments, customer: number): number {
  const mean = means[customer] as number;
  const width = Math.max(spread, 1e-9);
  return Number.isNaN(mean) ? 0 : -Math.log(width) - (log - mean) ** 2 / (2 * width * width);
}
