/** Plans without findings, one for each thing that a plan can hold, for tests to bend. */
import { chooseScale } from "@tributary/dp";
import { formatDecimal } from "../canonical/decimals.ts";
import { toHex } from "../canonical/hex.ts";
import { nodeCrypto } from "../crypto/node.ts";
import { type Decimal, decimal as decimalSchema, identityKey, sha256Hex } from "../identifiers.ts";
import { declarePart, provenanceOf } from "./catalogue-parts.ts";
import { planCost } from "./cost.ts";
import { examplePlan } from "./example-plan.ts";
import { featureCoordinates } from "./features.ts";
import { metricCoordinates } from "./metrics.ts";
import { packedPlan } from "./packed-plan.test-support.ts";
import type { Plan, Release } from "./schema.ts";
import { selectionSchema } from "./selection.ts";

export const decimal = (text: string): Decimal => decimalSchema.parse(text);

/** ε as the accountant has it. */
export const priced = (plan: Plan): Plan => ({ ...plan, epsilon: formatDecimal(planCost(plan).epsilon, "up") });

const base = examplePlan();
const [training] = base.releases as [Release];
const merchants = { totalQuota: 4 * 64, maxNodes: 4, honestMinimum: 2 };
const sha256 = sha256Hex.parse("ab".repeat(32));

type Shape = Pick<Release, "kind" | "dimension" | "touched"> & { readonly clipNorm: string; readonly noiseMultiplier: string };

/** A release in exact arithmetic that fits the example's four merchants. */
function exact(shape: Shape, change: Partial<Release> = {}, maxMerchantsPerCustomer = 1): Release {
  const { scale } = chooseScale({ ...shape, ...merchants, arithmetic: "exact", maxMerchantsPerCustomer });
  return {
    ...{ ...shape, arithmetic: "exact", clipNorm: decimal(shape.clipNorm), noiseMultiplier: decimal(shape.noiseMultiplier) },
    ...{ samplingRate: decimal("1"), rounds: 1, scale: decimal(scale), fractionBits: 8, ...change },
  };
}

const eight = metricCoordinates.length;
const caps = { ...base.caps, maxItems: 32, maxPairs: 64 };
export const metricsRelease = (change: Partial<Release> = {}): Release =>
  exact({ kind: "metrics", dimension: eight, touched: eight, clipNorm: "2.8285", noiseMultiplier: "3" }, change);
const moments = exact({
  ...{ kind: "features", dimension: featureCoordinates, touched: featureCoordinates },
  ...{ clipNorm: "7.22", noiseMultiplier: "9" },
});
const query = (noiseMultiplier: string, rounds = 2, k = 1): Release =>
  exact({ kind: "query", dimension: 64, touched: 3, clipNorm: "1", noiseMultiplier }, { query: "visits", rounds }, k);
const popularity = exact({ kind: "popularity", dimension: 50, touched: 32, clipNorm: "1", noiseMultiplier: "9" });
const pairs = exact(
  { kind: "pairs", dimension: 200, touched: 64, clipNorm: "1", noiseMultiplier: "9" },
  { rounds: 3, retries: 1 },
);

const statistics: NonNullable<Plan["statistics"]> = {
  ...{ window: 3, firstPopularity: decimal("0.5"), firstContent: decimal("2"), firstNorm: decimal("10") },
  ...{ aliveAbove: decimal("0.003"), weighBy: "probability", weightFloor: decimal("0.01"), weightPower: decimal("0.3") },
  ...{ laterNorm: decimal("0.3"), priorMean: decimal("3"), priorPopularity: decimal("1.3"), roundOdds: decimal("0.0001") },
  ...{ finalOdds: decimal("0.00003"), roundContent: decimal("8"), finalContent: decimal("6"), keepAbove: decimal("0.02") },
  ...{ targetPopularity: decimal("0.2"), contentWeight: decimal("20"), contentSharpness: decimal("14") },
  ...{ decay: decimal("0.5"), latest: 20 },
};

function severalMerchants(): Plan {
  const { scale } = chooseScale({ ...training, ...merchants, maxMerchantsPerCustomer: 3 });
  return priced({ ...base, maxMerchantsPerCustomer: 3, releases: [{ ...training, scale: decimal(scale) }] });
}

