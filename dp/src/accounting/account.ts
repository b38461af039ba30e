/**
 * What was spent, by one of seven accountants. An account is a value: `add` gives a new one, or refuses with a coded error and changes nothing.
 *
 * | accountant    | bounds                                                  | how tight |
 * | ------------- | ------------------------------------------------------- | --------- |
 * | `rdp-integer` | all but δ > 0; discrete noise with sampling as well     | certified default of plans and ledgers |
 * | `rdp`         | the same, but no discrete noise with sampling           | real orders: a little below `rdp-integer` |
 * | `lattice`     | discrete noise on integer vectors without sampling, σ in integer units known | the continuous curve, to nanonats |
 * | `pld`         | all but zCDP and discrete noise on more than one number | to the grid; also says how far it is from the truth at most |
 * | `zcdp`        | no sampling, no δ > 0                                   | as `rdp` |
 * | `gdp`         | continuous Gaussian noise without sampling              | exact |
 * | `approximate` | what is (ε, δ)-private by itself                        | exact for equal pure releases |
 */
import { fail } from "@tributary/errors";
import { composeApproximate } from "./approximate.ts";
import { type AtomicEvent, collectReleases, isSampled, type PrivacyEvent, type Releases } from "./events.ts";
import { gaussianDelta, gaussianEpsilon } from "./gaussian-dp.ts";
import { type LatticeRelease, latticeGaussianDelta, latticeGaussianEpsilon } from "./lattice-gaussian.ts";
import { checkDelta } from "./orders.ts";
import { lossBound } from "./pld/accountant.ts";
import { boundsByLoss } from "./pld/losses.ts";
import { boundsByRenyi, type RenyiOrders, renyiDelta, renyiEpsilon } from "./renyi/accountant.ts";
import { deltaFromZcdp, epsilonFromZcdp, rhoOfGaussian, rhoOfPure } from "./zcdp.ts";

/** All accountants, the certified one first. */
export const accountantNames = ["rdp-integer", "rdp", "lattice", "pld", "zcdp", "gdp", "approximate"] as const;
/** The name of an accountant. */
export type AccountantName = (typeof accountantNames)[number];

/** ε and δ that were proven to hold together, and what is known beyond that. */
export interface PrivacyBound {
  readonly epsilon: number;
  readonly delta: number;
  /** What the asked-for number is proven not to be below, where the accountant knows it. */
  readonly lower: number | null;
  /** The Rényi order that gave the bound, where there is one. */
  readonly order: number | null;
  /** What numerics made larger than it had to be, in words; empty as a rule. */
  readonly widened: readonly string[];
}

/** What was spent, by one accountant: a value. Asked for ε at a δ, or for δ at an ε. */
export interface Account {
  readonly accountant: AccountantName;
  readonly releases: readonly Releases[];
  /**
   * This account and `count` times the event.
   * @throws TRB_DP_EVENT_UNSUPPORTED when the accountant can't bound it, the codes of `releasesOf` when it is not an event
   */
  add(event: PrivacyEvent, count?: number): Account;
  /** @throws TRB_DP_DELTA_INVALID, TRB_DP_EPSILON_UNBOUNDED, TRB_DP_DELTA_SPENT */
  epsilon(delta: number): PrivacyBound;
  /** δ at ε ≥ 0; 1 says nothing. @throws TRB_DP_PARAMETER_INVALID, TRB_DP_EVENT_UNSUPPORTED by `approximate`, whose δ is chosen */
  delta(epsilon: number): PrivacyBound;
}

/** How an account computes; what it bounds does not change by it. */
export interface AccountOptions {
  /** Of `pld`: the grid in nats, instead of one that fits the losses. */
  readonly interval?: number;
}

type Found = Partial<Omit<PrivacyBound, "epsilon" | "delta">> & { readonly value: number };

interface Accountant {
  readonly bounds: (event: AtomicEvent) => boolean;
  readonly epsilon: (releases: readonly Releases[], delta: number, options: AccountOptions) => Found;
  readonly delta: (releases: readonly Releases[], epsilon: number, options: AccountOptions) => Found;
}

