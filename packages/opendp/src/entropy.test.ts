/** The pool of random bytes, and how samples are drawn from it, on a binding of three bytes a sample that needs no artefact. */
import { describe, expect, it } from "vitest";
import type { Binding } from "./binding.ts";
import { entropyPool, type RandomSource, systemEntropy } from "./entropy.ts";
import { type NoiseSampler, noiseSampler } from "./samplers.ts";

/** 0, 1, 2, … 250, 0, 1, …, and how many bytes were asked for. */
function counting(): RandomSource & { readonly asked: () => number } {
  let next = 0;
  return {
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = next++ % 251;
    },
    asked: () => next,
  };
}

/** A sample is a number of three bytes. */
const threeBytes = {
  fill(_distribution, _parameter, out, entropy) {
    let done = 0;
    for (; done < out.length && 3 * done + 3 <= entropy.length; done++) {
      const [a = 0, b = 0, c = 0] = entropy.subarray(3 * done);
      out[done] = 65536 * a + 256 * b + c;
    }
    return { done, used: 3 * done };
  },
} satisfies Pick<Binding, "fill"> as Pick<Binding, "fill"> as Binding;

const one = { numerator: 1n, denominator: 1n };
const samplerOf = (random: RandomSource): NoiseSampler => noiseSampler(threeBytes, "gaussian", one, random);
const drawn = (lengths: readonly number[], sampler = samplerOf(counting())): number[] =>
  lengths.flatMap((length) => {
    const out = new Float64Array(length);
    sampler.fill(out);
    return [...out];
  });

describe("the pool", () => {
  it("gives every byte of the source once and in order, however many are used at a time", () => {
    const pool = entropyPool(counting());
    const seen: number[] = [];
    for (const use of [0, 1, 5000, 3, 20_000, 9000, 0, 70_000]) {
      while (pool.unread().length < use) pool.more();
      seen.push(...pool.unread().subarray(0, use));
      pool.use(use);
    }
    expect(seen).toEqual(Array.from(seen, (_, i) => i % 251));
    expect(seen).toHaveLength(104_004);
  });

  it("erases what was used, and what it leaves behind when it grows", () => {
    const pool = entropyPool(counting());
    pool.more();
    const before = pool.unread();
    expect(before.some((byte) => byte !== 0)).toBe(true);
    pool.use(100);
    expect([...before.subarray(0, 100)]).toEqual(new Array(100).fill(0));
    pool.more();
    expect(before.every((byte) => byte === 0)).toBe(true);
  });

  it("gives a source up whose bytes never make a sample", () => {
    const never: Binding = { ...threeBytes, fill: () => ({ done: 0, used: 0 }) };
    const sampler = noiseSampler(never, "gaussian", one, counting());
    expect(() => sampler.fill(new Float64Array(1))).toThrow(expect.objectContaining({ code: "TRB_OPENDP_FAILED" }));
  });
});

describe("a sampler", () => {
  it("is a function of the stream: batches of any size, and single draws, are the same samples", () => {
    const whole = drawn([40_000]);
    expect(whole.slice(0, 2)).toEqual([0x000102, 0x030405]);
    expect(drawn([1, 0, 7, 30_000, 9992])).toEqual(whole);
    expect(drawn(new Array(1000).fill(1))).toEqual(whole.slice(0, 1000));
  });

  it("fetches no more than it may need", () => {
    const source = counting();
    drawn([10], samplerOf(source));
    expect(source.asked()).toBeLessThanOrEqual(16_384);
  });

  it("fills an Int32Array with the same samples, in chunks", () => {
    const out = new Int32Array(20_000);
    samplerOf(counting()).fill(out);
    expect([...out]).toEqual(drawn([20_000]));
  });

  it.each([
    ["gaussian", 0n, 1n, "TRB_OPENDP_ARGUMENT_INVALID"],
    ["gaussian", -1n, 2n, "TRB_OPENDP_ARGUMENT_INVALID"],
    ["laplace", 1n, 0n, "TRB_OPENDP_ARGUMENT_INVALID"],
    ["gaussian", (1n << 80n) + 1n, 1n, "TRB_DP_VARIANCE_TOO_LARGE"],
    ["laplace", (1n << 40n) + 1n, 1n, "TRB_DP_VARIANCE_TOO_LARGE"],
  ] as const)("refuses a %s of parameter %d/%d: %s", (distribution, numerator, denominator, code) => {
    const make = () => noiseSampler(threeBytes, distribution, { numerator, denominator }, counting());
    expect(make).toThrow(expect.objectContaining({ code }));
  });

  it("refuses 32 bits for what would not fit them", () => {
    const wide = noiseSampler(threeBytes, "gaussian", { numerator: 1n << 52n, denominator: 1n }, counting());
    expect(() => wide.fill(new Int32Array(1))).toThrow(expect.objectContaining({ code: "TRB_DP_VARIANCE_TOO_LARGE" }));
    wide.fill(new Float64Array(1));
    const far: Binding = {
      ...threeBytes,
      fill(_distribution, _parameter, out) {
        out.fill(2 ** 31);
        return { done: out.length, used: 0 };
      },
    };
    const sampler = noiseSampler(far, "gaussian", one, counting());
    expect(() => sampler.fill(new Int32Array(1))).toThrow(expect.objectContaining({ code: "TRB_DP_SAMPLE_OUT_OF_RANGE" }));
  });
});

it("the system's entropy fills arrays of any length, differently each time", () => {
  const [a, b] = [new Uint8Array(200_001), new Uint8Array(200_001)];
  systemEntropy().fill(a);
  systemEntropy().fill(b);
  const equal = a.filter((byte, i) => byte === b[i]).length;
  // 200 001 coins of 1/256: mean 781, deviation 28; ten deviations: false alarm below 1e-20 by Chernoff
  expect(Math.abs(equal - 781)).toBeLessThan(280);
  expect(a.subarray(-16)).not.toEqual(new Uint8Array(16));
});
