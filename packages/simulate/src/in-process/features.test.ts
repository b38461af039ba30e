/** Moments of customers' features through a whole federation: what they say, what they cost, and that one customer moves them by no more than Δ. */
import { chooseScale, sumQueryParameters } from "@tributary/dp";
import {
  categoryNumbers,
  customerFeatures,
  type Histories,
  seededRandom,
  sliceHistories,
  splitCustomers,
} from "@tributary/events";
import { featureMomentsDimension, featureMomentsNorm, featureMomentsOf } from "@tributary/events/histories";
import { featuresQuery, initialFederationModel } from "@tributary/federation";
import { summarizeLedger, verifyLedger } from "@tributary/ledger";
import { bytesOf, querySum } from "@tributary/model";
import { fingerprintOf, formatDecimal, type IdentityKey, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { choosePlanToRead } from "../written-releases.ts";
import { simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const { catalogue, histories, settings } = syntheticMarket({ customers: 240, items: 40, seed: 1 });
const now = settings.opens + 120 * 86_400; // later events are not looked at
const merchants = 3;
const request = { catalogueItems: 40, customers: 240, merchants, epsilon: 16, delta: 1e-6, statistics: { retries: 0 } };
const plan = planDocument(crypto, choosePlanToRead(request, { share: 0.8, features: { now } }).plan, {
  ...{ federation: "features", coordinatorKey, catalogue, catalogueProvenance: "public" },
});

test("means and deviations are the customers' own up to the stated noise, in the ledger, paid for (fixed seed)", async () => {
  const result = await simulateFederation({
    ...{ plan, crypto, executor: onnxruntimeExecutor(), coordinatorSecret: secret, items: catalogue.items },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: splitCustomers(histories, merchants, 1).map((log, place) => ({ node: `shop-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  const ledger = new TextEncoder().encode(result.ledger);
  const verdict = verifyLedger(ledger, { crypto, key: fingerprintOf(crypto, coordinatorKey) });
  expect(verdict).toMatchObject({ failures: [], fullyVerified: true });
  expect(Number(verdict.epsilon)).toBeGreaterThan(15);
  expect(Number(verdict.epsilon)).toBeLessThanOrEqual(16);
  const [released, ...more] = summarizeLedger(ledger, crypto).flatMap(({ features }) => features ?? []);
  expect(more).toEqual([]);
  const deviation = released?.deviation ?? 0;
  const exact = await exactSum(histories);
  // |noise| of 52 coordinates within 6.9 standard deviations: a false alarm has a chance below 52·5.2e-12, and the seed is fixed
  for (const [place, sum] of (released?.sum ?? []).entries()) {
    expect(Math.abs(sum - (exact[place] ?? Number.NaN))).toBeLessThan(6.9 * deviation);
    expect(sum).not.toBe(exact[place]);
  }
  const { names, values } = customerFeatures(histories, catalogue, now);
  expect(released?.features.map(({ name }) => name)).toEqual(names);
  const events = Float64Array.from(histories.customers, (_, c) => Math.log1p(values[c * names.length] as number)).filter(
    (value) => !Number.isNaN(value),
  );
  const mean = events.reduce((sum, value) => sum + value, 0) / events.length;
  const [moments] = featureMomentsOf(released?.sum ?? [], deviation);
  expect(moments?.released).toBe(true);
  expect(Math.abs((moments?.mean ?? 0) - mean)).toBeLessThan((8 * 3.5 * deviation) / events.length);
}, 60_000);

const query = featuresQuery(categoryNumbers(catalogue.items), now);
const everybody = { sampling: { fill: (out: Uint8Array) => void out.fill(0) } };
const release = {
  ...{ arithmetic: "exact" as const, clipNorm: formatDecimal(featureMomentsNorm, "up"), noiseMultiplier: "3" },
  ...{ dimension: featureMomentsDimension, touched: featureMomentsDimension },
} as const;
const { scale } = chooseScale({ ...release, totalQuota: 4 * 256, maxNodes: 4, honestMinimum: 2 });
const parameters = sumQueryParameters({
  ...{ ...release, scale, fractionBits: 8, samplingRate: "1", minCohort: 3, maxCorrupt: 1, customerQuota: 256 },
});
const sumOf = async (log: Histories, maxEvents = 10_000) =>
  (await querySum({ ...parameters, query, histories: log, maxEvents, random: everybody })).total;
const exactSum = async (log: Histories) =>
  Float64Array.from(await sumOf(log, plan.caps.maxEvents), (units) => units / parameters.grid.unitsPerOne);

describe("one customer", () => {
  test("removed, moves the sum by its own vector and by no more than C, whoever it is", async () => {
    const all = await sumOf(histories);
    let largest = 0n;
    for (let customer = 0; customer < histories.customers.length; customer++) {
      const others = [...histories.customers.keys()].filter((one) => one !== customer);
      const without = await sumOf(sliceHistories(histories, others));
      const own = await sumOf(sliceHistories(histories, [customer]));
      const moved = all.map((units, place) => units - (without[place] as number));
      expect(moved).toEqual(own); // integers: nothing of the others changes
      const squares = moved.reduce((sum, units) => sum + BigInt(units) ** 2n, 0n);
      if (squares > largest) largest = squares;
    }
    expect(largest).toBeLessThanOrEqual(parameters.grid.squaredLimit);
    expect(largest).toBeGreaterThan(parameters.grid.squaredLimit / 4n); // C is no more than what is needed
  });

  test("of another history than anybody has is still within C: bounds hold whatever a log says", async () => {
    const wild: Histories = {
      customers: ["wild"],
      offsets: Uint32Array.of(0, 6),
      items: Int32Array.of(1, 40, 0, 3, 3, 9),
      actions: Uint8Array.of(1, 3, 4, 1, 3, 0),
      times: Float64Array.of(0, 1, 1e9, 1e9 + 1e-3, 1.7e9, now - 1),
      dwells: Float32Array.of(3e38, 0, Number.NaN, 1e30, 1, 0),
    };
    const sum = await sumOf(wild);
    expect(sum.reduce((total, units) => total + BigInt(units) ** 2n, 0n)).toBeLessThanOrEqual(parameters.grid.squaredLimit);
    expect(sum.some((units) => units !== 0)).toBe(true);
  });
});