/** Nothing spent yet. */
export function account(accountant: AccountantName, options: AccountOptions = {}): Account {
  if (!accountantNames.includes(accountant)) {
    const value = String(accountant).slice(0, 80);
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "accountant", value, expected: accountantNames.join(", ") });
  }
  const { interval } = options;
  if (interval !== undefined && !(interval >= 1e-9 && interval <= 1)) {
    throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "interval", value: interval, expected: "from 1e-9 to 1" });
  }
  return accountOf(accountant, options, new Map());
}

function accountOf(name: AccountantName, options: AccountOptions, spent: ReadonlyMap<string, Releases>): Account {
  const accountant = accountants[name];
  const releases = [...spent.values()];
  return {
    accountant: name,
    releases,
    add(event, count = 1) {
      const after = collectReleases(event, count, spent);
      // keys keep their order: new ones come last
      if (after.size > spent.size) {
        for (const { event: atom } of [...after.values()].slice(spent.size)) if (!accountant.bounds(atom)) refuse(name, atom);
      }
      return accountOf(name, options, after);
    },
    epsilon(delta) {
      checkDelta(delta);
      const { value, ...rest } = releases.length === 0 ? { value: 0, lower: 0 } : accountant.epsilon(releases, delta, options);
      if (!(value < Number.POSITIVE_INFINITY)) throw fail("TRB_DP_EPSILON_UNBOUNDED");
      return { epsilon: value, delta, lower: null, order: null, widened: [], ...rest };
    },
    delta(epsilon) {
      if (!(epsilon >= 0 && Number.isFinite(epsilon))) {
        throw fail("TRB_DP_PARAMETER_INVALID", { parameter: "epsilon", value: epsilon, expected: "a finite number from 0 on" });
      }
      const { value, ...rest } = releases.length === 0 ? { value: 0, lower: 0 } : accountant.delta(releases, epsilon, options);
      if (Number.isNaN(value)) throw fail("TRB_DP_EPSILON_UNBOUNDED");
      return { epsilon, delta: Math.min(1, value), lower: null, order: null, widened: [], ...rest };
    },
  };
}

const pure = (event: AtomicEvent): boolean => event.kind !== "approximate" || event.delta === 0;

const accountants: Readonly<Record<AccountantName, Accountant>> = {
  "rdp-integer": renyi("integer"),
  rdp: renyi("real"),
  lattice: {
    bounds: (event) => event.kind === "lattice-gaussian" && !isSampled(event),
    epsilon: (releases, delta) => ({ value: latticeGaussianEpsilon(latticeReleases(releases), delta) }),
    delta: (releases, epsilon) => ({ value: latticeGaussianDelta(latticeReleases(releases), epsilon) }),
  },
  pld: {
    bounds: boundsByLoss,
    epsilon: (releases, delta, { interval }) => enclosed(lossBound(releases, { delta }, interval)),
    delta: (releases, epsilon, { interval }) => enclosed(lossBound(releases, { epsilon }, interval)),
  },
  zcdp: {
    bounds: (event) => !isSampled(event) && pure(event),
    epsilon: (releases, delta) => {
      const { epsilon: value, order } = epsilonFromZcdp(rhoOf(releases), delta);
      return { value, order };
    },
    delta: (releases, epsilon) => ({ value: deltaFromZcdp(rhoOf(releases), epsilon) }),
  },
  gdp: {
    bounds: (event) => event.kind === "gaussian" && !isSampled(event),
    epsilon: (releases, delta) => exactly(gaussianEpsilon(muOf(releases), delta)),
    delta: (releases, epsilon) => exactly(gaussianDelta(muOf(releases), epsilon)),
  },
  approximate: {
    bounds: (event) => event.kind === "approximate" || event.kind === "laplace",
    epsilon: (releases, delta) => ({ value: composeApproximate(releases.map(approximately), delta) }),
    delta: (releases, epsilon) => ({ value: leastDelta(releases, epsilon) }),
  },
};

