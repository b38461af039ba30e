/**
 * Exact integer noise, millions a second: the loop behind `fast-discrete-gaussian.ts` and `fast-discrete-laplace.ts`.
 *
 * Rejection under the staircase of `envelope.ts`: propose a magnitude m with integer-weighted probabilities, accept it if U < r(m)
 * for U uniform in [0, 1), give it a random sign, and throw (0, minus) away. Proposals use whole random bits only, and the envelope
 * makes every m come out with probability proportional to exp(−γ(m)) *if the comparison U < r(m) is decided correctly*.
 *
 * **Why it is exact although it uses floats.** U is a real number of which only the first bits are drawn. After one word u it is
 * known that U ∈ [u, u+1)/2³². Three stages decide, each only when it has a proof:
 *
 *   1. u < surely[j], an integer computed ahead with u + 1 ≤ surely[j] ≤ 2³²·r(m) for every m of the block. (More than 9 in 10.)
 *   2. A double x with |x − r(m)| ≤ 2^−40·r(m) (`acceptance.ts`): accept if u + 1 ≤ 2³²·x·(1 − 2^−39), reject if u ≥ 2³²·x·(1 + 2^−39).
 *   3. Otherwise (about once in 2³¹ draws) BigInt bounds of r(m), and further words of U, both refined until they separate. They do
 *      with probability 1, because U is uniform and r(m) a constant.
 *
 * So a float decides only where its error interval proves the answer, and the output is what real arithmetic would give on the
 * same bits; `floatMargin` widens the interval at will without changing a sample, which the tests use. `drawSure` asks a fourth question
 * before the first, with thresholds for a sixteenth of a block that stage 2 gave ahead; it takes the same words and decides the same.
 *
 * It does not run in constant time: how many words are read depends on the samples, never on what they are added to. Whoever can time it
 * learns of the noise, so nodes send at a fixed offset (DESIGN §4).
 */
import { fail } from "@tributary/errors";
import { exponentialBounds } from "../exact/exponential.ts";
import { bitLength } from "../exact/rational.ts";
import { acceptance, provenMargin } from "./acceptance.ts";
import { acceptanceFactor, type Envelope, gammaOf, guidePlaces, rejectPlace, tailPlace } from "./envelope.ts";
import type { IntegerSampler } from "./integer-sampler.ts";
import type { WordReader } from "./random-source.ts";

/** `guidePlaces` is 2 to this: the bit of the proposal after the guide's is the sign. */
const signPlace = Math.log2(guidePlaces);
/** What is left of a proposal's word after the guide's bits and the sign. */
const mostWordBits = 31 - signPlace;
/** Samples at a time where they are wanted in 32 bits. */
const partLength = 4096;

/**
 * @param options `floatMargin`: relative width below which a float may not decide; wider is slower and equal in every sample.
 *   `mostForInt32`: bits of the largest parameter whose samples fit 32 bits, and `fitsInt32` whether this one does
 */
export function envelopeSampler(
  envelope: Envelope,
  words: WordReader,
  options: { readonly floatMargin?: number; readonly mostForInt32: number; readonly fitsInt32: boolean },
): IntegerSampler {
  const margin = Math.max(options.floatMargin ?? provenMargin, provenMargin);
  const drawMost = envelope.blockBits <= mostWordBits ? drawSure : drawSureWide;
  const draw = (out: Float64Array, mostMagnitude: number): void => {
    const sure = margin === provenMargin && envelope.coreBlocks * 2 ** envelope.blockBits <= mostMagnitude;
    for (let done = 0; done < out.length; ) {
      const from = sure ? drawMost(out, done, envelope, words) : done;
      const end = sure ? Math.min(from + 1, out.length) : out.length; // one that takes a closer look
      drawAny(out, from, end, envelope, words, margin, mostMagnitude);
      done = end;
    }
  };
  return {
    fill(out) {
      if (out instanceof Float64Array) {
        draw(out, 2 ** 53);
        return;
      }
      if (!options.fitsInt32) throw fail("TRB_DP_VARIANCE_TOO_LARGE", { most: options.mostForInt32 });
      const part = new Float64Array(Math.min(partLength, out.length));
      for (let start = 0; start < out.length; start += partLength) {
        const some = part.subarray(0, Math.min(partLength, out.length - start));
        draw(some, 0x7fffffff);
        out.set(some, start);
      }
      part.fill(0);
    },
  };
}

