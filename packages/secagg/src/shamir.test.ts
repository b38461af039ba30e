import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeElement, encodeElement, fieldPrime, invert, reduce, type UniformBytes, uniformElement } from "./field.ts";
import { combineShares, reconstruct, requireShare, splitSecret, splitSecretAt } from "./shamir.ts";

const element = fc.bigInt({ min: 0n, max: fieldPrime - 1n });

/** Bytes from a list of numbers, over and over: fast-check shrinks them. */
const source = (bytes: readonly number[]): UniformBytes => {
  let i = 0;
  return {
    fill(out) {
      for (let place = 0; place < out.length; place++) out[place] = bytes[i++ % bytes.length] ?? 0;
    },
  };
};
const randomBytes = fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 997, maxLength: 997 }).map(source);

describe("the field", () => {
  test("an inverse times its element is one", () => {
    fc.assert(fc.property(element, (x) => x === 0n || reduce(x * invert(x)) === 1n));
  });

  test("an element has one spelling, and everything else is refused", () => {
    fc.assert(fc.property(element, (x) => decodeElement(encodeElement(x)) === x));
    expect(encodeElement(1n)).toBe(`01${"00".repeat(31)}`);
    for (const wrong of [
      encodeElement(fieldPrime),
      encodeElement(fieldPrime + 5n),
      "ff".repeat(32),
      "00".repeat(31),
      "00".repeat(33),
      "",
      "AA".repeat(32),
    ]) {
      expect(() => requireShare(wrong)).toThrow(expect.objectContaining({ code: "TRB_SECAGG_SHARE_MALFORMED" }));
    }
  });

  test("a candidate at or above p is drawn again, so that elements are uniform", () => {
    const tooLarge = encodeElement(fieldPrime);
    const bytes = [...(tooLarge.match(/../g) ?? []).map((pair) => Number.parseInt(pair, 16)), 7, ...new Array(31).fill(0)];
    expect(uniformElement(source(bytes))).toBe(7n);
  });
});

