/**
 * Transformer blocks with the norm before each layer (pre-LayerNorm; Xiong et al. 2020), for every attention family:
 *
 *   x + attention(norm1 x), in decoders + attention(norm3 x, memory), + down(activation(up(norm2 x)))
 *
 * Dropout stands after the output projection of each attention and after `down`.
 */
import {
  add,
  attentionWithWeights,
  embedding,
  flatten,
  type GraphBuilder,
  gelu,
  groupByCustomer,
  layerNorm,
  linear,
  mergeHeads,
  relu,
  split,
  splitHeads,
  type Tensor,
} from "@tributary/tensor";
import type { ModelSpec } from "../spec.ts";
import type { Dropout } from "./dropout.ts";
import { noProbe, type Probe } from "./probe.ts";
import type { ParameterOf } from "./weights.ts";

export interface Blocks {
  /** `block`, `encoder` or `decoder`: block i's parameters are `<prefix>i.…`. */
  readonly prefix: string;
  /** Additive, added to the scores [B, (heads,) L, L]. */
  readonly mask: Tensor;
  /** What a decoder's second attention reads: [T', width] on another grid of tokens, and the mask of its keys. */
  readonly memory?: { readonly states: Tensor; readonly mask: Tensor };
  /** The norm after the last block. */
  readonly final: string;
  /** Told of every attention's weights. */
  readonly probe?: Probe;
}

/** Event vectors with positions; positions [B, L] hold no id but 0 twice. */
export function withPositions(
  g: GraphBuilder,
  parameter: ParameterOf,
  x: Tensor,
  { positions, table = "position.weight" }: { readonly positions: Tensor; readonly table?: string },
): Tensor {
  return add(g, x, embedding(g, parameter(table), positions, { distinct: true }));
}

/** Hidden states [T, width], normed. */
export function transformer(
  g: GraphBuilder,
  spec: ModelSpec,
  parameter: ParameterOf,
  dropout: Dropout,
  input: Tensor,
  { prefix, mask, memory, final, probe = noProbe }: Blocks,
): Tensor {
  const { heads } = spec;
  const activate = spec.activation === "relu" ? relu : gelu;
  const scale = 1 / Math.sqrt(spec.width / heads);
  const norm = (x: Tensor, name: string) => layerNorm(g, x, parameter(`${name}.gain`), parameter(`${name}.bias`));
  const layer = (x: Tensor, name: string) => linear(g, x, parameter(`${name}.weight`), parameter(`${name}.bias`));
  const apart = (x: Tensor, parts: number) => {
    const together = groupByCustomer(g, x);
    return (parts === 1 ? [together] : split(g, together, parts)).map((part) => splitHeads(g, part, heads));
  };
  const attended = (parts: readonly Tensor[], keys: Tensor, x: Tensor, name: string) => {
    const [query = x, key = x, value = x] = parts;
    const taken = attentionWithWeights(g, query, key, value, { scale, mask: keys });
    probe.attention(name, taken.weights);
    const merged = flatten(g, mergeHeads(g, taken.attended));
    return add(g, x, dropout(layer(merged, `${name}.output`), name));
  };
  let x = input;
  for (let place = 0; place < spec.blocks; place++) {
    const block = `${prefix}${place}`;
    const own = apart(layer(norm(x, `${block}.norm1`), `${block}.self.input`), 3);
    x = attended(own, mask, x, `${block}.self`);
    if (memory) {
      const query = apart(layer(norm(x, `${block}.norm3`), `${block}.cross.query`), 1);
      const remembered = apart(layer(memory.states, `${block}.cross.memory`), 2);
      x = attended([...query, ...remembered], memory.mask, x, `${block}.cross`);
    }
    const inner = activate(g, layer(norm(x, `${block}.norm2`), `${block}.up`));
    x = add(g, x, dropout(layer(inner, `${block}.down`), `${block}.down`));
  }
  return norm(x, final);
}
