import { randomSourceFromSeed } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { expect, test } from "vitest";
import { canariesAt, plantGradientCanaries, scoreFinal, scoreIterates } from "./gradient-canaries.ts";

const random = () => randomSourceFromSeed(nodeCrypto(), new Uint8Array(32).fill(9), "audit", "", 0, "coordinates");

test("every canary has a coordinate of its own, and is at k honest nodes", () => {
  const planted = plantGradientCanaries(40, { dimension: 50, merchants: 2 }, random());
  expect(new Set(planted.coordinates).size).toBe(40);
  expect(Math.max(...planted.coordinates)).toBeLessThan(50);
  expect(new Set(planted.signs)).toEqual(new Set([-1, 1]));
  const at = Array.from({ length: 5 }, (_, node) => canariesAt(planted, node, 3));
  expect(at.slice(3)).toEqual([[], []]);
  for (let canary = 0; canary < 40; canary++) expect(at.filter((here) => here.includes(canary)).length).toBe(2);
});

test("as many canaries as coordinates fit, and no more", () => {
  expect(plantGradientCanaries(50, { dimension: 50, merchants: 1 }, random()).coordinates.toSorted()).toEqual(
    Uint32Array.from({ length: 50 }, (_, place) => place),
  );
  expect(() => plantGradientCanaries(51, { dimension: 50, merchants: 1 }, random())).toThrow(
    expect.objectContaining({ code: "TRB_AUDIT_CANARIES_UNFIT" }),
  );
});

test("scores are logarithms of likelihood ratios, added over rounds", () => {
  const views = [
    { left: Float64Array.of(0.3, -2), drawn: Uint8Array.of(1, 0) },
    { left: Float64Array.of(1.7, 0.4), drawn: Uint8Array.of(0, 2) },
  ];
  const deviation = 1.3;
  const density = (x: number, mean: number) => Math.exp(-((x - mean) ** 2) / (2 * deviation ** 2));
  const q = 0.3;
  const ratio = (x: number) =>
    ((1 - q) ** 2 * density(x, 0) + 2 * q * (1 - q) * density(x, 1) + q * q * density(x, 2)) / density(x, 0);
  const rule = { samplingRate: q, deviation, merchants: 2 };
  const secret = scoreIterates(views, rule, false);
  expect(secret[0]).toBeCloseTo(Math.log(ratio(0.3) * ratio(1.7)), 12);
  expect(secret[1]).toBeCloseTo(Math.log(ratio(-2) * ratio(0.4)), 12);
  // whoever has the lists knows how many samples the canary would be in
  const told = scoreIterates(views, rule, true);
  expect(told[0]).toBeCloseTo(Math.log(density(0.3, 1) / density(0.3, 0)), 12);
  expect(told[1]).toBeCloseTo(Math.log(density(0.4, 2) / density(0.4, 0)), 12);
});

test("steps go against what is sent", () => {
  const planted = { coordinates: Uint32Array.of(2, 0), signs: Int8Array.of(1, -1), merchants: 1 };
  expect([...scoreFinal(planted, Float32Array.of(1, 0, 5), Float32Array.of(2, 0, 3))]).toEqual([2, 1]);
});
