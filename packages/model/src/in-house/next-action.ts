/**
 * What is said of a customer's next action where a round has trained a head h for it and the merchant's own chain c (`action-chain.ts`) is there too. Which of
 * them, or how much of each, is what the merchant's own customers bear out, by log-loss in nats:
 *
 *   P(a) = w·softmax(logits / T)(a) + (1 − w)·c(a)
 *
 * w and T (temperature scaling, Guo et al. 2017: after few noisy rounds a head is sure of itself) are searched on half of the judged customers; the others have to
 * be better off with them than with the chain alone, or w = 0. Judged are customers whom no round has learnt from, where the merchant holds enough of them out;
 * else every fifth, from whom the head, if through noise, has learnt. The chain that they are judged by is of all others. Deterministic, in-house, and outside ε.
 */
import type { Histories } from "@tributary/events/histories";
import type { Stretch } from "../evaluation/scorer.ts";
import { type ActionChain, actionChain, nextActionOf } from "./action-chain.ts";

export interface NextActionBlend {
  /** w: 0 the chain alone, 1 the head alone. */
  readonly weight: number;
  /** T. */
  readonly temperature: number;
  readonly validation: NextActionValidation;
}

/** On the half that the choice was not searched on; nats an event. */
interface NextActionValidation {
  readonly cases: number;
  /** Of customers whom no round has learnt from. */
  readonly heldOut: boolean;
  /** Of what was chosen, of the chain alone, and of the head as it was released. */
  readonly logLoss: number;
  readonly chainLogLoss: number;
  readonly headLogLoss: number;
}

/** Events of judged customers, each with what comes before it. */
export interface NextActionCases {
  /** Of everybody; the stretches are places in it. */
  readonly histories: Histories;
  readonly stretches: readonly Stretch[];
  /** What came next. */
  readonly next: readonly number[];
  /** 0 or 1: which half its customer is in. */
  readonly half: readonly number[];
  /** Of all customers but those who are judged. */
  readonly chain: ActionChain;
  readonly heldOut: boolean;
}

/** Fewer judged customers choose nothing: the chain serves. */
const fewestJudged = 20;
const [mostJudged, latestOfEach] = [1_000, 4];
const oneIn = 5;
const weights = [0.1, 0.25, 0.5, 0.75, 0.9, 1];
const temperatures = [1, 1.5, 2, 3, 5, 8];
/** A probability that is lower counts as this one, as one certain mistake would decide everything. */
const leastProbability = 1e-6;

/**
 * @param options.isUnlearnt whether no round has learnt from the customer
 * @returns undefined where too few customers have two events of which one has an item
 */
export function nextActionCases(
  histories: Histories,
  actions: number,
  options: { readonly minSupport: number; readonly isUnlearnt?: ((customer: string) => boolean) | undefined },
): NextActionCases | undefined {
  const { minSupport, isUnlearnt } = options;
  const { customers, offsets } = histories;
  const able = customers.flatMap((customer, place) => (latest(histories, place).length > 0 ? [{ customer, place }] : []));
  const unlearnt = isUnlearnt === undefined ? [] : able.filter(({ customer }) => isUnlearnt(customer));
  const heldOut = unlearnt.length >= fewestJudged;
  const judged = spread(heldOut ? unlearnt : able.filter((_, n) => n % oneIn === 0)).map(({ place }) => place);
  if (judged.length < fewestJudged) return undefined;
  const isJudged = new Set(judged);
  const cases = judged.flatMap((place, n) =>
    latest(histories, place).map((event) => ({ begin: offsets[place] as number, end: event, half: n % 2 })),
  );
  return {
    ...{ histories, heldOut, chain: actionChain(histories, actions, minSupport, (place) => isJudged.has(place)) },
    stretches: cases.map(({ begin, end }) => ({ begin, end })),
    next: cases.map(({ end }) => histories.actions[end] as number),
    half: cases.map(({ half }) => half),
  };
}

/** Places of the latest events that have an item event before them. */
function latest({ offsets, items }: Histories, customer: number): readonly number[] {
  const [begin, end] = [offsets[customer] as number, offsets[customer + 1] as number];
  const first = items.subarray(begin, end).findIndex((item) => item > 0);
  const from = first < 0 ? end : Math.max(begin + first + 1, end - latestOfEach);
  return Array.from({ length: Math.max(0, end - from) }, (_, n) => from + n);
}

function spread<One>(all: readonly One[]): readonly One[] {
  if (all.length <= mostJudged) return all;
  return Array.from({ length: mostJudged }, (_, n) => all[Math.floor((n * all.length) / mostJudged)] as One);
}

/** @param logits of the head, a row for each case */
export function chooseNextAction(
  { histories, stretches, next, half, chain, heldOut }: NextActionCases,
  logits: readonly ArrayLike<number>[],
): NextActionBlend {
  const chained = stretches.map(({ begin, end }, n) => {
    const events = { items: histories.items.subarray(begin, end), actions: histories.actions.subarray(begin, end) };
    return nextActionOf(chain, events)[next[n] as number] as number;
  });
  const headed = new Map(
    temperatures.map((temperature) => [
      temperature,
      logits.map((row, n) => softened(row, temperature)[next[n] as number] ?? 0),
    ]),
  );
  const loss = (of: number, weight: number, temperature: number): number => {
    const head = headed.get(temperature) ?? [];
    let [sum, cases] = [0, 0];
    for (const [n, chainSays] of chained.entries()) {
      if (half[n] !== of) continue;
      const probability = weight * (head[n] as number) + (1 - weight) * chainSays;
      sum -= Math.log(Math.max(leastProbability, probability));
      cases += 1;
    }
    return sum / Math.max(1, cases);
  };
  const [finding, confirming] = [0, 1];
  let found = { weight: 0, temperature: 1, loss: loss(finding, 0, 1) };
  for (const weight of weights) {
    for (const temperature of temperatures) {
      const here = loss(finding, weight, temperature);
      if (here < found.loss) found = { weight, temperature, loss: here };
    }
  }
  const chainLogLoss = loss(confirming, 0, 1);
  const confirmed = loss(confirming, found.weight, found.temperature);
  const isBetter = confirmed < chainLogLoss;
  return {
    ...(isBetter ? { weight: found.weight, temperature: found.temperature } : { weight: 0, temperature: 1 }),
    validation: {
      ...{ cases: half.filter((one) => one === confirming).length, heldOut },
      ...{ logLoss: isBetter ? confirmed : chainLogLoss, chainLogLoss, headLogLoss: loss(confirming, 1, 1) },
    },
  };
}

/** @returns [actions] w·softmax(logits / T) + (1 − w)·c */
export function blendedNextAction(
  { weight, temperature }: Pick<NextActionBlend, "weight" | "temperature">,
  logits: ArrayLike<number>,
  chained: readonly number[],
): readonly number[] {
  const head = softened(logits, temperature);
  return chained.map((p, action) => weight * (head[action] ?? 0) + (1 - weight) * p);
}

/** softmax(logits / T) */
export function softened(logits: ArrayLike<number>, temperature = 1): readonly number[] {
  const list = Array.from(logits);
  const most = Math.max(...list);
  const exponentials = list.map((logit) => Math.exp((logit - most) / temperature));
  const sum = exponentials.reduce((total, one) => total + one, 0);
  return exponentials.map((one) => one / sum);
}
