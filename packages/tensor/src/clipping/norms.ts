/**
 * Per-customer squared gradient norms, from the factors that the reverse pass left, without the gradients themselves.
 *
 * ‖Σ_t r_t ⊗ v_t‖² = Σ_{t,s} (r_t·r_s)(v_t·v_s): two Gram matrices [L, L] a customer instead of a matrix [in, out].
 * Source: Li et al., "Large Language Models Can Be Strong Differentially Private Learners" (2021), §4 ("ghost clipping").
 *
 * Beside each squared norm stands the squared *magnitude* Σ_t ‖r_t‖²‖v_t‖²: what was added up, before anything cancelled.
 * Float32 is right relative to the magnitude, not to the norm, so the clip factor must know both (`collect.ts`).
 */
import type { GraphBuilder, Tokens } from "../graph/builder.ts";
import {
  cast,
  concatenate,
  equal,
  gatherElements,
  grouped,
  positionsRange,
  product,
  reshape,
  scaled,
  select,
  sumOf,
  sumOver,
  times,
  unsqueeze,
} from "../graph/operations.ts";
import type { Tensor } from "../graph/types.ts";

/** Squares that are added up in one go, in float32: longer sums go in two stages (one pass over 2·10⁵ was off by 2·10⁻⁴). */
const longestSum = 2048;

/** Collects terms of Σ over parameters of the squared norm and of the squared magnitude, each [B]. */
export class NormTerms {
  readonly #g: GraphBuilder;
  readonly #norm: Tensor[] = [];
  readonly #magnitude: Tensor[] = [];
  /** For each grid of tokens, [B, L, L] matrices whose whole sum is a squared norm and whose trace is the magnitude. */
  readonly #pairs = new Map<Tokens, Tensor[]>();
  /** The same for matrices of which only the trace is wanted. */
  readonly #traces = new Map<Tokens, Tensor[]>();
  /** Gram matrices and token squares of values that a matrix was added with: its bias has the same. */
  readonly #grams = new Map<string, Tensor>();
  readonly #squares = new Map<string, Tensor>();
  /** `[B, 1, 1]`: more of the magnitude. */
  readonly #dots: Tensor[] = [];

  constructor(g: GraphBuilder) {
    this.#g = g;
  }