/**
 * From `out[from]` on as far as fetched words go and the cells decide, which is all but two to six darts in a thousand: this is where the time
 * goes. What it stops at it leaves for `drawAny`, which takes the same words for the same samples.
 *
 * The loops stand by themselves, because a function that is made anew for each sampler is compiled anew as well; and they know one kind of
 * array, because over two kinds they would take twice as long.
 * @returns the place after the last sample
 */
function drawSure(out: Float64Array, from: number, envelope: Envelope, { fetched }: WordReader): number {
  const { blockBits, guide, cells } = envelope;
  const { bits: cellBits, surely, mostly } = cells;
  const [wordMask, cellShift] = [2 ** blockBits - 1, blockBits - cellBits];
  const { words: ahead, next: first } = fetched;
  let [i, next] = [from, first];
  for (const last = ahead.length - 1; i < out.length && next < last; next += 2) {
    const proposal = ahead[next] as number;
    const block = guide[proposal & (guidePlaces - 1)] as number;
    if (block >= rejectPlace) {
      if (block === tailPlace) break;
      continue;
    }
    const inBlock = (proposal >>> (signPlace + 1)) & wordMask;
    const cell = (block << cellBits) + (inBlock >> cellShift);
    const u = ahead[next + 1] as number;
    if (u >= (surely[cell] as number)) {
      if (u > (mostly[cell] as number)) continue;
      break;
    }
    const magnitude = (block << blockBits) + inBlock;
    const minus = (proposal >>> signPlace) & 1;
    if (magnitude < minus) continue; // zero with a minus, or zero would be drawn twice as often
    out[i++] = (magnitude ^ -minus) + minus; // no branch: a coin can't be predicted
  }
  ahead.fill(0, first, next); // noise can't be drawn again from what is left in memory
  fetched.next = next;
  return i;
}

/**
 * The same where a magnitude inside its block is longer than what is left of the proposal's word: a third word brings the rest, whatever is
 * decided, and magnitudes may pass 32 bits.
 */
function drawSureWide(out: Float64Array, from: number, envelope: Envelope, { fetched }: WordReader): number {
  const { blockBits, guide, cells } = envelope;
  const { bits: cellBits, surely, mostly } = cells;
  const [wordMask, cellShift, spare] = [2 ** mostWordBits - 1, mostWordBits - cellBits, 32 - (blockBits - mostWordBits)];
  const [blockSize, restSize] = [2 ** blockBits, 2 ** (blockBits - mostWordBits)];
  const { words: ahead, next: first } = fetched;
  let [i, next] = [from, first];
  for (const last = ahead.length - 2; i < out.length && next < last; ) {
    const proposal = ahead[next] as number;
    const block = guide[proposal & (guidePlaces - 1)] as number;
    if (block >= rejectPlace) {
      if (block === tailPlace) break;
      next += 2; // a rejected place takes no third word
      continue;
    }
    const inBlock = (proposal >>> (signPlace + 1)) & wordMask;
    const cell = (block << cellBits) + (inBlock >> cellShift);
    const u = ahead[next + 1] as number;
    if (u >= (surely[cell] as number)) {
      if (u <= (mostly[cell] as number)) break;
      next += 3;
      continue;
    }
    const magnitude = inBlock * restSize + ((ahead[next + 2] as number) >>> spare) + block * blockSize;
    const sign = 1 - ((proposal & guidePlaces) >>> (signPlace - 1));
    next += 3;
    if (magnitude === 0 && sign < 0) continue;
    out[i++] = sign * magnitude;
  }
  ahead.fill(0, first, next);
  fetched.next = next;
  return i;
}

