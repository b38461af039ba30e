/**
 * What a customer will do next, where no federation has released a head for it: a chain over the merchant's own customers' actions. Its context is the last two
 * actions, whether both were on the same item and whether that item was there before; each context is backed by a shorter one:
 *
 *   P(a | b, c, items) = (n(b, c, items, a) + m·P(a | b, c)) / (n(b, c, items) + m)
 *   P(a | b, c) = (n(b, c, a) + m·P(a | c)) / (n(b, c) + m),   P(a | c) = (n(c, a) + m·P(a)) / (n(c) + m)
 *
 * (Dirichlet smoothing; MacKay & Peto 1995), and at last by what this customer itself did after c, n_u, which weighs as much as the log bears out:
 *
 *   P(a) = (n_u(c, a) + m_u·P(a | b, c, items)) / (n_u(c) + m_u)
 *
 * Counts are in-house, outside ε. A context that fewer than `minSupport` distinct customers had is not looked at, so that nobody's own sequence can be read off
 * another's answer.
 */
import type { Histories } from "@tributary/events/histories";
import { defaultMinSupport } from "./own-statistics.ts";

export interface ActionChain {
  readonly actions: number;
  /** Counts of what came next, by context, the longest first: only where enough customers had it. */
  readonly contexts: readonly Readonly<Record<number, readonly number[]>>[];
  readonly none: readonly number[];
  /** m_u; Infinity: what the customer itself did is not looked at. */
  readonly ownSmoothing: number;
}

/** One customer's events so far, oldest first. */
export type ActedEvents = Pick<Histories, "items" | "actions">;

/** m: a context of so many events weighs as much as the shorter one. */
const smoothing = 10;
const ownSmoothings = [Number.POSITIVE_INFINITY, 64, 32, 16, 8, 4] as const;
/** m_u is chosen on so many events, of customers spread over the log. */
const mostAsked = 200_000;
/** Latest events that own counts and "was there before" look back on. */
const lookBack = 500;

/**
 * @param actions how many actions there are
 * @param isLeftOut whether nothing is to be counted of the customer at this place
 */
export function actionChain(
  histories: Histories,
  actions: number,
  minSupport = defaultMinSupport,
  isLeftOut: (place: number) => boolean = () => false,
): ActionChain {
  const { customers, offsets, actions: done } = histories;
  const counted = [new Map<number, Context>(), new Map<number, Context>(), new Map<number, Context>()];
  const none = new Array<number>(actions).fill(0);
  for (let customer = 0; customer < customers.length; customer++) {
    if (isLeftOut(customer)) continue;
    const follow = follower(actions);
    for (let event = offsets[customer] as number; event < (offsets[customer + 1] as number); event++) {
      const next = done[event] as number;
      none[next] = (none[next] as number) + 1;
      for (const [order, key] of follow.keys().entries()) {
        const contexts = counted[order];
        if (key >= 0 && contexts !== undefined) count(contexts, key, next, customer, actions);
      }
      follow.add(histories.items[event] as number, next);
    }
  }
  const supported = (of: ReadonlyMap<number, Context>) =>
    Object.fromEntries(
      [...of].flatMap(([key, { counts, support }]) => (support >= minSupport ? [[key, counts] as const] : [])),
    );
  const chain = { actions, contexts: counted.map(supported), none, ownSmoothing: Number.POSITIVE_INFINITY };
  return { ...chain, ownSmoothing: bestOwnSmoothing(histories, chain, isLeftOut) };
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

/** Goes along one customer's events. */
function follower(actions: number) {
  let [before, last, sameItem, wasThere, latest] = [-1, -1, 0, 0, 0];
  const seen = new Set<number>();
  const own = new Map<number, number[]>();
  return {
    /** Of the contexts, the longest first; −1 where there is none. */
    keys(): readonly [number, number, number] {
      const pair = before < 0 ? -1 : before * actions + last;
      return [pair < 0 ? -1 : (pair * 2 + sameItem) * 2 + wasThere, pair, last];
    },
    /** What this customer did after its last action so far. */
    own: () => own.get(last),
    add(item: number, action: number) {
      if (last >= 0) {
        const counts = own.get(last) ?? new Array<number>(actions).fill(0);
        counts[action] = (counts[action] as number) + 1;
        own.set(last, counts);
      }
      sameItem = item > 0 && item === latest ? 1 : 0;
      if (sameItem === 0) wasThere = item > 0 && seen.has(item) ? 1 : 0;
      if (item > 0) seen.add(item);
      [before, last, latest] = [last, action, item];
    },
  };
}

/** By what the chain says of each customer's events in turn, in nats: the customer's own counts are of those before. */
function bestOwnSmoothing(
  { customers, offsets, items, actions: done }: Histories,
  chain: ActionChain,
  isLeftOut: (place: number) => boolean,
): number {
  const losses = new Float64Array(ownSmoothings.length);
  const stride = Math.max(1, Math.ceil(done.length / mostAsked));
  for (let customer = 0; customer < customers.length; customer += stride) {
    if (isLeftOut(customer)) continue;
    const follow = follower(chain.actions);
    for (let event = offsets[customer] as number; event < (offsets[customer + 1] as number); event++) {
      const next = done[event] as number;
      const shared = byContexts(chain, follow.keys())[next] as number;
      const own = follow.own();
      const total = own === undefined ? 0 : own.reduce((sum, n) => sum + n, 0);
      for (const [place, weight] of ownSmoothings.entries()) {
        const p =
          own === undefined || weight === Number.POSITIVE_INFINITY
            ? shared
            : ((own[next] as number) + weight * shared) / (total + weight);
        losses[place] = (losses[place] as number) - Math.log(Math.max(1e-12, p));
      }
      follow.add(items[event] as number, next);
    }
  }
  const least = losses.reduce((best, loss, place) => (loss < (losses[best] as number) ? place : best), 0);
  return ownSmoothings[least] as number;
}

/** @returns [actions] probabilities; uniform where the log holds nothing */
export function nextActionOf(chain: ActionChain, { items, actions: done }: ActedEvents): readonly number[] {
  const follow = follower(chain.actions);
  for (let event = Math.max(0, done.length - lookBack); event < done.length; event++)
    follow.add(items[event] as number, done[event] as number);
  const shared = byContexts(chain, follow.keys());
  return chain.ownSmoothing === Number.POSITIVE_INFINITY ? shared : smoothed(follow.own(), shared, chain.ownSmoothing);
}

function byContexts({ actions, contexts, none }: ActionChain, keys: readonly number[]): readonly number[] {
  let said = smoothed(none, new Array<number>(actions).fill(1 / actions), 1);
  for (let order = contexts.length - 1; order >= 0; order--) {
    const key = keys[order] as number;
    if (key < 0) break;
    said = smoothed(contexts[order]?.[key], said, smoothing);
  }
  return said;
}

function smoothed(counts: readonly number[] | undefined, shorter: readonly number[], weight: number): readonly number[] {
  if (counts === undefined) return shorter;
  const total = counts.reduce((sum, n) => sum + n, 0);
  return counts.map((n, action) => (n + weight * (shorter[action] as number)) / (total + weight));
}
