/** Where every random bit comes from: the caller's source, through a pool of bytes that are used in order and once. */
import { fail } from "@tributary/errors";

/** A stream of uniform random bytes that nobody else can predict. Structurally `RandomSource` of `@tributary/dp`. */
export interface RandomSource {
  /** Fills the whole array with uniform bytes. */
  fill(out: Uint8Array): void;
}

/** Web Crypto gives at most so much at a time. */
const mostAtOnce = 65_536;

/** The system's generator, as Web Crypto offers it in Node and in browsers. */
export function systemEntropy(): RandomSource {
  return {
    fill(out) {
      for (let start = 0; start < out.length; start += mostAtOnce) {
        const part = new Uint8Array(Math.min(mostAtOnce, out.length - start));
        crypto.getRandomValues(part);
        out.set(part, start);
        part.fill(0);
      }
    },
  };
}

/** Bytes fetched at a time: some five hundred samples' worth. */
const fetched = 16_384;
/** One sample takes tens of bytes. A source that has not given one in so many is broken. */
const mostUnread = 2 ** 20;

export interface EntropyPool {
  /** What was fetched and not used. Not to be kept. */
  unread(): Uint8Array;
  /** Erases the first so many of it. */
  use(count: number): void;
  /** Fetches more, after what is unread. @throws TRB_OPENDP_FAILED when the source seems broken */
  more(): void;
}

/** What is drawn depends on the stream of bytes alone, and not on how many are fetched when. */
export function entropyPool(random: RandomSource): EntropyPool {
  let pool = new Uint8Array(0);
  let position = 0;
  return {
    unread: () => pool.subarray(position),
    use(count) {
      pool.fill(0, position, position + count); // noise can't be drawn again from what is left in memory
      position += count;
    },
    more() {
      const rest = pool.subarray(position);
      if (rest.length > mostUnread) {
        throw fail("TRB_OPENDP_FAILED", { reason: `${rest.length} random bytes gave no sample: check the random source` });
      }
      const fresh = new Uint8Array(Math.max(fetched, rest.length));
      random.fill(fresh);
      const next = new Uint8Array(rest.length + fresh.length);
      next.set(rest);
      next.set(fresh, rest.length);
      pool.fill(0);
      fresh.fill(0);
      pool = next;
      position = 0;
    },
  };
}
