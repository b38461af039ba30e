/**
 * The staircase above a bell under which `envelope-sampler.ts` throws its darts: which magnitudes are proposed how often, in
 * integers, and how likely each is to be accepted.
 *
 * Write w(m) = exp(−γ(m)) for magnitudes m ≥ 0, where γ is m²/2σ² (Gaussian) or m/b (Laplace): 0 at 0, increasing and convex.
 * Magnitudes are cut into blocks of 2^blockBits; block j begins at j·2^blockBits.
 *
 *   core   block j < coreBlocks owns n_j = ⌈c·w(first m of j)⌉ of the 4096 places of the guide table; m is uniform inside.
 *   tail   the magnitudes from M = coreBlocks·2^blockBits on own tailPlaces of them. Chunk i = 0, 1, 2, … of 2^tailBits magnitudes
 *          is proposed with probability 2^−(i+1), m uniform inside.
 *   rest   places left over reject.
 *
 * A proposal m is accepted with probability
 *
 *   r(m) = c·w(m)/n_j                                              in the core,
 *   r(m) = c·2^(tailBits − blockBits)·2^(i+1)·w(m)/tailPlaces      in the tail,
 *
 * so that every m comes out with probability (c/4096)·2^−blockBits·w(m): one constant times w(m). This needs r ≤ 1 everywhere.
 * In the core that is the ⌈⌉ over an upper bound of w. In the tail, it holds for i = 0 by the choice of tailPlaces, and for the later
 * chunks because from one chunk's start to the next w falls at least by half: γ(M + L) − γ(M) ≥ ln 2 with L = 2^tailBits, which is
 * how tailBits is chosen, in integers; γ is convex, so it falls no less later on.
 */
import { exponentialBounds } from "../exact/exponential.ts";
import { bitLength, floor, integerSqrt, multiply, type Rational, toNumber, whole } from "../exact/rational.ts";
import { type Cells, cellsOf } from "./acceptance.ts";

export const guidePlaces = 4096;
/** What stands in the guide table at places that belong to no block. */
export const tailPlace = 0xffff;
export const rejectPlace = 0xfffe;

/** Which bell: its parameter is σ² or b. */
export interface Bell {
  readonly shape: "gaussian" | "laplace";
  /** σ² in squared integer units, or b in integer units; > 0 */
  readonly parameter: Rational;
}

export interface Envelope {
  readonly bell: Bell;
  readonly blockBits: number;
  readonly tailBits: number;
  readonly coreBlocks: number;
  readonly tailPlaces: number;
  /** c, above. */
  readonly constant: bigint;
  /** `[4096]`: the core block that owns the place, or `tailPlace` or `rejectPlace`. */
  readonly guide: Uint16Array;
  /** `[coreBlocks]`: n_j. */
  readonly places: Uint32Array;
  /** `[coreBlocks]`: proven lower bound of 2³²·r(m) over the block. A uniform word below it accepts, whatever m is. */
  readonly surely: Uint32Array;
  /** r at the first magnitude of each block, to 2^−50 relatively, as far as floats are used: about 6σ or 30b. */
  readonly ratio: Float64Array;
  /** 1/2σ² or 1/b, to 2^−51 relatively. */
  readonly inverse: number;
  /** What decides nearly every dart at the core. */
  readonly cells: Cells;
}

/** ln 2 < 0.6932 */
const ln2Above: Rational = { numerator: 6932n, denominator: 10000n };

/** Costs about a millisecond. The parameter is positive, σ² ≤ 2^80 or b ≤ 2^40: the samplers check that. */
export function buildEnvelope(bell: Bell): Envelope {
  const { shape, parameter } = bell;
  const width = shape === "gaussian" ? integerSqrt(floor(parameter)) : floor(parameter);
  const blockBits = Math.max(0, bitLength(width) - 5); // 16 to 32 blocks a σ or b; single magnitudes below 16
  const floatBlocks = (shape === "gaussian" ? 6 : 30) * (Number(width >> BigInt(blockBits)) + 1);
  const heights = Array.from({ length: floatBlocks }, (_, j) => height(bell, blockBits, j));
  const upper = heights.map(({ high }) => high);

  // A c whose places fit, by bisection: c = 1 takes one place and the tail's, and `low` only becomes what was seen to fit. It is the largest,
  // but for the tail's places, which alone may shrink as c grows.
  let low = 1n;
  let high = BigInt(guidePlaces);
  while (low < high) {
    const middle = (low + high + 1n) >> 1n;
    if (layout(bell, blockBits, upper, middle).total <= guidePlaces) low = middle;
    else high = middle - 1n;
  }
  const constant = low;
  const { places, coreBlocks, tailPlaces, tailBits } = layout(bell, blockBits, upper, constant);
  const guide = new Uint16Array(guidePlaces).fill(rejectPlace);
  let place = 0;
  for (const [block, count] of places.entries()) guide.fill(block, place, (place += count));
  guide.fill(tailPlace, place, place + tailPlaces);

  const envelope = { bell, blockBits, tailBits, coreBlocks, tailPlaces, constant };
  const ratio = new Float64Array(floatBlocks);
  for (const [j, bounds] of heights.entries()) {
    const factor = acceptanceFactor({ ...envelope, places }, BigInt(j) << BigInt(blockBits));
    ratio[j] = toNumber(multiply(factor, { numerator: bounds.low, denominator: 1n << BigInt(bounds.bits) }));
  }
  const surely = new Uint32Array(coreBlocks);
  for (let j = 0; j < coreBlocks; j++) {
    const last = ((BigInt(j) + 1n) << BigInt(blockBits)) - 1n;
    const { low: least } = exponentialBounds(gammaOf(bell, last), 64);
    const factor = acceptanceFactor({ ...envelope, places }, last);
    const bound = (factor.numerator * least) / (factor.denominator << 32n);
    surely[j] = Number(bound < 0xffffffffn ? bound : 0xffffffffn);
  }
  const inverse = toNumber(shape === "gaussian" ? half(reciprocal(parameter)) : reciprocal(parameter));
  const cells = cellsOf({ shape, blockBits, ratio, inverse }, coreBlocks);
  return { ...envelope, guide, places: Uint32Array.from(places), surely, ratio, inverse, cells };
}

