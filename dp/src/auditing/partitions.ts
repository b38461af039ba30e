/**
 * Ways to sort outputs into cells, among which `distinguish` looks for one that tells two inputs apart. Any function of an output will do:
 * what can be told from the cell can be told from the output. So a partition may be learned from a training sample, and a new kind of
 * leak is looked for by adding a partition.
 */

/** Learns from outputs under both inputs, and says in which cell an output lies. */
export interface Partition {
  readonly name: string;
  learn(first: Float64Array, second: Float64Array): (output: number) => number;
}

/** Cells of about equal counts along the line: finds noise that is too small or a shift that is too large. */
export function intervals(count: number): Partition {
  return {
    name: `${count} intervals`,
    learn(first, second) {
      const edges = quantileEdges(first, second, count);
      return (output) => place(output, edges);
    },
  };
}

/**
 * The lowest set bit of an output as a double, in each of `count` intervals: finds floats that keep the grid of what they were added to.
 * In x + noise with |x + noise| < |x| the sum is a multiple of the last bit of x; noise alone has finer bits there. (Mironov, "On Significance
 * of the Least Significant Bits for Differential Privacy", 2012.)
 */
export function lowestBits(count: number): Partition {
  return {
    name: `lowest bit in ${count} intervals`,
    learn(first, second) {
      const edges = quantileEdges(first, second, count);
      return (output) => place(output, edges) * 4096 + lowestBit(output);
    },
  };
}

const view = new DataView(new ArrayBuffer(8));

/** From 1 to 2098: 1074 + 1 + the exponent of the lowest set bit; 0 for zero, 4095 for what is not finite. */
export function lowestBit(value: number): number {
  if (!Number.isFinite(value)) return 4095;
  if (value === 0) return 0;
  view.setFloat64(0, value);
  const [high, low] = [view.getUint32(0), view.getUint32(4)];
  const exponent = (high >>> 20) & 0x7ff;
  const leading = exponent === 0 ? 0 : 0x100000;
  const upper = (high & 0xfffff) | leading;
  const zeros = low === 0 ? 32 + trailingZeros(upper) : trailingZeros(low);
  return Math.max(1, exponent) + zeros;
}

const trailingZeros = (word: number): number => 31 - Math.clz32(word & -word);

/** Edges between cells, rising, none twice. */
function quantileEdges(first: Float64Array, second: Float64Array, count: number): Float64Array {
  const pooled = new Float64Array(first.length + second.length);
  pooled.set(first);
  pooled.set(second, first.length);
  const finite = pooled.filter(Number.isFinite).sort();
  const edges = Array.from({ length: count - 1 }, (_, i) => finite[Math.floor((finite.length * (i + 1)) / count)] ?? 0);
  return Float64Array.from(new Set(edges));
}

/** How many edges are at or below the output; after them, cells of their own for what is not finite. */
function place(output: number, edges: Float64Array): number {
  if (!Number.isFinite(output)) return edges.length + (Number.isNaN(output) ? 1 : output > 0 ? 2 : 3);
  let low = 0;
  let high = edges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] as number) <= output) low = middle + 1;
    else high = middle;
  }
  return low;
}
