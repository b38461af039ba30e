/**
 * Turns the uses that the reverse pass recorded into the graph's outputs: per-customer norms over all parameters jointly, and
 * Σ_b min(1, C/‖g_b‖)·g_b. One reverse pass serves both, because clip factors are applied to the cached factors.
 *
 * How a parameter's norm is formed, by rule and the same on every machine:
 * - only sums (biases, gains): each customer's gradient is written out, it is no longer than the parameter;
 * - one product: by Gram matrices, unless `length`·(in + out) > in·out, when the customer's matrix is cheaper (measured: from 32
 *   positions on at 64×64, by a tenth at 39, a fifth at 78);
 * - several products: each customer's matrix is written out and added up;
 * - a table: looked-up rows (those of one sequence are added event by event first, those of several are put side by side) and at
 *   most one dense factor, jointly.
 * Anything else is refused: no use is ever left out.
 *
 * The clip factor is C / max(C, norm, magnitude/4). Where terms cancel so far that float32 can't tell a customer's norm from
 * zero, the magnitude takes over, so that no contribution is longer than C whatever the weights are. It depends on the customer
 * alone and changes nothing as long as the magnitude is below four norms.
 */
import { fail } from "@tributary/errors";
import type { GraphBuilder, Parameter } from "../graph/builder.ts";
import {
  cast,
  concatenate,
  flattened,
  grouped,
  larger,
  over,
  plus,
  product,
  reshape,
  smaller,
  squareRoot,
  sumOf,
  sumOver,
  times,
} from "../graph/operations.ts";
import { knownDimension } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";
import { NormTerms } from "./norms.ts";
import type { ParameterUse } from "./uses.ts";

/** Where in the graph's outputs a piece of a parameter's (clipped) summed gradient stands. Pieces add up. */
export type GradientPiece =
  /** `output[offset]` and on is the whole gradient in row-major order. */
  | { readonly kind: "dense"; readonly parameter: string; readonly output: string; readonly offset: number }
  /** `output` `[B, n, width]`: values for the rows named by `ids` [B, n], fed or an output; id 0 is none, id i is row i − 1. */
  | { readonly kind: "rows"; readonly parameter: string; readonly output: string; readonly ids: string }
  /** `output` `[K(+1), width]`: values for the rows named by the fed ids [K]. */
  | { readonly kind: "columns"; readonly parameter: string; readonly output: string; readonly ids: string };

export interface CollectOptions {
  /** Sum per-customer gradients clipped; otherwise their plain sum. */
  readonly clipped: boolean;
  /** Positions that a customer typically has in this graph: decides between Gram matrices and written-out gradients. */
  readonly length: number;
}

/** Input that a clipped graph adds: C. Outputs that it adds: `norm` [B]. Every graph adds `loss` [B]. */
export const clipNormInput = "clipNorm";

/** How many norms the magnitude may be before it decides. */
const magnitudeAllowance = 4;

interface Pending {
  readonly piece: GradientPiece;
  readonly make: (factors: ClipFactors | undefined) => Tensor;
}

/** min(1, C/norm) in the shapes in which it is needed. */
interface ClipFactors {
  /** [1, B] */
  readonly row: Tensor;
  /** [B, 1, 1] */
  readonly block: Tensor;
}

/**
 * Ends a graph: call after `backward`.
 * @throws TRB_TENSOR_MIXED_USES
 */