/** All stages, for `out[from]` up to, not including, `out[end]`. */
function drawAny(
  out: Float64Array,
  from: number,
  end: number,
  envelope: Envelope,
  words: WordReader,
  margin: number,
  mostMagnitude: number,
): void {
  const { blockBits, guide, surely } = envelope;
  const wordBits = Math.min(blockBits, mostWordBits);
  const wordMask = 2 ** wordBits - 1;
  const moreBits = blockBits - wordBits;
  const [blockSize, moreSize] = [2 ** blockBits, 2 ** moreBits];
  const { fetched } = words;
  let { words: ahead, next } = fetched;
  for (let i = from; i < end; ) {
    let proposal: number;
    let u: number;
    if (next + 2 <= ahead.length) {
      proposal = ahead[next] as number;
      ahead[next++] = 0; // noise can't be drawn again from what is left in memory
      u = ahead[next] as number;
      ahead[next++] = 0;
    } else {
      fetched.next = next;
      proposal = words.word();
      u = words.word();
      ({ words: ahead, next } = fetched);
    }
    const block = guide[proposal & (guidePlaces - 1)] as number;
    let magnitude: number;
    if (block < rejectPlace) {
      magnitude = (proposal >>> 13) & wordMask;
      if (moreBits > 0 && next < ahead.length) {
        magnitude = magnitude * moreSize + ((ahead[next] as number) >>> (32 - moreBits)); // what `words.bits` gives
        ahead[next++] = 0;
      } else if (moreBits > 0) {
        fetched.next = next;
        magnitude = magnitude * moreSize + words.bits(moreBits);
        ({ words: ahead, next } = fetched);
      }
      magnitude += block * blockSize;
      if (u >= (surely[block] as number)) {
        fetched.next = next;
        const accepted = isBelow(envelope, magnitude, u, margin, words);
        ({ words: ahead, next } = fetched);
        if (!accepted) continue;
      }
    } else {
      if (block !== tailPlace) continue;
      fetched.next = next;
      magnitude = tailProposal(envelope, words);
      const accepted = isBelow(envelope, magnitude, u, margin, words);
      ({ words: ahead, next } = fetched);
      if (!accepted) continue;
    }
    if (magnitude > mostMagnitude) {
      fetched.next = next;
      throw fail("TRB_DP_SAMPLE_OUT_OF_RANGE");
    }
    const sign = 1 - ((proposal & guidePlaces) >>> (signPlace - 1)); // no branch: a coin can't be predicted
    if (magnitude === 0 && sign < 0) continue; // or zero would be drawn twice as often
    out[i++] = sign * magnitude;
  }
  fetched.next = next;
}

/** Chunk i with probability 2^−(i+1), then uniform inside. */
function tailProposal({ coreBlocks, blockBits, tailBits }: Envelope, words: WordReader): number {
  let chunk = 0;
  while (words.bits(1) === 0) chunk++;
  return coreBlocks * 2 ** blockBits + chunk * 2 ** tailBits + words.bits(tailBits);
}

/** Stages 2 and 3: is U < r(m), when u is U's first word? */
function isBelow(envelope: Envelope, magnitude: number, u: number, margin: number, words: WordReader): boolean {
  const { bell, blockBits, ratio, inverse } = envelope;
  if (magnitude < ratio.length * 2 ** blockBits) {
    const x = acceptance({ shape: bell.shape, blockBits, ratio, inverse }, magnitude);
    if (u + 1 <= x * (1 - margin)) return true;
    if (u >= x * (1 + margin)) return false;
  }
  return isBelowExactly(envelope, BigInt(magnitude), u, words);
}

/** Stage 3. U = 0.u₁u₂u₃… in base 2³², of which u₁ is known. */
function isBelowExactly(envelope: Envelope, magnitude: bigint, u: number, words: WordReader): boolean {
  const gamma = gammaOf(envelope.bell, magnitude);
  const { numerator, denominator } = acceptanceFactor(envelope, magnitude);
  // r(m) may be the product of a huge factor and a tiny w(m): start with bits enough for both
  const extra = bitLength(numerator / denominator) + 64;
  let known = BigInt(u);
  for (let bits = 32; ; bits += 32) {
    const precision = bits + extra;
    const { low, high } = exponentialBounds(gamma, precision);
    const left = denominator << BigInt(precision);
    if ((known + 1n) * left <= (numerator * low) << BigInt(bits)) return true;
    if (known * left >= (numerator * high) << BigInt(bits)) return false;
    known = (known << 32n) | BigInt(words.word());
  }
}
