/**
 * The causal attention model: events in, one hidden state a position out (pre-LayerNorm Transformer, Kang & McAuley 2018 with
 * the norm before each layer). Customers are padded on the right, so that the causal mask alone keeps padding out of sight.
 */
import { fail } from "@tributary/errors";
import {
  add,
  attention,
  causalMask,
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
import { graphParameters } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";

/** Changes whenever any graph's bytes do. */
export const graphVersion = 1;

/** Ids of one batch, [customers, positions]; all count from 1, and 0 is "none here". */
export interface EventInputs {
  /** Rows of the item table. */
  readonly items: Tensor;
  readonly actions: Tensor | undefined;
  readonly gaps: Tensor | undefined;
  /** The last event of every customer stands at `spec.length`, whatever the history's length. */
  readonly positions: Tensor;
}

/** The graph's parameters by name, and the table of sinusoids where positions are not learned. */
export function declareParameters(g: GraphBuilder, spec: ModelSpec): (name: string) => Tensor {
  const tensors = new Map(graphParameters(spec).map(({ name, shape }) => [name, g.parameter(name, shape)]));
  if (spec.positions === "sinusoidal") tensors.set("position.weight", g.input("position.weight", [spec.length, spec.width]));
  return (name) => {
    const tensor = tensors.get(name);
    if (tensor === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name });
    return tensor;
  };
}

/** Hidden states [T, width], normed. Tokens must have been declared. */
export function encoder(g: GraphBuilder, spec: ModelSpec, parameter: (name: string) => Tensor, events: EventInputs): Tensor {
  const { width, heads } = spec;
  const activate = spec.activation === "relu" ? relu : gelu;
  const norm = (x: Tensor, name: string) => layerNorm(g, x, parameter(`${name}.gain`), parameter(`${name}.bias`));
  const layer = (x: Tensor, name: string) => linear(g, x, parameter(`${name}.weight`), parameter(`${name}.bias`));
  let x = add(
    g,
    embedding(g, parameter("item.weight"), events.items, { factor: Math.sqrt(width) }),
    embedding(g, parameter("position.weight"), events.positions, { distinct: true }),
  );
  if (events.actions) x = add(g, x, embedding(g, parameter("action.weight"), events.actions));
  if (events.gaps) x = add(g, x, embedding(g, parameter("gap.weight"), events.gaps));
  const mask = causalMask(g);
  const scale = 1 / Math.sqrt(width / heads);
  for (let place = 0; place < spec.blocks; place++) {
    const block = `block${place}`;
    const inputs = split(g, groupByCustomer(g, layer(norm(x, `${block}.norm1`), `${block}.self.input`)), 3);
    const [query = x, key = x, value = x] = inputs.map((part) => splitHeads(g, part, heads));
    const attended = flatten(g, mergeHeads(g, attention(g, query, key, value, { scale, mask })));
    x = add(g, x, layer(attended, `${block}.self.output`));
    const inner = activate(g, layer(norm(x, `${block}.norm2`), `${block}.up`));
    x = add(g, x, layer(inner, `${block}.down`));
  }
  return norm(x, "final");
}

/** Fixed positions: sin and cos of position/10000^(2i/width), interleaved. [length, width], flat */
export function sinusoids(length: number, width: number): Float64Array {
  const table = new Float64Array(length * width);
  for (let position = 0; position < length; position++) {
    for (let i = 0; i < width; i += 2) {
      const angle = position / 10000 ** (i / width);
      table[position * width + i] = Math.sin(angle);
      table[position * width + i + 1] = Math.cos(angle);
    }
  }
  return table;
}
