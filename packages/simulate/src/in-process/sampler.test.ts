/** A plan whose noise OpenDP draws: run where it is built, and refused at once where it is not. */

import { openOpenDp } from "@opendp/opendp";
import { isTributaryError } from "@tributary/errors";
import { seededRandom, splitCustomers } from "@tributary/events";
import { initialFederationModel } from "@tributary/federation";
import { parseLine, verifyLedger } from "@tributary/ledger";
import { bytesOf } from "@tributary/model";
import { fingerprintOf, type IdentityKey, toHex } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { expect, test } from "vitest";
import { merchantParts } from "../judging.ts";
import { syntheticMarket } from "../market/synthetic-market.ts";
import { planDocument } from "../plan-document.ts";
import { choosePlan } from "../planner/choose-plan.ts";
import { simulateFederation } from "./federation.ts";

const crypto = nodeCrypto();
const secret = new Uint8Array(32).fill(7);
const coordinatorKey = toHex(crypto.signingPublicKey(secret)) as IdentityKey;
const { catalogue, histories } = syntheticMarket({ customers: 90, items: 30, seed: 1 });

/** One round with seeded randomness: its ledger and its model. */
async function federate(sampler: "exact" | "opendp") {
  const parts = merchantParts(splitCustomers(histories, 3, 1));
  const customers = parts.reduce((sum, { train }) => sum + train.customers.length, 0);
  const wishes = { catalogueItems: 30, customers, merchants: 3, epsilon: 8, delta: 1e-6, rounds: 1, sampler };
  const numbers = choosePlan(wishes).plan;
  const plan = planDocument(crypto, numbers, {
    ...{ federation: "sampler", coordinatorKey, catalogue, catalogueProvenance: "public" },
  });
  const result = await simulateFederation({
    ...{ plan, crypto, executor: onnxruntimeExecutor(), coordinatorSecret: secret },
    initialParameters: initialFederationModel(crypto, plan).parameters,
    nodes: parts.map(({ node, train }) => ({ node, histories: train })),
    random: (...party) => bytesOf(seededRandom(1, ...party)),
  });
  const { verified, failures } = verifyLedger(new TextEncoder().encode(result.ledger), {
    crypto,
    key: fingerprintOf(crypto, coordinatorKey),
  });
  expect(failures).toEqual([]);
  expect(verified).toBe(true);
  const samplers = result.ledger
    .trim()
    .split("\n")
    .map((line) => parseLine(line))
    .flatMap((entry) => (entry.kind === "round" ? [entry.mechanism.sampler] : []));
  return { parameters: result.parameters, samplers };
}

const present = await openOpenDp().then(
  () => true,
  (error: unknown) => {
    if (isTributaryError(error) && error.code === "TRB_OPENDP_NOT_BUILT") return false;
    throw error;
  },
);

test("the ledger says which sampler drew the noise; OpenDP's is refused where it is not built", {
  timeout: 60_000,
}, async () => {
  const ours = await federate("exact");
  expect(ours.samplers).toEqual(["exact"]);
  if (!present) {
    await expect(federate("opendp")).rejects.toMatchObject({ code: "TRB_OPENDP_NOT_BUILT" });
    return;
  }
  const theirs = await federate("opendp");
  expect(theirs.samplers).toEqual(["opendp"]);
  expect((await federate("opendp")).parameters).toEqual(theirs.parameters); // all of its randomness is the node's stream
  expect(theirs.parameters).not.toEqual(ours.parameters);
});

test("uploads leave later where OpenDP draws the noise, and the plan says why", () => {
  const wishes = { catalogueItems: 20_000, customers: 50_000, merchants: 5, epsilon: 8, delta: 1e-6 };
  const ours = choosePlan(wishes);
  const theirs = choosePlan({ ...wishes, sampler: "opendp" });
  expect(theirs.plan.deadlines.uploadOffset).toBeGreaterThan(ours.plan.deadlines.uploadOffset);
  expect(theirs.why.join(" ")).toContain("OpenDP draws the noise");
  expect(ours.why.join(" ")).not.toContain("OpenDP");
  const { sampler, deadlines, ...rest } = theirs.plan;
  expect({ ...rest, sampler: "exact", deadlines: ours.plan.deadlines }).toEqual(ours.plan);
  expect([sampler, deadlines.keys]).toEqual(["opendp", ours.plan.deadlines.keys]);
});
