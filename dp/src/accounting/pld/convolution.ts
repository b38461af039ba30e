/**
 * Many-fold circular convolution of weights by one transform: both directions at once, one as the real and one as the imaginary part; and a
 * bound of what rounding may have done to any of the results.
 */
import FFT from "fft.js";

/** Weights that are convolved `count` times with themselves; index 0 of the circle is loss 0. */
export interface Repeated {
  readonly first: number;
  readonly weights: Float64Array;
  readonly count: number;
}

export interface Convolved {
  /** [size] the composed weights at index mod size; rounding may have made some negative. */
  readonly weights: Float64Array;
  /** What a weight may be off by. */
  readonly error: number;
}

/**
 * Rounding of a transform: the root mean square of an output's error is about 0.6·u·√log₂(size)·‖input‖₂ (u = 1.1e-16; Higham 2002, §24.1,
 * for independent roundings; the tests measure it). Bounds are ten of these deviations. A worst case over all roundings would be a
 * thousand times larger and say nothing.
 */
const deviations = 10;
const transformRounding = (size: number): number => 0.7 * 1.2e-16 * Math.sqrt(Math.log2(size));

/** Complex powers below e^−60 are taken as 0, and the error bound says so. */
const smallestLog = -60;

interface Workspace {
  readonly fft: FFT;
  readonly data: Float64Array;
  readonly out: Float64Array;
}

const workspaces = new Map<number, Workspace>();

function workspaceOf(size: number): Workspace {
  const before = workspaces.get(size);
  if (before) return before;
  if (workspaces.size >= 3) workspaces.clear(); // one of 2²⁰ holds 60 MB
  const made = { fft: new FFT(size), data: new Float64Array(2 * size), out: new Float64Array(2 * size) };
  workspaces.set(size, made);
  return made;
}

/**
 * @param size a power of two from 2 on
 * @param pairs weights that sum to at most 1; `a` and `b` of one entry are composed apart
 */
export function convolve(size: number, pairs: readonly { a: Repeated; b: Repeated }[]): { a: Convolved; b: Convolved } {
  const { fft, data, out } = workspaceOf(size);
  const half = size / 2;
  const rounding = transformRounding(size);
  const spectrum = [new Spectrum(half + 1), new Spectrum(half + 1)] as const;
  for (const { a, b } of pairs) {
    data.fill(0);
    scatter(data, 0, a, size);
    scatter(data, 1, b, size);
    const off = rounding * norm(data);
    fft.transform(out, data);
    const [smallA, smallB] = [negligibleSquare(a.count, off), negligibleSquare(b.count, off)];
    for (let k = 0; k <= half; k++) {
      const [at, mirror] = [2 * k, 2 * ((size - k) % size)];
      const [re, im] = [out[at] as number, out[at + 1] as number];
      const [mirrorRe, mirrorIm] = [out[mirror] as number, out[mirror + 1] as number];
      spectrum[0].multiply(k, (re + mirrorRe) / 2, (im - mirrorIm) / 2, a.count, off, smallA);
      spectrum[1].multiply(k, (im + mirrorIm) / 2, (mirrorRe - re) / 2, b.count, off, smallB);
    }
  }
  for (let k = 0; k <= half; k++) {
    const [first, second] = [spectrum[0].value(k, half), spectrum[1].value(k, half)];
    const [at, mirror] = [2 * k, 2 * ((size - k) % size)];
    // a + i·b, and the same of the conjugates at the mirrored frequency
    data[at] = first.re - second.im;
    data[at + 1] = first.im + second.re;
    data[mirror] = first.re + second.im;
    data[mirror + 1] = second.re - first.im;
  }
  fft.inverseTransform(out, data);
  const ofInverse = rounding * rounding * (spectrum[0].squares + spectrum[1].squares);
  const result = (part: 0 | 1): Convolved => {
    const weights = new Float64Array(size);
    for (let i = 0; i < size; i++) weights[i] = out[2 * i + part] as number;
    return { weights, error: (deviations / size) * Math.sqrt(spectrum[part].errors + ofInverse) };
  };
  return { a: result(0), b: result(1) };
}

function norm(data: Float64Array): number {
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += (data[i] as number) ** 2;
  return Math.sqrt(squares);
}

function scatter(data: Float64Array, part: 0 | 1, { first, weights }: Repeated, size: number): void {
  let index = ((first % size) + size) % size;
  for (let i = 0; i < weights.length; i++) {
    const at = 2 * index + part;
    data[at] = (data[at] as number) + (weights[i] as number);
    index = index + 1 === size ? 0 : index + 1;
  }
}

/** A product of powers of spectra in logarithms, and `slacks`: the logarithm of how much larger rounding may have made it. */
class Spectrum {
  /** Σ over all frequencies of the squares of the values, and of their errors; filled by `value`. */
  squares = 0;
  errors = 0;
  private readonly logs: Float64Array;
  private readonly angles: Float64Array;
  private readonly slacks: Float64Array;

  constructor(length: number) {
    this.logs = new Float64Array(length);
    this.angles = new Float64Array(length);
    this.slacks = new Float64Array(length);
  }

  /** Multiplies entry k by (re + i·im)^count, where the factor may be off by `rounding`; sizes below √`negligible` count as 0. */
  multiply(k: number, re: number, im: number, count: number, rounding: number, negligible: number): void {
    const squared = re * re + im * im;
    if (squared < negligible || this.logs[k] === Number.NEGATIVE_INFINITY) {
      this.logs[k] = Number.NEGATIVE_INFINITY;
      return;
    }
    const log = 0.5 * Math.log(Math.max(squared, 1e-300));
    this.logs[k] = (this.logs[k] as number) + count * log;
    this.angles[k] = (this.angles[k] as number) + count * Math.atan2(im, re);
    this.slacks[k] = (this.slacks[k] as number) + count * (Math.log1p(rounding * Math.exp(-log)) + 4e-16);
  }

  /** Entry k; frequencies but the first and the last stand for their mirror as well. */
  value(k: number, last: number): { re: number; im: number } {
    const twice = k === 0 || k === last ? 1 : 2;
    const log = this.logs[k] as number;
    const slack = this.slacks[k] as number;
    if (log === Number.NEGATIVE_INFINITY) {
      this.errors += twice * Math.exp(2 * smallestLog);
      return { re: 0, im: 0 };
    }
    const modulus = Math.exp(log);
    const error = slack < 1 ? modulus * Math.expm1(slack) : Math.exp(log + slack);
    this.squares += twice * modulus * modulus;
    this.errors += twice * error * error;
    const angle = this.angles[k] as number;
    return { re: modulus * Math.cos(angle), im: modulus * Math.sin(angle) };
  }
}

/** A factor whose square is below this has a power below e^−60, its rounding included. */
function negligibleSquare(count: number, rounding: number): number {
  const size = Math.exp(smallestLog / count) - rounding;
  return size > 0 ? size * size : 0;
}
