/**
 * Dropout by masks that are fed: a graph stays a pure function of its inputs. A mask holds 0 where a number is dropped and
 * 1/(1 − rate) elsewhere (`training/examples/dropout.ts` draws them), so that inference needs none.
 */
import { type GraphBuilder, multiply, type Tensor } from "@tributary/tensor";
import type { ModelSpec } from "../spec.ts";

/** x [T, width] with some of its numbers dropped; `place` names the mask's input, `dropout:<place>`. */
export type Dropout = (x: Tensor, place: string) => Tensor;

/** In training graphs of a spec with dropout: one mask [T, width] for each place. */
export function dropoutByMasks(g: GraphBuilder, spec: ModelSpec): Dropout {
  if (spec.dropout === 0) return noDropout;
  return (x, place) => multiply(g, x, g.input(`${dropoutPrefix}${place}`, x.shape));
}

/** In inference graphs. */
export const noDropout: Dropout = (x) => x;

export const dropoutPrefix = "dropout:";