describe("sharing", () => {
  test("a known polynomial gives its known values: f = 42 + 5x over three holders", () => {
    const five = [5, ...new Array<number>(31).fill(0)];
    expect(splitSecret(encodeElement(42n), 2, 3, source(five))).toEqual([47n, 52n, 57n].map(encodeElement));
  });

  test("any t of n shares give the secret back", () => {
    const sizes = fc
      .integer({ min: 1, max: 9 })
      .chain((holders) => fc.tuple(fc.integer({ min: 1, max: holders }), fc.constant(holders)));
    fc.assert(
      fc.property(element, sizes, randomBytes, fc.infiniteStream(fc.nat()), (secret, [threshold, holders], random, order) => {
        const shares = splitSecret(encodeElement(secret), threshold, holders, random).map((y, i) => ({ x: i + 1, y }));
        const shuffled = shares.map((share) => ({ share, place: order.next().value ?? 0 })).sort((a, b) => a.place - b.place);
        const some = shuffled.slice(0, threshold).map(({ share }) => share);
        return combineShares(some) === encodeElement(secret);
      }),
    );
  });

  test("t − 1 shares fit every secret: for each there is a polynomial through them", () => {
    const random = source([3, 1, 4, 1, 5, 9, 2, 6]);
    const [first, second] = splitSecret(encodeElement(99n), 3, 5, random);
    for (const guess of [0n, 1n, 99n, fieldPrime - 1n]) {
      const shares = [
        { x: 1, y: first ?? "" },
        { x: 2, y: second ?? "" },
      ];
      // interpolate through (0, guess) as well: any third share is possible
      const third = {
        x: 3,
        y: shareThrough([{ x: 0, y: guess }, ...shares.map(({ x, y }) => ({ x, y: decodeElement(y) }))], 3),
      };
      expect(combineShares([...shares, third])).toBe(encodeElement(guess));
    }
  });

  test("a wrong share is found out by the commitment, and left out", () => {
    const secret = encodeElement(123456789n);
    const shares = splitSecret(secret, 3, 6, source([17, 29, 31, 101])).map((y, i) => ({ x: i + 1, y }));
    const spoiled = shares.map((share) => (share.x === 2 ? { ...share, y: encodeElement(1n) } : share));
    expect(reconstruct(spoiled, 3, (candidate) => candidate === secret)).toBe(secret);
    expect(reconstruct(spoiled.slice(0, 3), 3, (candidate) => candidate === secret)).toBeUndefined();
    expect(() => reconstruct(shares.slice(0, 2), 3, () => true)).toThrow(
      expect.objectContaining({ code: "TRB_SECAGG_TOO_FEW_SHARES" }),
    );
  });

  test("every set of t shares is tried once, the earliest first, and no other", () => {
    const asked: string[] = [];
    const none = (candidate: string) => {
      asked.push(candidate);
      return false;
    };
    const points = [1, 2, 3, 4].map((x) => ({ x, y: encodeElement(BigInt(x ** 3)) }));
    expect(reconstruct(points, 2, none)).toBeUndefined();
    // the line through (a, a³) and (b, b³) is −ab(a + b) at 0
    const pairs = [
      [1, 2],
      [1, 3],
      [1, 4],
      [2, 3],
      [2, 4],
      [3, 4],
    ] as const;
    expect(asked).toEqual(pairs.map(([a, b]) => encodeElement(reduce(BigInt(-a * b * (a + b))))));
  });

  test("two shares for one holder give nothing", () => {
    const twice = [1, 2, 1].map((x) => ({ x, y: encodeElement(BigInt(x)) }));
    expect(() => combineShares(twice)).toThrow(expect.objectContaining({ code: "TRB_SECAGG_SHARE_MALFORMED" }));
  });

  test("wrong shares are corrected, up to half of those beyond the threshold, wherever they are and whatever they say", () => {
    const cases = fc.record({
      threshold: fc.integer({ min: 1, max: 60 }),
      spare: fc.integer({ min: 0, max: 24 }),
      seed: fc.nat({ max: 255 }),
      zero: fc.boolean(),
    });
    fc.assert(
      fc.property(element, cases, randomBytes, (secret, { threshold, spare, seed, zero }, random) => {
        const points = Array.from({ length: threshold + spare }, (_, i) => 7 * i + 1 + (seed % 3));
        const good = splitSecretAt(encodeElement(secret), threshold, points, random).map((y, i) => ({ x: points[i] ?? 0, y }));
        const wrong = Math.floor(spare / 2);
        const spoiled = good.map((share, i) =>
          (i + seed) % good.length < wrong ? { ...share, y: spoil(share.y, zero) } : share,
        );
        return reconstruct(spoiled, threshold, (found) => found === encodeElement(secret)) === encodeElement(secret);
      }),
      { numRuns: 60 },
    );
  });

  test("more wrong shares than can be corrected give nothing, at the price of one correction", () => {
    const secret = encodeElement(77n);
    const shares = splitSecret(secret, 60, 92, source([3, 5, 250, 9])).map((y, i) => ({ x: i + 1, y }));
    let asked = 0;
    const accept = (candidate: string) => {
      asked++;
      return candidate === secret;
    };
    const spoiled = (count: number) =>
      shares.map((share) => (share.x <= count ? { ...share, y: spoil(share.y, false) } : share));
    expect(reconstruct(spoiled(16), 60, accept)).toBe(secret);
    expect(reconstruct(spoiled(17), 60, accept)).toBeUndefined();
    expect(asked).toBeLessThan(15);
  });

  test("shares for chosen points are those of the same polynomial", () => {
    const five = [5, ...new Array<number>(31).fill(0)];
    expect(splitSecretAt(encodeElement(42n), 2, [3, 700, 1], source(five))).toEqual([57n, 3542n, 47n].map(encodeElement));
    expect(() => splitSecretAt(encodeElement(42n), 1, [1, 0], source(five))).toThrow(
      expect.objectContaining({ code: "TRB_SECAGG_THRESHOLD_INVALID" }),
    );
  });

  test("a threshold that can't be is refused", () => {
    for (const [threshold, holders] of [
      [0, 3],
      [4, 3],
      [1.5, 3],
    ] as const) {
      expect(() => splitSecret(encodeElement(1n), threshold, holders, source([1]))).toThrow(
        expect.objectContaining({ code: "TRB_SECAGG_THRESHOLD_INVALID" }),
      );
    }
  });
});

/** Another element: zero, or the next one. */
function spoil(share: string, zero: boolean): string {
  return zero && share !== encodeElement(0n) ? encodeElement(0n) : encodeElement(reduce(decodeElement(share) + 1n));
}

/** Value at x of the polynomial through the points, by Lagrange. */
function shareThrough(points: readonly { readonly x: number; readonly y: bigint }[], x: number): string {
  let value = 0n;
  for (const point of points) {
    let basis = point.y;
    for (const other of points) {
      if (other.x === point.x) continue;
      basis = reduce(basis * reduce(BigInt(x - other.x)) * invert(BigInt(point.x - other.x)));
    }
    value = reduce(value + basis);
  }
  return encodeElement(value);
}
