/**
 * Dropout by masks that are fed: a graph stays a pure function of its inputs. A mask holds 0 where a number is dropped and
 * 1/(1 − rate) elsewhere (`training/examples/dropout.ts` draws them), so that inference needs none.
 */
import { dropout, type GraphBuilder, type Tensor } from "@tributary/tensor";
import { isRecurrent, type ModelSpec } from "../spec.ts";

/** x [T, width] with some of its numbers dropped; `place` names the mask. */
export type Dropout = (x: Tensor, place: string) => Tensor;

/** In training graphs of a spec with dropout: one mask [T, width] for each place. */
export function dropoutByMasks(g: GraphBuilder, spec: ModelSpec): Dropout {
  if (spec.dropout === 0) return noDropout;
  return (x, place) => dropout(g, x, g.input(dropoutInput(place), x.shape));
}

/** In inference graphs. */
export const noDropout: Dropout = (x) => x;

/** What the names of all masks' inputs begin with. */
const dropoutPrefix = "dropout:";

export function dropoutInput(place: string): string {
  return `${dropoutPrefix}${place}`;
}

export interface DropoutPlace {
  readonly name: string;
  /** On which grid of tokens its mask lies: the history's positions, or the decoder's steps. */
  readonly grid: "history" | "steps";
}

/** Where a model's training graph drops: after the sum of embeddings, and after each branch of each block. */
export function dropoutPlaces(spec: ModelSpec): readonly DropoutPlace[] {
  if (spec.family === "extension") return [{ name: "input", grid: "history" }];
  if (isRecurrent(spec)) return ["input", "recurrent"].map((name) => ({ name, grid: "history" }));
  const stack = (prefix: string, branches: readonly string[], grid: DropoutPlace["grid"]) =>
    Array.from({ length: spec.blocks }, (_, block) =>
      branches.map((branch) => ({ name: `${prefix}${block}.${branch}`, grid })),
    ).flat();
  if (spec.family !== "seq2seq") return [{ name: "input", grid: "history" }, ...stack("block", ["self", "down"], "history")];
  return [
    { name: "input", grid: "history" },
    ...stack("encoder", ["self", "down"], "history"),
    { name: "decoderInput", grid: "steps" },
    ...stack("decoder", ["self", "cross", "down"], "steps"),
  ];
}
