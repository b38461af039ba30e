import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { negativeSampler, type SampledNegatives } from "./sampled-negatives.ts";

const nobody: ReadonlySet<number> = new Set();

/** How often each place is drawn for `customers` customers, as a share. */
function shares(sampled: SampledNegatives, items: number, customers: number, barred = nobody): number[] {
  const draw = negativeSampler(sampled, items);
  const counts = Array<number>(items).fill(0);
  for (let c = 0; c < customers; c++) for (const place of draw(`c${c}`, barred)) counts[place] = (counts[place] ?? 0) + 1;
  return counts.map((count) => count / customers);
}

/** Shares of 20,000 draws are within 6.5 standard deviations of their chances but for a probability below 1e-9 in each comparison. */
function expectShares(found: readonly number[], chances: readonly number[], customers = 20_000): void {
  chances.forEach((p, i) => {
    expect(Math.abs((found[i] ?? Number.NaN) - p)).toBeLessThanOrEqual(6.5 * Math.sqrt((p * (1 - p)) / customers));
  });
}

describe("sampled negatives", () => {
  it("are distinct, never barred, as many as asked while there are so many, and the same for the same seed and customer", () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 1, max: 40 }),
        fc.array(fc.nat(29)),
        fc.boolean(),
        fc.integer(),
        (weights, count, hidden, popular, seed) => {
          const items = weights.length;
          const counts = Float64Array.from(weights);
          const sampled: SampledNegatives = popular
            ? { count, seed, by: "popularity", counts }
            : { count, seed, by: "uniform" };
          const barred = new Set(hidden.filter((i) => i < items));
          const drawn = [...negativeSampler(sampled, items)("one", barred)];
          const possible = weights.filter((weight, i) => !barred.has(i) && (weight > 0 || !popular)).length;
          expect(drawn).toHaveLength(Math.min(count, possible));
          expect(new Set(drawn).size).toBe(drawn.length);
          for (const place of drawn) {
            expect(barred.has(place)).toBe(false);
            if (popular) expect(weights[place]).toBeGreaterThan(0);
          }
          expect([...negativeSampler(sampled, items)("one", barred)]).toEqual(drawn);
        },
      ),
    );
  });

  it("are uniform over what is left, whether there is much of it or little", () => {
    const barred = new Set([1]);
    const few = shares({ count: 2, seed: 1, by: "uniform" }, 5, 20_000, barred);
    expectShares(few, [1 / 2, 0, 1 / 2, 1 / 2, 1 / 2]);
    const many = shares({ count: 2, seed: 2, by: "uniform" }, 9, 20_000, barred);
    expectShares(many, [1 / 4, 0, ...Array<number>(7).fill(1 / 4)]);
  });

  it("are in proportion to popularity, without putting back", () => {
    const counts = Float64Array.of(1, 2, 0, 3);
    expectShares(shares({ count: 1, seed: 3, by: "popularity", counts }, 4, 20_000), [1 / 6, 1 / 3, 0, 1 / 2]);
    // in a sample of two: first, or second after one of the others
    const two = [1 / 6 + 1 / 12 + 1 / 6, 1 / 3 + 1 / 15 + 1 / 3, 0, 1 / 2 + 1 / 10 + 1 / 4];
    expectShares(shares({ count: 2, seed: 4, by: "popularity", counts }, 4, 20_000), two);
  });

  it("come also where one item has nearly all events, and then from the rest in proportion", () => {
    const counts = Float64Array.of(1e12, 1, 3);
    expectShares(shares({ count: 2, seed: 5, by: "popularity", counts }, 3, 20_000), [1, 1 / 4, 3 / 4]);
  });

  it("are refused without a number, and with counts of another catalogue", () => {
    const code = (sampled: SampledNegatives) => {
      try {
        negativeSampler(sampled, 3);
      } catch (error) {
        return isTributaryError(error) ? error.code : "uncoded";
      }
      return "none";
    };
    expect(code({ count: 0, seed: 1, by: "uniform" })).toBe("TRB_MODEL_EVALUATION_INVALID");
    expect(code({ count: 1, seed: 1, by: "popularity", counts: new Float64Array(4) })).toBe("TRB_MODEL_LENGTH_MISMATCH");
  });
});