export function collect(g: GraphBuilder, options: CollectOptions): readonly GradientPiece[] {
  // Nothing removes nodes that no output needs: without clipping there are no terms to begin with.
  const terms = options.clipped ? new NormTerms(g) : undefined;
  const pending: Pending[] = [];
  const small: { readonly parameter: string; readonly gradient: Tensor }[] = [];
  for (const parameter of g.parameters.values()) {
    const kinds = new Set(parameter.uses.map((use) => use.kind));
    if (kinds.has("rows") || kinds.has("columns")) collectTable(g, parameter, terms, pending);
    else if (kinds.has("product")) collectMatrix(g, parameter, terms, pending, options.length);
    else small.push({ parameter: parameter.tensor.name, gradient: collectSum(g, parameter, terms) });
  }
  const smallOutput = "vectors";
  const pieces: GradientPiece[] = [];
  let vectors: Tensor | undefined;
  if (small.length > 0) {
    vectors = concatenate(
      g,
      small.map(({ gradient }) => gradient),
      1,
    );
    terms?.addRows(vectors);
    let offset = 0;
    for (const { parameter, gradient } of small) {
      pieces.push({ kind: "dense", parameter, output: smallOutput, offset });
      offset += knownDimension(gradient, 1);
    }
  }
  const factors = terms && clipFactors(g, terms);
  if (vectors) g.output(smallOutput, factors ? product(g, factors.row, vectors) : sumOver(g, vectors, [0]));
  for (const { piece, make } of pending) {
    g.output(piece.output, make(factors));
    pieces.push(piece);
  }
  // losses may lie on grids of their own
  const losses = g.losses.map(({ loss }) => sumOver(g, grouped(g, loss), [1, 2]));
  if (losses.length > 0) g.output("loss", sumOf(g, losses));
  return pieces;
}

function clipFactors(g: GraphBuilder, terms: NormTerms): ClipFactors {
  const { norm, magnitude } = terms.totals();
  const clipNorm = g.input(clipNormInput, []);
  const length = squareRoot(g, larger(g, norm, g.constant(0)));
  g.output("norm", length);
  const guard = times(g, squareRoot(g, magnitude), g.constant(1 / magnitudeAllowance));
  // Max of ONNX need not keep NaN; the sum does, and a customer with a non-finite norm is found by its norm.
  const factor = smaller(g, over(g, clipNorm, larger(g, larger(g, length, guard), g.constant(1e-20))), g.constant(1));
  const { customers } = g.tokens;
  return { row: reshape(g, factor, [1, -1], [1, customers]), block: reshape(g, factor, [-1, 1, 1], [customers, 1, 1]) };
}

/** [T, width] with every customer's tokens times its clip factor. */
function clipTokens(g: GraphBuilder, tokens: Tensor, factors: ClipFactors | undefined): Tensor {
  return factors ? flattened(g, times(g, grouped(g, tokens), factors.block)) : tokens;
}

/** Biases and gains: each customer's gradient [B, width]. */
function collectSum(g: GraphBuilder, parameter: Parameter, terms: NormTerms | undefined): Tensor {
  let total: Tensor | undefined;
  for (const use of parameter.uses) {
    if (use.kind !== "sum") throw mixed(parameter);
    const gradient = sumOver(g, grouped(g, use.values), [1]);
    terms?.addSumMagnitude(use.values);
    total = total ? plus(g, total, gradient) : gradient;
  }
  if (total === undefined) throw mixed(parameter);
  return total;
}

/** Weight matrices. */
function collectMatrix(
  g: GraphBuilder,
  parameter: Parameter,
  terms: NormTerms | undefined,
  pending: Pending[],
  length: number,
): void {
  const { tensor, uses } = parameter;
  const [rows, columns] = [knownDimension(tensor, 0), knownDimension(tensor, -1)];
  const piece: GradientPiece = { kind: "dense", parameter: tensor.name, output: `gradient:${tensor.name}`, offset: 0 };
  const [only] = uses;
  if (uses.length === 1 && only?.kind === "product") {
    const { rows: left, values: right } = only;
    const writtenOut = length * (rows + columns) > rows * columns;
    if (terms && writtenOut) {
      terms.addProductMagnitude(left, right);
    } else {
      terms?.addProduct(left, right);
      const narrow = rows <= columns;
      pending.push({
        piece,
        make: (factors) => {
          const a = narrow ? clipTokens(g, left, factors) : left;
          const b = narrow ? right : clipTokens(g, right, factors);
          return product(g, a, b, { transposeA: true });
        },
      });
      return;
    }
  }
  if (tensor.shape.length !== 2) throw mixed(parameter);
  let total: Tensor | undefined;
  for (const use of uses) {
    const gradient = writeOut(g, use, parameter);
    if (use.kind === "product" && uses.length > 1) terms?.addProductMagnitude(use.rows, use.values);
    total = total ? plus(g, total, gradient) : gradient;
  }
  if (total === undefined) throw mixed(parameter);
  const whole = total;
  terms?.addMaterialised(whole);
  const flatWidth = rows * columns;
  pending.push({
    piece,
    make: (factors) =>
      factors
        ? product(g, factors.row, reshape(g, whole, [-1, flatWidth], [g.tokens.customers, flatWidth]))
        : sumOver(g, whole, [0]),
  });
}

