/** What every party works out for itself from the plan: the model of round 0, and the hash of the graphs. */
import { modelSpec, startStatistics } from "@tributary/model";
import { type Sha256, toHex } from "@tributary/protocol";
import { expect, test } from "vitest";
import {
  broughtModel,
  decodeFederationModel,
  encodeFederationModel,
  graphHashOf,
  initialFederationModel,
  isInitialModelAgreed,
} from "./agreed-model.ts";
import { crypto, hash, identity, planOf } from "./parties.test-support.ts";

const plan = planOf(identity("coordinator").key);
const initial = initialFederationModel(crypto, plan);
const initialHash = toHex(crypto.sha256(encodeFederationModel(plan, initial))) as Sha256;

test("an initial model is agreed when it follows from the spec, or is said to be public", () => {
  expect(isInitialModelAgreed(crypto, { ...plan, initialModelHash: initialHash })).toBe(true);
  expect(isInitialModelAgreed(crypto, { ...plan, initialModelHash: hash("another") })).toBe(false);
  expect(isInitialModelAgreed(crypto, { ...plan, initialModelHash: hash("another"), initialModel: "public" })).toBe(true);
});

test("the initial model is a function of the spec: the same for everybody, another one for another spec, and in its file", () => {
  expect(initialFederationModel(crypto, plan)).toEqual(initial);
  expect(new Set(initial.parameters).size).toBeGreaterThan(1);
  const wider = { ...plan, model: modelSpec({ items: 1, length: 2, width: 1 }) };
  const same = Math.min(initial.parameters.length, initialFederationModel(crypto, wider).parameters.length);
  expect(initialFederationModel(crypto, wider).parameters.slice(0, same)).not.toEqual(initial.parameters.slice(0, same));
  expect(decodeFederationModel(plan, encodeFederationModel(plan, initial))).toEqual(initial);
  const brought = initial.parameters.map((value) => value + 1);
  expect(broughtModel(plan, brought)).toEqual({ parameters: brought, statistics: undefined });
  const counting = { statistics: {} as NonNullable<typeof plan.statistics> };
  expect(broughtModel(counting, brought)).toEqual({ parameters: brought, statistics: startStatistics() });
});

test("graphs of one model have one hash, and those of another model another", () => {
  const own = graphHashOf(crypto, modelSpec({ items: 4, length: 4, width: 8 }));
  expect(own).toMatch(/^[0-9a-f]{64}$/);
  expect(graphHashOf(crypto, modelSpec({ items: 4, length: 4, width: 8 }))).toBe(own);
  const others = [
    modelSpec({ items: 5, length: 4, width: 8 }),
    modelSpec({ items: 4, length: 5, width: 8 }),
    modelSpec({ items: 4, length: 4, width: 16 }),
  ].map((model) => graphHashOf(crypto, model));
  expect(new Set([own, ...others]).size).toBe(4);
});
