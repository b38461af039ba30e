/**
 * The graph of a round: a circle of all nodes in random order, each joined to the k/2 nearest on either side (a Harary graph over a
 * random permutation; Bell et al., CCS 2020, §3.2). The order follows from h₁ and everybody's randomness, which was committed to
 * before anybody's was known (`commitment.ts`), so nobody chose it.
 */
import { fail } from "@tributary/errors";
import type { UniformBytes } from "../field.ts";

/** Places on the circle. */
export interface Ring {
  /** `[size]` place → member. */
  readonly order: Uint32Array;
  /** `[size]` member → place. */
  readonly places: Uint32Array;
}

/** A uniformly random order of 0 … size − 1, by Fisher and Yates. */
export function drawRing(size: number, random: UniformBytes): Ring {
  const order = Uint32Array.from({ length: size }, (_, i) => i);
  for (let i = size - 1; i > 0; i--) {
    const other = below(i + 1, random);
    [order[i], order[other]] = [order[other] ?? 0, order[i] ?? 0];
  }
  const places = new Uint32Array(size);
  for (const [place, member] of order.entries()) places[member] = place;
  return { order, places };
}

/**
 * Who is joined to a member, ascending.
 * @param neighbours k, even and below the ring's size
 * @throws TRB_SECAGG_GRAPH_IMPOSSIBLE
 */
export function neighboursOf({ order, places }: Ring, member: number, neighbours: number): number[] {
  const size = order.length;
  const place = places[member];
  if (place === undefined || neighbours % 2 !== 0 || neighbours < 2 || neighbours >= size) {
    throw fail("TRB_SECAGG_GRAPH_IMPOSSIBLE", { nodes: size });
  }
  const found: number[] = [];
  for (let step = 1; step <= neighbours / 2; step++) {
    found.push(order[(place + step) % size] ?? 0, order[(place + size - step) % size] ?? 0);
  }
  return found.sort((a, b) => a - b);
}

/** Uniform in [0, bound): words beyond the last whole multiple are thrown away. */
function below(bound: number, random: UniformBytes): number {
  const bytes = new Uint8Array(4);
  const limit = 2 ** 32 - (2 ** 32 % bound);
  for (;;) {
    random.fill(bytes);
    const word = new DataView(bytes.buffer).getUint32(0, true);
    if (word < limit) return word % bound;
  }
}
