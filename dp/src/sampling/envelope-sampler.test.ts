/** What makes the fast sampler exact: its envelope, its float interval, and that BigInt decides the same. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { exponentialBounds } from "../exact/exponential.ts";
import { compare, multiply, type Rational, whole } from "../exact/rational.ts";
import { discreteLaplace } from "./discrete-laplace.ts";
import { acceptanceFactor, buildEnvelope, gammaOf, guidePlaces, rejectPlace, tailPlace } from "./envelope.ts";
import { fastDiscreteGaussian } from "./fast-discrete-gaussian.ts";
import { fastDiscreteLaplace } from "./fast-discrete-laplace.ts";
import { scriptedSource, seededSource } from "./seeded-source.ts";

const one = whole(1);
const anyBell = fc
  .record({
    shape: fc.constantFrom("gaussian" as const, "laplace" as const),
    numerator: fc.bigInt({ min: 1n, max: 1n << 75n }),
    shift: fc.integer({ min: 0, max: 70 }),
  })
  .map(({ shape, numerator, shift }) => {
    const width = shape === "gaussian" ? numerator : numerator >> 36n || 1n;
    return { shape, parameter: { numerator: width, denominator: 1n << BigInt(shift) } };
  })
  .filter(({ parameter }) => parameter.numerator * 1000n > parameter.denominator);

/** Upper and lower bound of r(m), as rationals. */
function acceptance(envelope: ReturnType<typeof buildEnvelope>, magnitude: bigint): { low: Rational; high: Rational } {
  const { low, high } = exponentialBounds(gammaOf(envelope.bell, magnitude), 512);
  const factor = acceptanceFactor(envelope, magnitude);
  const unit = 1n << 512n;
  return {
    low: multiply(factor, { numerator: low, denominator: unit }),
    high: multiply(factor, { numerator: high, denominator: unit }),
  };
}

