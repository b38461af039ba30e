/**
 * What code from outside may bring: a model, a server optimiser, a sum query, each through the interface that the built-in ones have. A file
 * exports one `extension`; a plan calls it by its name and binds it by the SHA-256 of the file (docs/extending.md).
 */
import { fail } from "@tributary/errors";
import type * as operators from "@tributary/tensor";
import type { GraphBuilder, Tensor } from "@tributary/tensor";
import type { ParameterOf } from "../graphs/weights.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import type { Direction } from "../optimisers/directions.ts";
import type { OptimiserState } from "../optimisers/optimiser.ts";
import type { ParameterShape } from "../parameters.ts";
import type { SumQuery } from "../private-vector/sum-query.ts";
import type { ModelSpec } from "../spec.ts";

/** What a model's graph is written with: the operators of `@tributary/tensor`, each with its own way back and its own clipping. */
export type Operators = typeof operators;

/** Spec → graph, for a model that reads a history from left to right, where every position predicts the event after it. */
export interface ExtensionModel {
  /** Tensors between event vectors and hidden states; their names begin with `body.`. The embeddings and heads around them are the same for all. */
  readonly parameters: (spec: ModelSpec) => readonly ParameterShape[];
  /** Where each of them begins: uniform numbers with mean 0 and this standard deviation; 0: zeros. */
  readonly deviation: (spec: ModelSpec, parameter: ParameterShape) => number;
  /**
   * Hidden states [T, width] from event vectors [T, width], which come with their dropout. A position may see itself and those of the same
   * customer before it, no other; `positions` [B, L] counts back from `spec.length` at a customer's last event, 0 is padding.
   */
  readonly hiddenStates: (
    operators: Operators,
  ) => (
    g: GraphBuilder,
    spec: ModelSpec,
    parameter: ParameterOf,
    events: { readonly vectors: Tensor; readonly positions: Tensor },
  ) => Tensor;
}

/** From the mean update and the moments so far to a direction; learning rate and penalties are applied after it, as for every optimiser. */
export interface ExtensionOptimiser {
  /** What `simulate --extend` plans with; a plan may say otherwise. */
  readonly defaults: { readonly learningRate: number; readonly numbers: Readonly<Record<string, number>> };
  /** @param step numbers: what the plan gives; noiseVariance: of one coordinate of the gradient. Only + − × ÷ √, in a fixed order. */
  readonly direction: (step: {
    readonly numbers: Readonly<Record<string, number>>;
    /** [dimension] each; zeros before the first step. Not to be changed. */
    readonly before: Pick<OptimiserState, "steps" | "first" | "second">;
    /** [dimension] */
    readonly gradient: Float64Array;
    readonly noiseVariance: number;
  }) => Pick<Direction, "direction"> & { readonly first: Float64Array; readonly second: Float64Array };
}

/** What is public when a query is made for a round. */
export interface QueryContext {
  /** How many items the catalogue has. */
  readonly items: number;
  /** Coordinates of the release; a vector has no other. */
  readonly dimension: number;
  readonly content?: ItemContent | undefined;
}

export interface ExtensionQuery {
  /**
   * Coordinates of the vector, how many of them one customer moves at most, and the norm that it was made for. These are what `simulate --extend`
   * plans with; sensitivity follows from what stands in the plan, and a vector that does not keep to it is clipped or counts as zero.
   */
  readonly shape: (context: Pick<QueryContext, "items">) => {
    readonly dimension: number;
    readonly touched: number;
    readonly clipNorm: number;
  };
  readonly query: (context: QueryContext) => SumQuery;
}

export interface Extension {
  /** From a to z first; then up to 39 letters, digits and hyphens. */
  readonly name: string;
  readonly model?: ExtensionModel;
  readonly optimiser?: ExtensionOptimiser;
  readonly query?: ExtensionQuery;
}

/**
 * The extensions of this thread, by name. A table of the module rather than a parameter, because graphs and optimisers are built from a plan
 * alone in many places; what stands in it was loaded at the start, by hash, from the plan that the process or thread serves.
 */
const registered = new Map<string, Extension>();

/** Makes it known in this thread; the same name again replaces what was there. */
export function registerExtension(extension: Extension): void {
  registered.set(extension.name, extension);
}

/** @throws TRB_EXTENSION_MISSING */
function partOf<Part extends "model" | "optimiser" | "query">(name: string, part: Part): NonNullable<Extension[Part]> {
  const found = registered.get(name)?.[part];
  if (found === undefined) throw fail("TRB_EXTENSION_MISSING", { name, part });
  return found;
}

/** Whether it was registered in this thread. */
export const isExtensionRegistered = (name: string): boolean => registered.has(name);

/** @throws TRB_EXTENSION_MISSING */
export const extensionModel = (name: string): ExtensionModel => partOf(name, "model");
/** @throws TRB_EXTENSION_MISSING */
export const extensionOptimiser = (name: string): ExtensionOptimiser => partOf(name, "optimiser");
/** @throws TRB_EXTENSION_MISSING */
export const extensionQuery = (name: string): ExtensionQuery => partOf(name, "query");
