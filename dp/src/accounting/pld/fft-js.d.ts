/** What is used of fft.js: complex transforms of a power of two, interleaved re, im. */
declare module "fft.js" {
  class FFT {
    constructor(size: number);
    transform(out: Float64Array, data: Float64Array): void;
    /** Divides by the size. */
    inverseTransform(out: Float64Array, data: Float64Array): void;
  }
  export = FFT;
}
