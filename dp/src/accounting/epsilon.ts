/**
 * From Rényi divergences to (ε, δ), and what a list of releases costs together.
 *
 *   ε = max(0, min_α  r(α) + ln(1 − 1/α) − ln(δα)/(α − 1))
 *
 * Source: Canonne, Kamath, Steinke (2020), Proposition 12. Two ways to ε = 0 besides: no divergence at all, and δ ≥ √(1 − e^−r), which bounds
 * the total variation by the divergence (Bretagnolle–Huber; order 1 is below every order here).
 */
import { fail } from "@tributary/errors";
import { checkDelta, rdpIntegerOrders, type SampledGaussian } from "./orders.ts";
import { rdpVector } from "./poisson-gaussian.ts";

/** An ε, and the order that gave it (null when nothing was spent). */
export interface EpsilonAtOrder {
  readonly epsilon: number;
  readonly order: number | null;
}

/**
 * The best ε that divergences at several orders give at δ.
 * @param orders each above 1
 * @param rdp [orders] nats, of everything together
 * @throws TRB_DP_DELTA_INVALID, TRB_DP_ORDERS_MISMATCH, TRB_DP_EPSILON_UNBOUNDED when no order gives a finite ε
 */
export function epsilonFromRdp(orders: readonly number[], rdp: readonly number[], delta: number): EpsilonAtOrder {
  checkDelta(delta);
  const usable = orders.length > 0 && orders.every((order) => order > 1) && rdp.every((value) => value >= 0); // NaN fails as well
  if (!usable || orders.length !== rdp.length) {
    throw fail("TRB_DP_ORDERS_MISMATCH", { orders: orders.length, values: rdp.length });
  }
  if (rdp.every((value) => value === 0)) return { epsilon: 0, order: null };

  let best: EpsilonAtOrder = { epsilon: Number.POSITIVE_INFINITY, order: null };
  for (const [i, order] of orders.entries()) {
    const divergence = rdp[i] as number;
    const tiny = delta * delta + Math.expm1(-divergence) >= 0;
    const converted = divergence + Math.log1p(-1 / order) - Math.log(delta * order) / (order - 1);
    const epsilon = tiny ? 0 : Math.max(0, converted);
    if (epsilon < best.epsilon) best = { epsilon, order };
  }
  if (best.epsilon === Number.POSITIVE_INFINITY) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  return best;
}

/** The divergences of several releases on the same customers together: the sum, order by order. @throws TRB_DP_ORDERS_MISMATCH */
export function composeRdp(...vectors: readonly (readonly number[])[]): number[] {
  const length = vectors[0]?.length ?? rdpIntegerOrders.length;
  const total = new Array<number>(length).fill(0);
  for (const vector of vectors) {
    if (vector.length !== length) throw fail("TRB_DP_ORDERS_MISMATCH", { orders: length, values: vector.length });
    for (const [i, value] of vector.entries()) total[i] = (total[i] as number) + value;
  }
  return total;
}

/**
 * ε at δ of one kind of release, by the accountant `rdp-integer`.
 * @throws the codes of `rdpVector` and `epsilonFromRdp`
 */
export function epsilonOf({ delta, ...event }: SampledGaussian & { readonly delta: number }): number {
  return epsilonOfAll([event], delta);
}

/** ε at δ of several kinds of release on the same customers. */
export function epsilonOfAll(events: readonly SampledGaussian[], delta: number): number {
  const rdp = composeRdp(...events.map((event) => rdpVector(event)));
  return epsilonFromRdp(rdpIntegerOrders, rdp, delta).epsilon;
}