const exactly = (value: number): Found => ({ value, lower: value });

function enclosed({ upper, lower, widened }: { upper: number; lower: number; widened: readonly string[] }): Found {
  return { value: upper, lower, widened };
}

function renyi(orders: RenyiOrders): Accountant {
  return {
    bounds: (event) => boundsByRenyi(event, orders),
    epsilon: (releases, delta) => {
      const { epsilon: value, order } = renyiEpsilon(releases, delta, orders);
      return { value, order };
    },
    delta: (releases, epsilon) => {
      const { delta: value, order } = renyiDelta(releases, epsilon, orders);
      return { value, order };
    },
  };
}

/** ρ of releases that `zcdp` bounds. */
export function rhoOf(releases: readonly Releases[]): number {
  const rho = releases.reduce((sum, { event, count }) => sum + count * rhoOfOne(event), 0);
  if (rho === Number.POSITIVE_INFINITY) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  return rho;
}

function rhoOfOne(event: AtomicEvent): number {
  switch (event.kind) {
    case "gaussian":
    case "discrete-gaussian":
    case "lattice-gaussian":
      return rhoOfGaussian(event.noiseMultiplier);
    case "integer-gaussian":
      return rhoOfGaussian(Math.sqrt(event.variance) / event.sensitivity);
    case "laplace":
      return rhoOfPure(1 / event.noiseMultiplier);
    case "approximate":
      return rhoOfPure(event.epsilon);
    case "zcdp":
      return event.rho;
  }
}

const latticeReleases = (releases: readonly Releases[]): LatticeRelease[] =>
  releases.flatMap(({ event, count }) => (event.kind === "lattice-gaussian" ? [{ ...event, count }] : []));

function muOf(releases: readonly Releases[]): number {
  let squares = 0;
  for (const { event, count } of releases) if (event.kind === "gaussian") squares += count / event.noiseMultiplier ** 2;
  if (squares === Number.POSITIVE_INFINITY) throw fail("TRB_DP_EPSILON_UNBOUNDED");
  return Math.sqrt(squares);
}

function approximately({ event, count }: Releases): { epsilon: number; delta: number; count: number } {
  if (event.kind === "laplace") {
    const epsilon = 1 / event.noiseMultiplier;
    if (epsilon === Number.POSITIVE_INFINITY) throw fail("TRB_DP_EPSILON_UNBOUNDED");
    return { epsilon, delta: 0, count };
  }
  return event.kind === "approximate" ? { epsilon: event.epsilon, delta: event.delta, count } : refuse("approximate", event);
}

/** The least δ, to a millionth of itself, whose ε does not pass the given one. */
function leastDelta(releases: readonly Releases[], epsilon: number): number {
  const all = releases.map(approximately);
  const spent = -Math.expm1(all.reduce((sum, { delta, count }) => sum + count * Math.log1p(-delta), 0));
  if (all.reduce((sum, each) => sum + each.count * each.epsilon, 0) <= epsilon) return spent;
  let low = Math.log(Math.max(spent, 1e-300));
  let high = 0;
  while (high - low > 1e-6) {
    const middle = (low + high) / 2;
    const delta = Math.exp(middle);
    if (delta >= 1 || (delta > spent && composeApproximate(all, delta) <= epsilon)) high = middle;
    else low = middle;
  }
  return Math.exp(high);
}

function refuse(name: AccountantName, event: AtomicEvent): never {
  const others = accountantNames.filter((other) => accountants[other].bounds(event));
  throw fail("TRB_DP_EVENT_UNSUPPORTED", {
    accountant: name,
    event: described(event),
    others: others.join(", ") || "none can",
  });
}

function described(event: AtomicEvent): string {
  if (event.kind === "approximate") return `(ε, δ)-privacy with δ = ${event.delta}`;
  if (event.kind === "zcdp") return "ρ-zCDP";
  return isSampled(event) ? `${event.kind} noise on sampled customers` : `${event.kind} noise`;
}
