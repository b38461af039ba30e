/**
 * What a customer will do next, where no federation has released a head for it: a chain over the merchant's own customers' actions, the last two
 * of them where they were seen often enough, else the last one, else none, each backed by the shorter one:
 *
 *   P(a | b, c) = (n(b, c, a) + m·P(a | c)) / (n(b, c) + m),   P(a | c) = (n(c, a) + m·P(a)) / (n(c) + m)
 *
 * (Dirichlet smoothing; MacKay & Peto 1995). Counts are in-house, outside ε. A context that fewer than `minSupport` distinct customers had is not
 * looked at, so that nobody's own sequence can be read off an answer.
 */
import type { Histories } from "@tributary/events/histories";
import { defaultMinSupport } from "./own-statistics.ts";

export interface ActionChain {
  readonly actions: number;
  /** Contexts of two actions [b·actions + c], of one [c], and of none: counts of what came next, only where enough customers had them. */
  readonly second: Readonly<Record<number, readonly number[]>>;
  readonly first: Readonly<Record<number, readonly number[]>>;
  readonly none: readonly number[];
}

/** m: a context of so many events weighs as much as the shorter one. */
const smoothing = 10;

/** @param actions how many actions there are */
export function actionChain(
  { customers, offsets, actions: done }: Histories,
  actions: number,
  minSupport = defaultMinSupport,
): ActionChain {
  const contexts = [new Map<number, Context>(), new Map<number, Context>()] as const;
  const none = new Array<number>(actions).fill(0);
  for (let customer = 0; customer < customers.length; customer++) {
    const [begin, end] = [offsets[customer] as number, offsets[customer + 1] as number];
    for (let event = begin; event < end; event++) {
      const next = done[event] as number;
      none[next] = (none[next] as number) + 1;
      const [last, before] = [done[event - 1] as number, done[event - 2] as number];
      if (event > begin) count(contexts[0], last, next, customer, actions);
      if (event > begin + 1) count(contexts[1], before * actions + last, next, customer, actions);
    }
  }
  const supported = (of: ReadonlyMap<number, Context>) =>
    Object.fromEntries(
      [...of].flatMap(([key, { counts, support }]) => (support >= minSupport ? [[key, counts] as const] : [])),
    );
  return { actions, first: supported(contexts[0]), second: supported(contexts[1]), none };
}

interface Context {
  readonly counts: number[];
  support: number;
  last: number;
}

function count(contexts: Map<number, Context>, key: number, next: number, customer: number, actions: number): void {
  const context = contexts.get(key) ?? { counts: new Array<number>(actions).fill(0), support: 0, last: -1 };
  context.counts[next] = (context.counts[next] as number) + 1;
  if (context.last !== customer) context.support += 1;
  context.last = customer;
  contexts.set(key, context);
}

/**
 * @param done the customer's actions so far, oldest first
 * @returns [actions] probabilities; uniform where the log holds nothing
 */
export function nextActionOf(chain: ActionChain, done: ArrayLike<number>): readonly number[] {
  const { actions, first, second, none } = chain;
  const [last, before] = [done[done.length - 1], done[done.length - 2]];
  const uniform = new Array<number>(actions).fill(1 / actions);
  const byNone = smoothed(none, uniform, 1);
  if (last === undefined) return byNone;
  const byFirst = smoothed(first[last], byNone, smoothing);
  return before === undefined ? byFirst : smoothed(second[before * actions + last], byFirst, smoothing);
}

function smoothed(counts: readonly number[] | undefined, shorter: readonly number[], weight: number): readonly number[] {
  if (counts === undefined) return shorter;
  const total = counts.reduce((sum, n) => sum + n, 0);
  return counts.map((n, action) => (n + weight * (shorter[action] as number)) / (total + weight));
}
