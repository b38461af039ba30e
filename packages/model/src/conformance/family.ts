/** How the golden cases of one family become models of ours. */
import type { FeedTensor, GraphBuilder } from "@tributary/tensor";
import type { Predictions } from "../graphs/heads.ts";
import type { ModelSpec } from "../spec.ts";
import type { GoldenCase, GoldenConfig } from "./golden-case.ts";

export interface GoldenModel {
  readonly spec: ModelSpec;
  /** Ids, positions and the weights of positions, by the graph's names. */
  readonly feeds: Readonly<Record<string, FeedTensor>>;
  /** Where hidden states are compared: golden position `t` of customer `b` is row `row` of our [T, width]. */
  readonly places: readonly { readonly b: number; readonly t: number; readonly row: number }[];
  /** Our table that stands for row 0 of the golden item table; without it that row has no gradient. */
  readonly paddingTable?: string;
  /** Our table that stands for the last row of the golden item table; without it there is no such row. */
  readonly tokenTable?: string;
  /** Replaces what the family predicts, where a file's targets are not the events that come next. */
  readonly predict?: (g: GraphBuilder, predictions: Predictions) => Predictions;
}

export interface GoldenFamily {
  /** Whether a case is of this family: seen from what it has, not from its name. */
  readonly recognises: (golden: GoldenCase) => boolean;
  /** @throws TRB_MODEL_VECTORS_UNFIT, TRB_TRAINING_SPEC_INVALID */
  readonly model: (golden: GoldenCase) => GoldenModel;
}

/** The parts of a spec that every Transformer's case states. */
export function transformerSizes(
  config: GoldenConfig,
): Pick<ModelSpec, "items" | "length" | "width" | "blocks" | "heads" | "feedForward" | "activation" | "positions"> {
  const { items, length, width, blocks = 1, heads = 1, feedForward, activation = "relu", positions = "learned" } = config;
  return { items, length, width, blocks, heads, feedForward, activation, positions };
}

/** Predicts what is fed as `targets` [B, L], where that is not what the family's own inputs say. */
export function fedTargets(g: GraphBuilder, predictions: Predictions): Predictions {
  return { ...predictions, items: g.input("targets", ["B", "L"], "int32") };
}

/** Weights of a customer's positions: the loss is the mean over those with a target. */
export function meanWeights(targets: readonly number[]): readonly number[] {
  const count = targets.filter((target) => target > 0).length;
  return targets.map((target) => (target > 0 ? 1 / count : 0));
}

/** Rows of numbers as one int32 tensor. */
export function intTensor(rows: readonly (readonly number[])[]): FeedTensor {
  return { shape: [rows.length, rows[0]?.length ?? 0], data: Int32Array.from(rows.flat()) };
}

/** Rows of weights as [T, 1]. */
export function columnTensor(rows: readonly (readonly number[])[]): FeedTensor {
  const data = Float64Array.from(rows.flat());
  return { shape: [data.length, 1], data };
}
