/**
 * What a family of models is: from the ids of a batch's events to hidden states. Everything before (event vectors) and after (heads)
 * is the same for all. Each family's file says which ids it reads; all count from 1, and 0 is "none here".
 */
import type { GraphBuilder, Tensor } from "@tributary/tensor";
import type { ModelSpec } from "../../spec.ts";
import type { Predictions } from "../heads.ts";
import type { Probe } from "../probe.ts";
import type { ParameterOf } from "../weights.ts";

export interface Family {
  /** Declares the ids of a training graph and its tokens; gives hidden states and what each should predict. */
  readonly predictions: (g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf) => Predictions;
  /** Declares the ids of an inference graph and its tokens; gives the state [B, width] from which the next event is predicted. */
  readonly state: (g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, probe?: Probe) => Tensor;
}
