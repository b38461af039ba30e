/** Metrics through a whole federation: whom they are of, what they say, and that nobody who is held out is learnt from. */

import { sumQueryParameters } from "@tributary/dp";
import { type Histories, seededRandom, splitCustomers } from "@tributary/events";
import { heldOutRule, initialFederationModel, recipeOf } from "@tributary/federation";
import { type LedgerRow, summarizeLedger, verifyLedger } from "@tributary/ledger";
import {
  bytesOf,
  finishStatistics,
  itemSimilarity,
  metricsQuery,
  metricsVectorNames,
  modelScorer,
  querySum,
  registerExtension,
  releasedScorer,
  splitHeldOut,
} from "@tributary/model";
import { fingerprintOf, type IdentityKey, parseDecimal, sha256Hex, sumQueryOf, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { describe, expect, test } from "vitest";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import type { PlanRequest } from "../planner/plan-request.ts";
import { choosePlanToRead } from "../written-releases.ts";
import { simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const executor = onnxruntimeExecutor();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const { catalogue, histories } = syntheticMarket({ customers: 240, items: 40, seed: 1 });
const merchants = 3;
const parts = splitCustomers(histories, merchants, 1);

function planOf(wishes: Pick<PlanRequest, "rounds" | "statistics">) {
  const request = { ...wishes, catalogueItems: 40, customers: 240, merchants, epsilon: 8, delta: 1e-6 };
  const { plan } = choosePlanToRead(request, { share: 0.3, metrics: { heldOut: 0.25 } });
  return planDocument(crypto, plan, { federation: "judged", coordinatorKey, catalogue, catalogueProvenance: "public" });
}
const plans = {
  statistics: planOf({ statistics: { retries: 0 } }),
  training: planOf({ rounds: 2 }),
};
type Plan = (typeof plans)["training"];

async function federate(plan: Plan, logs: readonly Histories[]) {
  const result = await simulateFederation({
    ...{ plan, crypto, executor, coordinatorSecret: secret, items: catalogue.items },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: logs.map((log, place) => ({ node: `shop-${place}`, histories: log })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  const ledger = new TextEncoder().encode(result.ledger);
  const verdict = verifyLedger(ledger, { crypto, key: fingerprintOf(crypto, coordinatorKey) });
  expect(verdict).toMatchObject({ failures: [], fullyVerified: true });
  const metrics = summarizeLedger(ledger, crypto).flatMap((row: LedgerRow) => row.metrics ?? []);
  return { ...result, metrics, verdict };
}

/** The same sums without noise, by one pass over everybody who is held out. */
async function exactSums(plan: Plan, { parameters, statistics }: Awaited<ReturnType<typeof federate>>) {
  const similarity = itemSimilarity(catalogue.items);
  const score =
    statistics === undefined
      ? (await modelScorer(plan.model, parameters, executor, 40)).score
      : releasedScorer(finishStatistics(recipeOf(plan), similarity, statistics), similarity, recipeOf(plan));
  const lossBound = parseDecimal(plan.metrics?.lossBound ?? "1");
  const query = metricsQuery({ score, items: 40, lossBound, scores: statistics === undefined ? "logits" : "shares" });
  const parameters8 = sumQueryParameters(sumQueryOf(plan, plan.releases.length - 1));
  const everybody = splitHeldOut(histories, heldOutRule(crypto, plan)).heldOut;
  const random = { sampling: { fill: (out: Uint8Array) => void out.fill(0) } };
  const { total } = await querySum({ ...parameters8, query, histories: everybody, maxEvents: plan.caps.maxEvents, random });
  return Float64Array.from(total, (units) => units / parameters8.grid.unitsPerOne);
}

/** The same log with one customer's items exchanged for others; `heldOut` says whose. */
function changed(plan: Plan, heldOut: boolean): readonly Histories[] {
  const isHeldOut = heldOutRule(crypto, plan);
  return parts.map((log) => {
    const c = log.customers.findIndex(
      (id, at) => isHeldOut?.(id) === heldOut && (log.offsets[at + 1] ?? 0) - (log.offsets[at] ?? 0) > 3,
    );
    const items = log.items.slice();
    const own = items.subarray(log.offsets[c], log.offsets[c + 1]);
    own.set(own.map((item) => (item === 0 ? 0 : (item % 40) + 1)));
    return { ...log, items };
  });
}

describe.each(Object.entries(plans))("after %s", (_, plan) => {
  test("metrics are the exact ones and the stated noise, in the ledger, paid for, and leave the model as it is", async () => {
    const run = await federate(plan, parts);
    expect(run.metrics).toHaveLength(1);
    const [metrics] = run.metrics;
    const exact = await exactSums(plan, run);
    const deviation = metrics?.deviation ?? 0;
    expect(exact[0]).toBeGreaterThan(30);
    expect(exact[0]).toBeLessThan(90);
    // |noise| of 8 coordinates within 6.6 standard deviations: a false alarm has a chance below 8·4.2e-11, and the seed is fixed
    for (const [at, name] of metricsVectorNames.entries()) {
      const noise = (metrics?.sums[name] ?? 0) - (exact[at] ?? 0);
      expect(Math.abs(noise), name).toBeLessThan(6.6 * deviation);
      expect(noise, name).not.toBe(0);
    }
    expect(metrics?.modelHash).toBe(run.modelHash);
    expect(Number(run.verdict.epsilon)).toBeGreaterThan(7.9);
    expect(Number(run.verdict.epsilon)).toBeLessThanOrEqual(8);
  }, 60_000);

  test("who is held out moves metrics and no model; who is not moves the model", async () => {
    const [before, judged, learnt] = [
      await federate(plan, parts),
      await federate(plan, changed(plan, true)),
      await federate(plan, changed(plan, false)),
    ];
    expect(judged.modelHash).toBe(before.modelHash);
    expect(judged.metrics[0]?.sums).not.toEqual(before.metrics[0]?.sums);
    expect(learnt.modelHash).not.toBe(before.modelHash);
  }, 60_000);
});

test("a query that fails at a customer ends a simulation with its name: a real node would only count that customer as zero", async () => {
  registerExtension({
    name: "broken",
    query: {
      shape: () => ({ dimension: 2, touched: 1, clipNorm: 1 }),
      query: () => ({
        answer: () => {
          throw new RangeError("no such thing");
        },
      }),
    },
  });
  const request = { catalogueItems: 40, customers: 240, merchants, epsilon: 8, delta: 1e-6, statistics: { retries: 0 } };
  const queries = [{ name: "broken", dimension: 2, touched: 1, clipNorm: 1 }];
  const { plan } = choosePlanToRead(request, { share: 0.3, queries });
  const identity = { federation: "judged", coordinatorKey, catalogue, catalogueProvenance: "public" } as const;
  const extensions = [{ name: "broken", sha256: sha256Hex.parse("ab".repeat(32)) }];
  const broken = planDocument(crypto, { ...plan, extensions }, identity);
  await expect(federate(broken, parts)).rejects.toThrow(expect.objectContaining({ code: "TRB_EXTENSION_UNFIT" }));
}, 60_000);
