/**
 * The table that items are scored with: score of item i = hidden · vector_i. A plain table is a parameter [items, width]. A composed one
 * is a sum of parts, so that items share what they have in common:
 *
 *   vector_i = own_i + Σ_k attribute_k[rowOf_k(i)] + features_i · weight
 *
 * A loss has one gradient over item vectors, Σ_t factor_t ⊗ weighted_t and a sparse row at each token's target. Every part's gradient
 * follows from it by a linear map that is public: its columns grouped by attribute value, or multiplied by the features.
 */
import type { GraphBuilder } from "../graph/builder.ts";
import {
  cast,
  concatenate,
  equal,
  flattened,
  gatherRows,
  minus,
  plus,
  product,
  reshape,
  times,
  unsqueeze,
} from "../graph/operations.ts";
import { dimension, knownDimension, mismatch, sameShape } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";
import { noWayBack } from "./backward.ts";
import { placesOf, presence } from "./layers.ts";

export type TablePart =
  /** Each item a row of its own: table [items, width]. */
  | { readonly kind: "own"; readonly table: Tensor }
  /**
   * Items share rows of table [rows, width]. rowOf int32 [items] counts them from 1, 0 for an item without; `targets` [B, L] are the
   * rows of the loss's targets, 0 for none, fed or a window of what was fed.
   */
  | { readonly kind: "shared"; readonly table: Tensor; readonly rowOf: Tensor; readonly targets: Tensor }
  /** Public vectors [items, n] through weight [n, width]. */
  | { readonly kind: "projected"; readonly weight: Tensor; readonly features: Tensor };

export interface ComposedTable {
  readonly items: number;
  /** At most one part of each table or weight. */
  readonly parts: readonly TablePart[];
}

export type OutputTable = Tensor | ComposedTable;

/** The gradient over item vectors that a loss leaves, per token. */
export interface VectorGradients {
  /** [T, items], or [T, K + 1] over `columns`, the last being zero. */
  readonly factor: Tensor;
  /** [T, width] */
  readonly weighted: Tensor;
  /** Ids [K]; undefined: all items. */
  readonly columns: Tensor | undefined;
  /** Which column of `factor` is each id's, for ids [B, S]. */
  readonly slotsOf: (ids: Tensor) => Tensor;
  /** Ids [B, L]. */
  readonly targets: Tensor;
  /** `[T, 1]`: the target's vector gets targetScale · weighted; undefined: −1. */
  readonly targetScale: Tensor | undefined;
}

/** @throws TRB_TENSOR_SHAPE_MISMATCH when the parts have unequal widths or numbers of items */
export function composed(table: OutputTable): ComposedTable {
  if (!("parts" in table)) return { items: knownDimension(table, 0), parts: [{ kind: "own", table }] };
  const width = table.parts.map((part) => knownDimension(matrixOf(part), -1))[0];
  if (width === undefined)
    throw mismatch("output table", { name: "no parts", type: "float", shape: [] }, [table.items, "width"]);
  for (const part of table.parts) {
    const matrix = matrixOf(part);
    const rows =
      part.kind === "own" ? table.items : part.kind === "shared" ? knownDimension(matrix, 0) : dimension(part.features, -1);
    if (!sameShape(matrix.shape, [rows, width])) throw mismatch("output table", matrix, [rows, width]);
    if (part.kind === "shared" && !sameShape(part.rowOf.shape, [table.items]))
      throw mismatch("output table", part.rowOf, [table.items]);
    if (part.kind === "projected" && part.features.shape[0] !== table.items) {
      throw mismatch("output table", part.features, [table.items, "n"]);
    }
  }
  return table;
}

function matrixOf(part: TablePart): Tensor {
  return part.kind === "projected" ? part.weight : part.table;
}

export function widthOf({ parts }: ComposedTable): number {
  const [first] = parts;
  return first ? knownDimension(matrixOf(first), -1) : 0;
}

/** Vectors of all items, [items, width]. No gradient: that is the losses'. */
export function allVectors(g: GraphBuilder, table: OutputTable): Tensor {
  const { parts } = composed(table);
  return total(
    g,
    parts.map((part) => {
      if (part.kind === "own") return part.table;
      if (part.kind === "projected") return product(g, part.features, part.weight);
      return sharedRows(g, part.table, part.rowOf);
    }),
  );
}

