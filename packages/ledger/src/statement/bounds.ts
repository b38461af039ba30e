/**
 * What the charged rounds cost for other units than the plan's own, and all of δ(ε).
 *
 * The noise of a round is z·Δ_k = z·k·Δ, k being the merchants that the plan allows a person. Somebody at m merchants moves the sum by m·Δ, so for that
 * person it is a round at noise multiplier z·k/m of a plan that allows m (`atSeveralMerchants` of `dp`): m = 1 is what one merchant's history costs, m = k
 * the plan's own ε, and m > k what it costs somebody at more merchants than the plan says that there are.
 */
import { epsilonFromRdp, type PrivacyBound, profileMu } from "@tributary/dp";
import { isTributaryError } from "@tributary/errors";
import { type Decimal, formatDecimal, type IdentityKey, type Plan, parseDecimal, planCost } from "@tributary/protocol";

/** Beyond this a parsed and formatted decimal could round noise up. */
const down = 1 - 1e-11;

/** ε of so many charged rounds for a person at `merchants` merchants. @returns null where nothing finite bounds it */
export function epsilonAt(plan: Plan, charged: readonly number[], merchants: number): Decimal | null {
  const planned = plan.maxMerchantsPerCustomer;
  if (merchants === planned) return finite(() => planCost(plan, charged).epsilon);
  const releases = plan.releases.map((release) => ({
    ...release,
    noiseMultiplier: formatDecimal((parseDecimal(release.noiseMultiplier) * planned * down) / merchants),
  }));
  return finite(() => planCost({ ...plan, maxMerchantsPerCustomer: merchants, releases }, charged).epsilon);
}

/** The plan as one merchant's customers paid for it: of selected parts of the catalogue only its own was selected from their behaviour. */
export function planOfMerchant(plan: Plan, key: IdentityKey): Plan {
  const { catalogueParts, ...others } = plan;
  const own = catalogueParts?.filter((part) => part.key === key) ?? [];
  return own.length === 0 ? others : { ...others, catalogueParts: own };
}

function finite(cost: () => number): Decimal | null {
  try {
    return formatDecimal(cost(), "up");
  } catch (error) {
    const unbounded = ["TRB_DP_EPSILON_UNBOUNDED", "TRB_DP_DELTA_INVALID", "TRB_DP_NOISE_TOO_SMALL", "TRB_DECIMAL_INVALID"];
    if (isTributaryError(error) && unbounded.includes(error.code)) return null;
    throw error;
  }
}

/** δ(ε) of releases that are (ε, δ) for all of these at once. */
export interface Profile {
  /** ε rising from 0. */
  readonly points: readonly { readonly epsilon: number; readonly delta: number }[];
  /** No two neighbours are told apart better than N(0, 1) from N(μ, 1), at ε up to the last point's. Null where nothing was spent. */
  readonly mu: number | null;
}

/**
 * @param rdp [orders] nats, which hold outside of a probability of `outside`
 * @param least δ at the last point, beside `outside`
 */
export function profileOf(orders: readonly number[], rdp: readonly number[], least: number, outside: number): Profile {
  if (rdp.every((value) => value === 0)) return { points: [{ epsilon: 0, delta: outside }], mu: null };
  const { epsilon: last } = epsilonFromRdp(orders, rdp, least);
  const points = Array.from({ length: 33 }, (_, place) => {
    const epsilon = (last * place) / 32;
    return { epsilon, delta: Math.min(1, deltaFromRdp(orders, rdp, epsilon) + outside) };
  }).filter(({ epsilon, delta }, place) => delta < 1 && (place === 0 || epsilon > 0));
  return { points, mu: points.length < 2 ? null : profileMu(points as readonly Pick<PrivacyBound, "epsilon" | "delta">[]) };
}

/**
 * The inverse of `epsilonFromRdp` of `dp`, order by order:
 *
 *   δ(ε) = min_α  exp((α − 1)(r(α) + ln(1 − 1/α) − ε)) / α,   δ(0) ≤ √(1 − e^−r(α))
 */
function deltaFromRdp(orders: readonly number[], rdp: readonly number[], epsilon: number): number {
  const at = orders.map((order, place) => {
    const divergence = rdp[place] ?? Number.POSITIVE_INFINITY;
    const converted = Math.exp((order - 1) * (divergence + Math.log1p(-1 / order) - epsilon)) / order;
    return Math.min(converted, Math.sqrt(-Math.expm1(-divergence)));
  });
  return Math.min(1, ...at);
}

/**
 * How often somebody who sees everything that was released, and knows all other customers, is right at most about whether a customer was among them, when
 * both were equally likely: (e^ε + δ)/(e^ε + 1), at whichever point of δ(ε) that is least. One half is guessing.
 */
export const guessedRight = ({ points }: Profile): number =>
  Math.min(1, ...points.map(({ epsilon, delta }) => (Math.exp(epsilon) + delta) / (Math.exp(epsilon) + 1)));
