/** Who is held out, and that plan, model room and ledger mean the same by metrics. */
import { metricsVectorNames } from "@tributary/model";
import { type Decimal, metricCoordinates, type Plan } from "@tributary/protocol";
import { expect, test } from "vitest";
import { crypto } from "./parties.test-support.ts";
import { heldOutRule } from "./written-queries.ts";

const customers = Array.from({ length: 4000 }, (_, c) => `customer ${c}`);
const ruleOf = (heldOut: string, federation = "shops"): ((customer: string) => boolean) | undefined => {
  const metrics: NonNullable<Plan["metrics"]> = { heldOut: heldOut as Decimal, lossBound: "10" as Decimal };
  return heldOutRule(crypto, { federation, metrics });
};
const heldOutAt = (...rule: Parameters<typeof ruleOf>) => customers.filter((customer) => ruleOf(...rule)?.(customer));

test("a metrics vector has the same coordinates for plan and model", () => {
  expect(metricsVectorNames).toEqual(metricCoordinates);
});

test("a plan without metrics holds nobody out", () => {
  expect(heldOutRule(crypto, { federation: "shops" })).toBeUndefined();
});

test("the share that the plan says is held out, the same customers at every larger share, others in another federation", () => {
  const [tenth, fifth, elsewhere] = [heldOutAt("0.1"), heldOutAt("0.2"), heldOutAt("0.1", "other shops")];
  // the ids are fixed, so this either holds or does not: 400 and 800 expected, standard deviations 19 and 25
  expect(Math.abs(tenth.length - 400)).toBeLessThan(100);
  expect(Math.abs(fifth.length - 800)).toBeLessThan(130);
  expect(tenth.every((customer) => fifth.includes(customer))).toBe(true);
  expect(elsewhere.filter((customer) => tenth.includes(customer)).length).toBeLessThan(100);
  expect(heldOutAt("1")).toEqual(customers);
});

test("the rule is the one that the docs state, to the bit", () => {
  const hash = crypto.sha256(new TextEncoder().encode("tributary held out\nshops\ncustomer 7"));
  const first48 = hash.slice(0, 6).reduce((value, byte) => 256 * value + byte, 0);
  const at = (value: number) => `0.${String(Math.round((value / 2 ** 48) * 1e15)).padStart(15, "0")}`;
  expect(ruleOf(at(first48 + 2))?.("customer 7")).toBe(true);
  expect(ruleOf(at(first48 - 2))?.("customer 7")).toBe(false);
});