/** γ(m), so that w(m) = exp(−γ). */
export function gammaOf({ shape, parameter }: Bell, magnitude: bigint): Rational {
  const { numerator, denominator } = parameter;
  return shape === "gaussian"
    ? { numerator: magnitude * magnitude * denominator, denominator: 2n * numerator }
    : { numerator: magnitude * denominator, denominator: numerator };
}

const reciprocal = ({ numerator, denominator }: Rational): Rational => ({ numerator: denominator, denominator: numerator });
const half = ({ numerator, denominator }: Rational): Rational => ({ numerator, denominator: 2n * denominator });

/** What w(m) is multiplied by to give r(m), exactly. */
export function acceptanceFactor(
  envelope: Pick<Envelope, "blockBits" | "tailBits" | "coreBlocks" | "tailPlaces" | "constant"> & {
    readonly places: ArrayLike<number>;
  },
  magnitude: bigint,
): Rational {
  const { blockBits, tailBits, coreBlocks, tailPlaces, constant, places } = envelope;
  const tailStart = BigInt(coreBlocks) << BigInt(blockBits);
  if (magnitude < tailStart) {
    return { numerator: constant, denominator: BigInt(places[Number(magnitude >> BigInt(blockBits))] as number) };
  }
  const chunk = (magnitude - tailStart) >> BigInt(tailBits);
  return { numerator: constant << (BigInt(tailBits - blockBits) + chunk + 1n), denominator: BigInt(tailPlaces) };
}

/** w at the first magnitude of block j, between low and high over 2^bits; 60 bits of it are known. */
function height(bell: Bell, blockBits: number, j: number) {
  const gamma = gammaOf(bell, BigInt(j) << BigInt(blockBits));
  const bits = 64 + 2 * Math.min(500, Number(floor(gamma))); // e^−γ > 2^−2γ; beyond e^−500 a zero serves as well
  const { low, high } = exponentialBounds(gamma, bits);
  return { low, high: { numerator: high, denominator: 1n << BigInt(bits) }, bits };
}

/** How the places are dealt out for a given c. */
function layout(bell: Bell, blockBits: number, heights: readonly Rational[], constant: bigint) {
  const scaled = (j: number): Rational => multiply(whole(constant), heights[j] as Rational);
  const places: number[] = [];
  let total = 0;
  // The core ends where a block would fill less than one place; w at 5σ or 9b times 4096 is below that.
  for (let j = 0; j === 0 || scaled(j).numerator > scaled(j).denominator; j++) {
    const { numerator, denominator } = scaled(j);
    places.push(Number((numerator + denominator - 1n) / denominator));
    total += places[j] as number;
  }
  const coreBlocks = places.length;
  const tailStart = BigInt(coreBlocks) << BigInt(blockBits);
  let tailBits = blockBits;
  for (; ; tailBits++) {
    const [least, most] = [gammaOf(bell, tailStart), gammaOf(bell, tailStart + (1n << BigInt(tailBits)))];
    const fall = { numerator: most.numerator - least.numerator, denominator: most.denominator };
    if (fall.numerator * ln2Above.denominator >= ln2Above.numerator * fall.denominator) break;
  }
  const needed = multiply(whole(2n << BigInt(tailBits - blockBits)), scaled(coreBlocks)); // r ≤ 1 at the tail's start
  let tailPlaces = 1;
  while (BigInt(tailPlaces) * needed.denominator < needed.numerator) tailPlaces *= 2;
  return { places, coreBlocks, tailBits, tailPlaces, total: total + tailPlaces };
}