/** Vectors [n, width] of ids [n], each counted from 1; an id of 0 gets some vector. No gradient. */
export function vectorsOf(g: GraphBuilder, { parts }: ComposedTable, ids: Tensor): Tensor {
  const places = placesOf(g, ids);
  return total(
    g,
    parts.map((part) => {
      if (part.kind === "own") return gatherRows(g, part.table, places);
      if (part.kind === "projected") return product(g, gatherRows(g, part.features, places), part.weight);
      return sharedRows(g, part.table, gatherRows(g, part.rowOf, places));
    }),
  );
}

/** Vectors [T, width] of target ids [B, L]. */
export function targetVectors(g: GraphBuilder, table: ComposedTable, targets: Tensor, all?: Tensor): Tensor {
  const ids = flatIds(g, targets);
  return all ? gatherRows(g, all, placesOf(g, ids)) : vectorsOf(g, table, ids);
}

/** [B, L] → [T] */
function flatIds(g: GraphBuilder, ids: Tensor): Tensor {
  const flat = flattened(g, ids);
  return reshape(g, flat, [-1], [dimension(flat, 0)]);
}

function sharedRows(g: GraphBuilder, table: Tensor, rows: Tensor): Tensor {
  return times(g, gatherRows(g, table, placesOf(g, rows)), unsqueeze(g, presence(g, rows, 1), 1));
}

function total(g: GraphBuilder, terms: readonly Tensor[]): Tensor {
  const [first, ...rest] = terms;
  if (first === undefined) throw mismatch("output table", { name: "no parts", type: "float", shape: [] }, ["items", "width"]);
  return rest.reduce((sum, term) => plus(g, sum, term), first);
}

/** Records what a loss's gradient over item vectors means for the parameters of each part. */
export function recordVectorGradients(g: GraphBuilder, table: ComposedTable, gradients: VectorGradients): void {
  const { factor, weighted, columns, slotsOf, targets, targetScale } = gradients;
  const targetValues = times(g, weighted, targetScale ?? g.constant(-1));
  for (const part of table.parts) {
    const matrix = matrixOf(part);
    const parameter = g.parameterOf(matrix);
    if (parameter === undefined && g.isTracked(matrix)) throw noWayBack("output table", matrix);
    if (part.kind === "own") {
      parameter?.uses.push(
        { kind: "columns", factor, values: weighted, columns, slotsOf },
        { kind: "rows", ids: targets, values: targetValues, distinct: false },
      );
    } else if (part.kind === "shared") {
      const grouping = withoutLast(
        g,
        memberships(g, columns ? rowsOfColumns(g, part.rowOf, columns) : part.rowOf, part.table),
        columns,
      );
      parameter?.uses.push(
        {
          kind: "columns",
          factor: product(g, factor, grouping),
          values: weighted,
          columns: undefined,
          slotsOf: (ids) => placesOf(g, ids),
        },
        {
          kind: "rows",
          ids: part.targets,
          values: times(g, targetValues, flattened(g, presence(g, part.targets, 1))),
          distinct: false,
        },
      );
    } else {
      const chosen = columns ? gatherRows(g, part.features, placesOf(g, columns)) : part.features;
      const mixture = product(g, factor, withoutLast(g, chosen, columns));
      const own = gatherRows(g, part.features, placesOf(g, flatIds(g, targets)));
      const rows = targetScale ? plus(g, mixture, times(g, own, targetScale)) : minus(g, mixture, own);
      parameter?.uses.push({ kind: "product", rows, values: weighted });
    }
  }
}

function rowsOfColumns(g: GraphBuilder, rowOf: Tensor, columns: Tensor): Tensor {
  return gatherRows(g, rowOf, placesOf(g, columns));
}

/** `[n, rows]`: 1 where entry i of rowOf [n] names the row, so that `factor · memberships` adds up columns that share one. */
function memberships(g: GraphBuilder, rowOf: Tensor, table: Tensor): Tensor {
  const names = g.constant(
    Array.from({ length: knownDimension(table, 0) }, (_, row) => row + 1),
    "int32",
  );
  return cast(g, equal(g, unsqueeze(g, rowOf, 1), names), "float");
}

/** [K, n] with a row of zeros for the column that is no item's; as it is where there is no such column. */
function withoutLast(g: GraphBuilder, matrix: Tensor, columns: Tensor | undefined): Tensor {
  if (columns === undefined) return matrix;
  const width = knownDimension(matrix, -1);
  return concatenate(g, [matrix, zeroRow(g, width)], 0);
}

/** [1, width] */
export function zeroRow(g: GraphBuilder, width: number): Tensor {
  return g.constant(
    Array.from({ length: width }, () => 0),
    "float",
    [1, width],
  );
}