  /** A gradient Σ_t rows_t ⊗ values_t, by Gram matrices. */
  addProduct(rows: Tensor, values: Tensor): void {
    const tokens = this.#g.tokensOf(rows) ?? this.#g.tokens;
    const pairs = this.#pairs.get(tokens) ?? [];
    const own = gram(this.#g, values);
    this.#grams.set(values.name, own);
    this.#pairs.set(tokens, [...pairs, times(this.#g, gram(this.#g, rows), own)]);
  }

  /** The same, from the materialised gradient [B, in, out]. */
  addMaterialised(gradient: Tensor): void {
    this.#norm.push(lengthSquared(this.#g, gradient));
  }

  /** Its magnitude. */
  addProductMagnitude(rows: Tensor, values: Tensor): void {
    const g = this.#g;
    const own = tokenSquares(g, values);
    this.#squares.set(values.name, own);
    this.#magnitude.push(sumOver(g, times(g, tokenSquares(g, rows), own), [1]));
  }

  /** Gradients that stand side by side in [B, n]. */
  addRows(gradients: Tensor): void {
    this.#norm.push(lengthSquared(this.#g, gradients));
  }

  /** The magnitude of Σ_t values_t. */
  addSumMagnitude(values: Tensor): void {
    const [known, squares] = [this.#grams.get(values.name), this.#squares.get(values.name)];
    if (known) {
      const tokens = this.#g.tokensOf(values) ?? this.#g.tokens;
      this.#traces.set(tokens, [...(this.#traces.get(tokens) ?? []), known]);
    } else if (squares) this.#magnitude.push(sumOver(this.#g, squares, [1]));
    else this.#dots.push(dot(this.#g, grouped(this.#g, values)));
  }

  /** Sparse rows: values [B, n, width] at ids [B, n]; rows with one id add up. */
  addSparse(ids: Tensor, values: Tensor, distinct: boolean): void {
    const g = this.#g;
    const magnitude = sumOver(g, sumOver(g, times(g, values, values), [2]), [1]);
    this.#magnitude.push(magnitude);
    if (distinct) {
      this.#norm.push(magnitude);
      return;
    }
    const together = equal(g, unsqueeze(g, ids, 2), unsqueeze(g, ids, 1));
    const pairs = product(g, values, values, { transposeB: true });
    this.#norm.push(sumOver(g, select(g, together, pairs, g.constant(0)), [1, 2]));
  }

  /**
   * 2⟨dense, sparse⟩ for one table: dense = Σ_t factor_t ⊗ weighted_t, sparse = values_s at the row of event s:
   * 2 Σ_{t,s} factor_{t, slot(s)} (weighted_t·values_s). slots [B, S], values [B, S, width]
   */
  addCross(factor: Tensor, weighted: Tensor, slots: Tensor, values: Tensor): void {
    const g = this.#g;
    const tokens = g.tokensOf(factor) ?? g.tokens;
    const shape = [tokens.customers, tokens.positions, slots.shape[1] ?? 1];
    const wide = g.node("Expand", [unsqueeze(g, slots, 1), expandSizes(g, tokens)], shape, { type: "int32" });
    const found = gatherElements(g, grouped(g, factor), wide, 2);
    const dots = product(g, grouped(g, weighted), values, { transposeB: true });
    this.#norm.push(scaled(g, sumOver(g, times(g, found, dots), [1, 2]), 2));
  }

  /** Squared norm and squared magnitude of each customer, [B]. */
  totals(): { readonly norm: Tensor; readonly magnitude: Tensor } {
    const g = this.#g;
    const [norm, magnitude] = [[...this.#norm], [...this.#magnitude]];
    for (const [tokens, matrices] of this.#pairs) {
      const pairs = sumOf(g, matrices);
      const range = positionsRange(g, tokens);
      const diagonal = cast(g, equal(g, unsqueeze(g, range, 0), unsqueeze(g, range, 1)), "float");
      norm.push(sumOver(g, pairs, [1, 2]));
      const traced = sumOf(g, [pairs, ...(this.#traces.get(tokens) ?? [])]);
      magnitude.push(sumOver(g, times(g, traced, diagonal), [1, 2]));
    }
    if (this.#dots.length > 0) magnitude.push(reshape(g, sumOf(g, this.#dots), [-1], [g.tokens.customers]));
    return { norm: sumOf(g, norm), magnitude: sumOf(g, magnitude) };
  }
}

/** ‖token‖² of each of a customer's tokens: [T, width] → [B, L] */
function tokenSquares(g: GraphBuilder, tokens: Tensor): Tensor {
  return sumOver(g, times(g, grouped(g, tokens), grouped(g, tokens)), [2]);
}

/**
 * Each customer's numbers times themselves, in one sum: [B, …] → [B, 1, 1]. A product of a row with itself, because ONNX Runtime's
 * `ReduceSumSquare` takes five to ten times as long. One float32 sum is exact enough for a magnitude, however long it is.
 */
function dot(g: GraphBuilder, values: Tensor): Tensor {
  const [customers = "B"] = values.shape;
  const rows = reshape(g, values, [0, 1, -1], [customers, 1, "n"]);
  return product(g, rows, rows, { transposeB: true });
}

/** The same of gradients of known size, in two stages where they are long. */
function lengthSquared(g: GraphBuilder, gradient: Tensor): Tensor {
  const [customers = "B", ...sizes] = gradient.shape;
  const size = sizes.reduce((count: number, dimension) => count * Number(dimension), 1);
  const part = largestDivisor(size, longestSum);
  const parts = size / part;
  const rows = reshape(g, gradient, [-1, 1, part], [parts === 1 ? customers : `${customers}*${parts}`, 1, part]);
  const squares = product(g, rows, rows, { transposeB: true });
  return sumOver(g, reshape(g, squares, [-1, parts], [customers, parts]), [1]);
}

function largestDivisor(size: number, most: number): number {
  let divisor = Math.min(size, most);
  while (size % divisor !== 0) divisor -= 1;
  return divisor;
}

/** `[1, L, 1]`: stretches a slot list over all positions. */
function expandSizes(g: GraphBuilder, { grid }: Tokens): Tensor {
  const length = g.node("Shape", [grid], [1], { type: "int64", attributes: { start: 1, end: 2 } });
  return concatenate(g, [g.integers(1), length, g.integers(1)], 0);
}

/** a_t·a_s of all pairs of a customer's tokens, [B, L, L]. */
function gram(g: GraphBuilder, a: Tensor): Tensor {
  const byCustomer = grouped(g, a);
  return product(g, byCustomer, byCustomer, { transposeB: true });
}
