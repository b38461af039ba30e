/**
 * Where every random bit comes from. `dp` and the reducers are handed one; only shells create one.
 */

/** A stream of uniform random bytes that nobody else can predict (or, in tests, that a seed determines). */
export interface RandomSource {
  /** Fills the whole array with uniform bytes. */
  fill(out: Uint8Array): void;
}