/** One customer's gradient of a matrix, [B, in, out]. */
function writeOut(g: GraphBuilder, use: ParameterUse, parameter: Parameter): Tensor {
  if (use.kind !== "product") throw mixed(parameter);
  return product(g, grouped(g, use.rows), grouped(g, use.values), { transposeA: true });
}

/** Tables: looked-up rows, and the dense factor of a tied softmax. */
function collectTable(g: GraphBuilder, parameter: Parameter, terms: NormTerms | undefined, pending: Pending[]): void {
  const name = parameter.tensor.name;
  const lookups = new Map<string, { readonly ids: Tensor; values: Tensor; distinct: boolean }>();
  let dense: Extract<ParameterUse, { kind: "columns" }> | undefined;
  for (const use of parameter.uses) {
    if (use.kind === "columns") {
      if (dense) throw mixed(parameter);
      dense = use;
    } else if (use.kind === "rows") {
      const window = g.windows.get(use.ids.name);
      const ids = window ? window.sequence : use.ids;
      const values = window ? padEvents(g, grouped(g, use.values), window.offset) : grouped(g, use.values);
      const known = lookups.get(ids.name);
      if (known) {
        known.values = plus(g, known.values, values);
        known.distinct &&= use.distinct;
      } else lookups.set(ids.name, { ids, values, distinct: use.distinct });
    } else throw mixed(parameter);
  }
  const lists = [...lookups.values()];
  for (const [place, { ids, values }] of lists.entries()) {
    const output = place === 0 ? `rows:${name}` : `rows${place}:${name}`;
    // What is added up outside the graph goes by these ids: where they were computed (an item's attributes), they come out as well.
    const named = g.isInput(ids) ? ids.name : output.replace("rows", "ids");
    if (named !== ids.name) g.output(named, cast(g, ids, "float"));
    pending.push({
      piece: { kind: "rows", parameter: name, output, ids: named },
      make: (factors) => (factors ? times(g, values, factors.block) : values),
    });
  }
  const [only, another] = lists;
  // Two lists may name the same row: their events stand side by side, and equal ids meet in the norm.
  const joint = another
    ? {
        ids: concatenate(
          g,
          lists.map(({ ids }) => ids),
          1,
        ),
        values: concatenate(
          g,
          lists.map(({ values }) => values),
          1,
        ),
        distinct: false,
      }
    : only;
  if (joint) terms?.addSparse(joint.ids, joint.values, joint.distinct);
  if (dense) {
    const { factor, values, columns, slotsOf } = dense;
    terms?.addProduct(factor, values);
    if (joint) terms?.addCross(factor, values, slotsOf(joint.ids), joint.values);
    const output = `columns:${name}`;
    pending.push({
      piece: columns
        ? { kind: "columns", parameter: name, output, ids: columns.name }
        : { kind: "dense", parameter: name, output, offset: 0 },
      make: (factors) => product(g, factor, clipTokens(g, values, factors), { transposeA: true }),
    });
  }
}

/** Values of a window's L events in the sequence's L + 1 places: [B, L, width] → [B, L + 1, width]. */
function padEvents(g: GraphBuilder, values: Tensor, offset: 0 | 1): Tensor {
  const [customers = "B", positions = "L", width = 1] = values.shape;
  const pads = offset === 0 ? [0, 0, 0, 0, 1, 0] : [0, 1, 0, 0, 0, 0];
  return g.node("Pad", [values, g.integers(...pads)], [customers, `${positions}+1`, width]);
}

function mixed({ tensor, uses }: Parameter) {
  return fail("TRB_TENSOR_MIXED_USES", { parameter: tensor.name, uses: uses.map((use) => use.kind).join(", ") });
}