function withParts(): Plan {
  const crypto = nodeCrypto();
  const declared = ["alpha", "beta", "gamma"].map((name, place) => {
    const secret = new Uint8Array(32).fill(place + 1);
    const key = identityKey.parse(toHex(crypto.signingPublicKey(secret)));
    const facts = { name, part: sha256, items: 3 };
    const selection = { epsilon: decimal(`0.${place}5`), delta: decimal("1e-9"), maxItems: 2 };
    return declarePart(
      { key, sign: (message) => crypto.sign(message, secret) },
      place === 0 ? { ...facts, provenance: "public" } : { ...facts, provenance: "dp-selection", selection },
    );
  });
  return priced({ ...base, catalogueParts: declared, catalogueProvenance: provenanceOf(declared) });
}

const extended = (releases: readonly Release[], change: Partial<Plan> = {}): Plan =>
  priced({ ...base, extensions: [{ name: "visits", sha256 }], releases: [...releases], ...change });

const step = (from: number, factor: string) => ({ from, factor: decimal(factor) });
const metrics = { heldOut: decimal("0.1"), lossBound: decimal("12") };

/** By what each of them holds beside the others. */
export const soundPlans = {
  training: base,
  severalMerchants: severalMerchants(),
  statistics: priced({ ...base, caps, statistics, releases: [popularity, pairs, training] }),
  warmStart: priced({
    ...{ ...base, caps, statistics, releases: [popularity, pairs, training] },
    warmStart: { walks: 1000, epochs: 2, batch: 64, learningRate: decimal("0.01"), repeats: "keep", seed: 1 },
  }),
  read: priced({
    ...{ ...base, metrics, features: { now: 1_700_000_000 } },
    releases: [training, metricsRelease({ samplingRate: decimal("0.5"), rounds: 3, retries: 1 }), moments],
  }),
  acceptance: priced({
    ...{ ...base, minCustomers: 4000, metrics, releases: [metricsRelease(), training, metricsRelease()] },
    acceptance: { metric: "ndcg10", tolerance: decimal("0.01") },
  }),
  scheduled: priced({
    ...base,
    releases: [
      { ...training, rounds: 10, schedule: { shape: "cosine", warmUp: 2, last: decimal("0.1") } },
      { ...training, rounds: 5, schedule: { shape: "piecewise", steps: [step(0, "0.1"), step(3, "0.01")] } },
    ],
  }),
  stopping: priced({
    ...{ ...base, minCustomers: 4000, metrics },
    releases: [metricsRelease(), training, metricsRelease(), training, metricsRelease(), training],
    earlyStop: { metric: "ndcg10", patience: 2, leastGain: decimal("0.001") },
    promotion: { rule: "rounds", every: 5 },
  }),
  promoting: priced({
    ...{ ...base, minCustomers: 4000, metrics, releases: [metricsRelease(), training, metricsRelease()] },
    acceptance: { metric: "ndcg10", tolerance: decimal("0.01") },
    promotion: { rule: "acceptance", leastGain: decimal("0.005") },
  }),
  query: extended([training, query("9")]),
  lattice: extended([query("3"), query("5", 1)], { accountant: "lattice" }),
  latticeAtSeveral: extended([query("3", 2, 2)], { accountant: "lattice", maxMerchantsPerCustomer: 2 }),
  packed: packedPlan(),
  parts: withParts(),
  selection: priced({
    ...base,
    selection: selectionSchema.parse({
      ...{ distribution: "truncated-negative-binomial", shape: "0", gamma: "0.0256", noiseMultiplier: "2" },
    }),
  }),
  tuned: priced({
    ...base,
    selection: selectionSchema.parse({ distribution: "poisson", mean: "10", noiseMultiplier: "1.5" }),
  }),
  graph: { ...base, graph: { dropoutRate: decimal("0.1"), dropouts: "independent" } } satisfies Plan as Plan,
  declared: { ...base, initialModel: "public", trained: ["final.*", "item.weight"] } satisfies Plan as Plan,
} as const;
