/** The block of figures that every report holds for `popularity`, `local`, `federated`, … (DESIGN §7). */
import type { HeldOut, Histories } from "@tributary/events/histories";
import { rankMetrics, rankOf } from "../metrics/ranking.ts";

export interface ResultBlock {
  readonly hr10: number;
  readonly ndcg10: number;
  readonly mrr: number;
  /** How many customers were evaluated. */
  readonly customers: number;
  /** Only customers whose held-out item is not in their own history: what own history alone can never find. */
  readonly newItems: { readonly hr10: number; readonly ndcg10: number; readonly customers: number };
}

/** Whether items of a customer's own history are candidates. */
export type Repeats = "keep" | "mask";

/** Every evaluated customer's rank, from which blocks are made; several parts' ranks are joined before they are averaged. */
export interface Ranks {
  readonly ranks: Float64Array;
  /** 1 where the held-out item is new to its customer. */
  readonly isNew: Uint8Array;
}

/** Places of the customers that have a held-out item, ascending. */
export function evaluatedCustomers({ targets }: HeldOut): readonly number[] {
  return [...targets.keys()].filter((customer) => (targets[customer] as number) > 0);
}

/**
 * Ranks one customer's held-out item among the whole catalogue.
 * @param scores of items 1 … n at places 0 … n − 1
 * @throws TRB_MODEL_SCORE_NAN
 */
export function rankHeldOut({ train, targets }: HeldOut, customer: number, scores: ArrayLike<number>, repeats: Repeats) {
  const own = ownPlaces(train, customer);
  const target = (targets[customer] as number) - 1;
  return { rank: rankOf(scores, target, repeats === "mask" ? own : undefined), isNew: !own.has(target) };
}

/** Places in the catalogue (item − 1) of the items in a customer's history. */
export function ownPlaces({ offsets, items }: Histories, customer: number): ReadonlySet<number> {
  const own = new Set<number>();
  for (let event = offsets[customer] as number; event < (offsets[customer + 1] as number); event++) {
    const item = items[event] as number;
    if (item > 0) own.add(item - 1);
  }
  return own;
}

export function resultBlock({ ranks, isNew }: Ranks): ResultBlock {
  const all = rankMetrics(ranks);
  const fresh = rankMetrics(ranks.filter((_, e) => isNew[e] === 1));
  return {
    hr10: all.hitRatio,
    ndcg10: all.ndcg,
    mrr: all.mrr,
    customers: all.count,
    newItems: { hr10: fresh.hitRatio, ndcg10: fresh.ndcg, customers: fresh.count },
  };
}

/** Joins the ranks of several merchants' customers: every customer counts once. */
export function joinRanks(parts: readonly Ranks[]): Ranks {
  return {
    ranks: Float64Array.from(parts.flatMap((part) => [...part.ranks])),
    isNew: Uint8Array.from(parts.flatMap((part) => [...part.isNew])),
  };
}
