import { seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { rocAuc } from "../metrics/probabilities.ts";
import { pairedAuc, pairedMean } from "./paired-by-customer.ts";

const random = seededRandom(2, "paired");
const customers = Array.from({ length: 1200 }, (_, n) => Math.floor(n / 3));
const outcomes = customers.map(() => random.below(2));
const told = outcomes.map((outcome) => outcome + 1.5 * random.fraction());
const blind = outcomes.map(() => random.fraction());

describe("two predictors on the same customers", () => {
  test("the AUC's difference is that of the two, within its interval, and 0 of one with itself", () => {
    const both = pairedAuc({ customers, outcomes }, told, blind, { seed: 1, replicates: 200 });
    expect(both?.difference).toBeCloseTo((rocAuc(told, outcomes) ?? 0) - (rocAuc(blind, outcomes) ?? 0), 12);
    const [low, high] = both?.interval ?? [1, 0];
    expect(low).toBeGreaterThan(0.2);
    expect([low < (both?.difference ?? 0), high > (both?.difference ?? 0)]).toEqual([true, true]);
    expect(pairedAuc({ customers, outcomes }, told, told, { seed: 1, replicates: 20 })).toEqual({
      difference: 0,
      interval: [0, 0],
    });
    expect(pairedAuc({ customers, outcomes: outcomes.map(() => 1) }, told, blind, { seed: 1 })).toBeUndefined();
  });

  test("ties count half in every draw: who says the same of everybody has an AUC of 0.5", () => {
    const same = new Array<number>(outcomes.length).fill(0.3);
    const both = pairedAuc({ customers, outcomes }, told, same, { seed: 1, replicates: 200 });
    expect(both?.difference).toBeCloseTo((rocAuc(told, outcomes) ?? 0) - 0.5, 12);
    const [low = 1, high = 0] = both?.interval ?? [];
    expect([low < (both?.difference ?? 0), high > (both?.difference ?? 0)]).toEqual([true, true]);
  });

  test("customers are drawn whole: cases that are copies of each other don't make the interval narrower", () => {
    const width = ({ interval: [low, high] }: { interval: readonly [number, number] }) => high - low;
    const ones = outcomes.filter((_, n) => n % 3 === 0);
    const thrice = ones.flatMap((one) => [one, one, one]);
    const zeros = new Array<number>(thrice.length).fill(0);
    const single = pairedMean([...ones.keys()], ones, zeros, { seed: 4 });
    const copied = pairedMean(customers, thrice, zeros, { seed: 4 });
    expect(copied.difference).toBeCloseTo(single.difference, 12);
    expect(width(copied)).toBeCloseTo(width(single), 12);
  });
});
