/**
 * The ways in which a parameter's gradient arises, per customer. Backward records one of these for each place where a
 * parameter is used; `collect.ts` turns them into norms and clipped sums. Shapes: T = B·L tokens, S = L + 1 events.
 */
import type { Tensor } from "../graph/types.ts";

export type ParameterUse =
  /** gradient = Σ over tokens of rows_t ⊗ values_t: a weight matrix [in, out]. rows [T, in], values [T, out] */
  | { readonly kind: "product"; readonly rows: Tensor; readonly values: Tensor }
  /** gradient = Σ over tokens of values_t: a bias or a gain. values [T, width] */
  | { readonly kind: "sum"; readonly values: Tensor }
  /**
   * gradient row ids_t − 1 += values_t: rows that were looked up; where an id is 0 the values must be 0.
   * ids [B, L], values [T, width]. `distinct`: no id but 0 occurs twice in a customer.
   */
  | { readonly kind: "rows"; readonly ids: Tensor; readonly values: Tensor; readonly distinct: boolean }
  /**
   * gradient = Σ over tokens of factor_t ⊗ values_t over a table's rows, or over the chosen rows `columns` (ids [K], one
   * further column of `factor` is zero). `slotsOf` gives for ids [B, S] which column is each row's, int32 [B, S].
   */
  | {
      readonly kind: "columns";
      readonly factor: Tensor;
      readonly values: Tensor;
      readonly columns: Tensor | undefined;
      readonly slotsOf: (ids: Tensor) => Tensor;
    };
