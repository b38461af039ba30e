/**
 * Where a long vector may be other than 0, in blocks of 64 coordinates: a device's update touches the rows of its few items, and clipping, adding
 * and clearing cost those and not the dimension. It bounds the work and nothing else: what it names may be 0, and a vector that is other than
 * 0 outside of it is a fault of whoever made it, which clipping can't see.
 */

/** Coordinates of a block; a multiple of four, so that norms add up in the same order with a support as without. */
const blockLength = 64;

/** Blocks of a vector outside of which it is 0. */
export interface Support {
  /** Of the vector. */
  readonly length: number;
  /** `[⌈length/64⌉]`: 1 where the block may be other than 0. */
  readonly blocks: Uint8Array;
}

/** Nothing but zeros yet. */
export function emptySupport(length: number): Support {
  return { length, blocks: new Uint8Array(Math.ceil(length / blockLength)) };
}

/** Takes in coordinates `from` up to, not including, `to`. */
export function widenSupport({ blocks }: Support, from: number, to: number): void {
  if (to <= from) return;
  for (let block = Math.floor(from / blockLength); block * blockLength < to; block++) blocks[block] = 1;
}

/** Takes in another one of the same length. */
export function joinSupport({ blocks }: Support, other: Support): void {
  for (let block = 0; block < blocks.length; block++)
    blocks[block] = (blocks[block] as number) | (other.blocks[block] as number);
}

/** Visits what the support holds as stretches that don't touch each other, ascending. */
export function eachStretch({ length, blocks }: Support, visit: (from: number, to: number) => void): void {
  let from = -1;
  for (let block = 0; block < blocks.length; block++) {
    if (blocks[block] === 1) {
      if (from < 0) from = block;
    } else if (from >= 0) {
      visit(from * blockLength, block * blockLength);
      from = -1;
    }
  }
  if (from >= 0) visit(from * blockLength, length);
}

/** Zeros wherever the support reaches, and a support that is empty. */
export function clearSupported(support: Support, ...vectors: readonly (Float32Array | Float64Array)[]): void {
  eachStretch(support, (from, to) => {
    for (const vector of vectors) vector.fill(0, from, to);
  });
  support.blocks.fill(0);
}