describe("the envelope", () => {
  it("never proposes a magnitude too seldom: r(m) ≤ 1 in every block's first magnitude and every chunk's", () => {
    fc.assert(
      fc.property(anyBell, (bell) => {
        const envelope = buildEnvelope(bell);
        const { coreBlocks, blockBits, tailBits } = envelope;
        for (let j = 0; j < coreBlocks; j++) {
          expect(compare(acceptance(envelope, BigInt(j) << BigInt(blockBits)).low, one)).toBeLessThanOrEqual(0);
        }
        for (let chunk = 0; chunk < 30; chunk++) {
          const magnitude = (BigInt(coreBlocks) << BigInt(blockBits)) + (BigInt(chunk) << BigInt(tailBits));
          expect(compare(acceptance(envelope, magnitude).low, one)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 30, seed: 3 },
    );
  });

  it("deals out exactly the places that the acceptance factors assume", () => {
    fc.assert(
      fc.property(anyBell, (bell) => {
        const { guide, places, tailPlaces, coreBlocks } = buildEnvelope(bell);
        const counts = new Map<number, number>();
        for (const owner of guide) counts.set(owner, (counts.get(owner) ?? 0) + 1);
        expect(guide.length).toBe(guidePlaces);
        expect(Array.from(places)).toEqual(Array.from({ length: coreBlocks }, (_, j) => counts.get(j)));
        expect(counts.get(tailPlace)).toBe(tailPlaces);
        expect(counts.get(rejectPlace) ?? 0).toBeLessThan(guidePlaces / 20);
      }),
      { numRuns: 50, seed: 4 },
    );
  });

  it("accepts without looking only what would be accepted: surely[j] ≤ 2³²·r(m) at the block's last magnitude", () => {
    fc.assert(
      fc.property(anyBell, (bell) => {
        const envelope = buildEnvelope(bell);
        for (let j = 0; j < envelope.coreBlocks; j++) {
          const last = ((BigInt(j) + 1n) << BigInt(envelope.blockBits)) - 1n;
          const surely = { numerator: BigInt(envelope.surely[j] ?? 0), denominator: 1n << 32n };
          expect(compare(surely, acceptance(envelope, last).high)).toBeLessThanOrEqual(0);
        }
      }),
      { numRuns: 30, seed: 5 },
    );
  });

  it("decides by a cell only what every magnitude of it would be decided: surely ≤ 2³²·r(last), and 2³²·r(first) ≤ mostly + 1", () => {
    fc.assert(
      fc.property(anyBell, (bell) => {
        const envelope = buildEnvelope(bell);
        const { bits, surely, mostly } = envelope.cells;
        const size = 1n << BigInt(envelope.blockBits - bits);
        expect([surely.length, mostly.length]).toEqual(Array(2).fill(envelope.coreBlocks << bits));
        let undecided = 0;
        for (let cell = 0; cell < surely.length; cell += 1 + (surely.length >> 6)) {
          const sure = surely[cell] ?? 0;
          const [least, most] = [
            acceptance(envelope, (BigInt(cell) + 1n) * size - 1n),
            acceptance(envelope, BigInt(cell) * size),
          ];
          const words = (count: number) => ({ numerator: BigInt(count), denominator: 1n << 32n });
          expect(compare(words(sure), least.high)).toBeLessThanOrEqual(0);
          const above = (mostly[cell] ?? 0) + 1;
          if (above < 2 ** 32) expect(compare(most.low, words(above))).toBeLessThanOrEqual(0);
          undecided = Math.max(undecided, (above - sure) / 2 ** 32);
        }
        expect(undecided).toBeLessThan(0.05);
      }),
      { numRuns: 20, seed: 6 },
    );
  });
});

describe("a float decides only what it can prove", () => {
  it.each([
    ["1/2", { numerator: 1n, denominator: 2n }],
    ["16", { numerator: 16n, denominator: 1n }],
    ["999/7", { numerator: 999n, denominator: 7n }],
    ["10^12", { numerator: 10n ** 12n, denominator: 1n }],
    ["2^79/3", { numerator: 1n << 79n, denominator: 3n }],
  ] as const)("BigInt in its place gives the same samples from the same bits, σ² = %s (seed 21)", (_, variance) => {
    const byFloat = new Float64Array(30_000);
    const byBigInt = new Float64Array(30_000);
    fastDiscreteGaussian(variance, seededSource(21)).fill(byFloat);
    fastDiscreteGaussian(variance, seededSource(21), { floatMargin: 1e30 }).fill(byBigInt);
    expect(byBigInt).toEqual(byFloat);
  });

  it.each([
    ["1/3", { numerator: 1n, denominator: 3n }],
    ["17", { numerator: 17n, denominator: 1n }],
    ["2^39/7", { numerator: 1n << 39n, denominator: 7n }],
  ] as const)("the same for the Laplace, b = %s (seed 22)", (_, scale) => {
    const byFloat = new Float64Array(30_000);
    const byBigInt = new Float64Array(30_000);
    fastDiscreteLaplace(scale, seededSource(22)).fill(byFloat);
    fastDiscreteLaplace(scale, seededSource(22), { floatMargin: 1e30 }).fill(byBigInt);
    expect(byBigInt).toEqual(byFloat);
  });

  /** The first three base-2³² digits of r(m), proven. */
  function digits(envelope: ReturnType<typeof buildEnvelope>, magnitude: bigint): number[] {
    const { low, high } = acceptance(envelope, magnitude);
    const read = ({ numerator, denominator }: Rational) => (numerator << 96n) / denominator;
    expect(read(low)).toBe(read(high));
    return [64n, 32n, 0n].map((shift) => Number((read(low) >> shift) & 0xffffffffn));
  }

  it.each([
    ["core, σ = 4", { numerator: 16n, denominator: 1n }, 5n],
    ["core, σ = 1000", { numerator: 1_000_000n, denominator: 1n }, 777n],
  ] as const)("a U that begins with r's own digits is refined word by word until it differs (%s)", (_, variance, magnitude) => {
    const envelope = buildEnvelope({ shape: "gaussian", parameter: variance });
    const block = Number(magnitude >> BigInt(envelope.blockBits));
    const offset = Number(magnitude) - block * 2 ** envelope.blockBits;
    const proposal = (envelope.guide.indexOf(block) | (offset << 13)) >>> 0; // sign bit 0
    const [first = 0, second = 0, third = 0] = digits(envelope, magnitude);
    const sample = (...u: number[]) => {
      const out = new Int32Array(1);
      fastDiscreteGaussian(variance, scriptedSource([proposal, ...u])).fill(out);
      return out[0]; // zeros follow the script: they make the sample 0
    };
    expect(sample(first - 1)).toBe(Number(magnitude));
    expect(sample(first + 1)).toBe(0);
    expect(sample(first, second - 1)).toBe(Number(magnitude));
    expect(sample(first, second + 1)).toBe(0);
    expect(sample(first, second, third - 1)).toBe(Number(magnitude));
    expect(sample(first, second, third + 1)).toBe(0);
  });
});

it("does not draw zero twice as often: minus zero is thrown away", () => {
  const minusZero = guidePlaces; // place 0 belongs to block 0, offset 0, sign bit set
  const out = new Float64Array(1);
  const words = [minusZero, 0, 1 << 13, 0];
  fastDiscreteGaussian({ numerator: 10n ** 12n, denominator: 1n }, scriptedSource(words)).fill(out);
  expect(out[0]).toBe(1); // the second proposal: block 0, offset 1
});

it("refuses what its arrays can't hold", () => {
  const huge = fastDiscreteGaussian({ numerator: 1n << 60n, denominator: 1n }, seededSource(1));
  expect(() => huge.fill(new Int32Array(1))).toThrow(expect.objectContaining({ code: "TRB_DP_VARIANCE_TOO_LARGE" }));
  expect(() => fastDiscreteGaussian({ numerator: 1n << 81n, denominator: 1n }, seededSource(1))).toThrow(
    expect.objectContaining({ code: "TRB_DP_VARIANCE_TOO_LARGE" }),
  );
});

it("refuses a scale that is not positive, or too large for its arrays", () => {
  for (const scale of [whole(0), { numerator: 1n, denominator: 0n }, { numerator: -1n, denominator: 1n }]) {
    const refused = expect.objectContaining({ code: "TRB_DP_SCALE_NOT_POSITIVE" });
    expect(() => fastDiscreteLaplace(scale, seededSource(1))).toThrow(refused);
    expect(() => discreteLaplace(scale, seededSource(1))).toThrow(refused);
  }
  const tooLarge = expect.objectContaining({ code: "TRB_DP_VARIANCE_TOO_LARGE" });
  expect(() => fastDiscreteLaplace(whole(2n ** 40n + 1n), seededSource(1))).toThrow(tooLarge);
  expect(() => fastDiscreteLaplace(whole(2n ** 23n), seededSource(1)).fill(new Int32Array(1))).toThrow(tooLarge);
});
