/**
 * Collects nodes into a graph. Equal nodes are made once, names are numbered in the order of making, and nothing else enters:
 * the same calls give the same graph on every machine, which is what makes its bytes comparable.
 */
import { fail } from "@tributary/errors";
import type { ParameterUse } from "../clipping/uses.ts";
import { namesRead } from "./bodies.ts";
import { timesDimension } from "./shapes.ts";
import type { Attribute, Body, Constant, DataType, Dimension, Graph, GraphNode, Shape, Tensor } from "./types.ts";

/** One differentiable step: from gradients of its outputs to gradients of its inputs (undefined: none, or already recorded). */
export interface TapeEntry {
  readonly outputs: readonly Tensor[];
  readonly inputs: readonly Tensor[];
  readonly pullback: (gradients: readonly (Tensor | undefined)[]) => readonly (Tensor | undefined)[];
  /** What it reads besides: no gradient goes there, so none of it may depend on a parameter. */
  readonly fixed: readonly Tensor[];
}

/** A loss [tokens, 1], already weighted: the sum over everything is what is minimised. */
export interface LossTerm {
  readonly loss: Tensor;
  readonly inputs: readonly Tensor[];
  /** Gradients of the summed loss with respect to `inputs`. */
  readonly pullback: () => readonly (Tensor | undefined)[];
  readonly fixed: readonly Tensor[];
}

export interface Parameter {
  readonly tensor: Tensor;
  readonly uses: ParameterUse[];
}

/**
 * How customers and positions lie in a batch: `grid` is any [customers, positions] tensor. A graph may have several, with the same
 * customers: an encoder's positions and a decoder's steps.
 */
export interface Tokens {
  readonly grid: Tensor;
  readonly customers: Dimension;
  readonly positions: Dimension;
  /** customers·positions, the leading axis of flattened tensors. */
  readonly flat: Dimension;
}

/** Ids that are the first or last but one of a longer sequence's. */
export interface Window {
  readonly sequence: Tensor;
  readonly offset: 0 | 1;
}

export class GraphBuilder {
  readonly name: string;
  readonly parameters = new Map<string, Parameter>();
  readonly windows = new Map<string, Window>();
  readonly tape: TapeEntry[] = [];
  readonly losses: LossTerm[] = [];
  readonly #nodes: GraphNode[] = [];
  readonly #inputs: Tensor[] = [];
  readonly #outputs: Tensor[] = [];
  readonly #constants: Constant[] = [];
  readonly #memory = new Map<string, readonly Tensor[]>();
  readonly #names = new Set<string>();
  /** Names of tensors that depend on a parameter, or on what was tracked. */
  readonly #tracked = new Set<string>();
  readonly #taped = new Set<string>();
  readonly #tokens: Tokens[] = [];

  readonly #prefix: string;

  /** @param prefix stands before every name that is made here; the body of a loop has one, so that it hides no name around it */
  constructor(name: string, prefix = "") {
    this.name = name;
    this.#prefix = prefix;
  }

  #claim(wanted: string): string {
    const name = `${this.#prefix}${wanted}`;
    if (this.#names.has(name)) throw fail("TRB_TENSOR_NAME_TAKEN", { name });
    this.#names.add(name);
    return name;
  }

  /** A tensor that each run is fed with. */
  input(name: string, shape: Shape, type: DataType = "float"): Tensor {
    const tensor = { name: this.#claim(name), type, shape };
    this.#inputs.push(tensor);
    return tensor;
  }

  /** An input that is trained. */
  parameter(name: string, shape: readonly number[]): Tensor {
    const tensor = this.input(name, shape);
    this.parameters.set(name, { tensor, uses: [] });
    this.#tracked.add(name);
    return tensor;
  }

  constant(data: number | readonly number[], type: DataType = "float", shape?: readonly number[]): Tensor {
    const list = typeof data === "number" ? [data] : data;
    const dimensions = shape ?? (typeof data === "number" ? [] : [list.length]);
    const key = `constant ${type} ${dimensions.join()} ${list.join()}`;
    const known = this.#memory.get(key)?.[0];
    if (known) return known;
    const tensor: Constant = { name: this.#claim(`c${this.#constants.length}`), type, shape: dimensions, data: list };
    this.#constants.push(tensor);
    this.#memory.set(key, [tensor]);
    return tensor;
  }

  /** A list of int64, as ONNX wants axes and shapes. */
  integers(...values: readonly number[]): Tensor {
    return this.constant(values, "int64");
  }

  /** Adds one node with several outputs; an equal one that is there already is taken instead. */
  nodes(
    operator: string,
    inputs: readonly Tensor[],
    outputs: readonly { readonly shape: Shape; readonly type?: DataType }[],
    attributes: Readonly<Record<string, Attribute>> = {},
    domain: GraphNode["domain"] = "",
  ): readonly Tensor[] {
    const names = inputs.map((tensor) => tensor.name);
    const key = JSON.stringify([operator, domain, names, attributes, outputs]);
    const known = this.#memory.get(key);
    if (known) return known;
    const place = this.#nodes.length;
    const made = outputs.map(({ shape, type }, index) => ({
      name: this.#claim(`${operator}${place}${index === 0 ? "" : `.${index}`}`),
      type: type ?? "float",
      shape,
    }));
    this.#nodes.push({ operator, domain, inputs: names, outputs: made.map((tensor) => tensor.name), attributes });
    this.#memory.set(key, made);
    return made;
  }

  /** Adds one node with one output. */
  node(
    operator: string,
    inputs: readonly Tensor[],
    shape: Shape,
    options: {
      readonly attributes?: Readonly<Record<string, Attribute>>;
      readonly type?: DataType;
      readonly domain?: GraphNode["domain"];
    } = {},
  ): Tensor {
    const type = options.type ?? "float";
    return first(this.nodes(operator, inputs, [{ shape, type }], options.attributes ?? {}, options.domain ?? ""));
  }

  output(name: string, tensor: Tensor): void {
    const named = { ...tensor, name: this.#claim(name) };
    this.#nodes.push({ operator: "Identity", domain: "", inputs: [tensor.name], outputs: [name], attributes: {} });
    this.#outputs.push(named);
  }

  /** Says which axes are customers and positions. */
  declareTokens(grid: Tensor): Tokens {
    const [customers = "B", positions = "L"] = grid.shape;
    const tokens = { grid, customers, positions, flat: timesDimension(customers, positions) };
    this.#tokens.push(tokens);
    return tokens;
  }

  /** The tokens that were declared first. @throws TRB_TENSOR_NO_TOKENS */
  get tokens(): Tokens {
    const [tokens] = this.#tokens;
    if (tokens === undefined) throw fail("TRB_TENSOR_NO_TOKENS");
    return tokens;
  }

  /** The declared tokens that lie along the leading axis of [T, …] or the two leading axes of [B, L, …]. */
  tokensOf({ shape }: Tensor): Tokens | undefined {
    return this.#tokens.find(
      ({ customers, positions, flat }) => shape[0] === flat || (shape[0] === customers && shape[1] === positions),
    );
  }

  isInput({ name }: Tensor): boolean {
    return this.#inputs.some((input) => input.name === name);
  }

  // ── what the reverse pass needs ────────────────────────────────────────────────────────────────────────────────

  isTracked(tensor: Tensor): boolean {
    return this.#tracked.has(tensor.name);
  }

  /** Lets gradients flow to a tensor that depends on no parameter (`gradientsOf`); before anything is made of it. */
  track(tensor: Tensor): void {
    this.#tracked.add(tensor.name);
  }

  parameterOf(tensor: Tensor): Parameter | undefined {
    return this.parameters.get(tensor.name);
  }

  /** Remembers how to go back through a step. A step that equals an earlier one is that step: it is recorded once. */
  record(
    outputs: readonly Tensor[],
    inputs: readonly Tensor[],
    pullback: TapeEntry["pullback"],
    fixed: readonly Tensor[] = [],
  ): void {
    const name = first(outputs).name;
    if (this.#taped.has(name) || ![...inputs, ...fixed].some((tensor) => this.isTracked(tensor))) return;
    this.#taped.add(name);
    for (const output of outputs) this.#tracked.add(output.name);
    this.tape.push({ outputs, inputs, pullback, fixed });
  }

  /** For every tensor that is computed from parameters, one of them, whether gradients find the way back or not. */
  parametersBehind(): ReadonlyMap<string, Parameter> {
    const behind = new Map(this.parameters);
    for (const node of this.#nodes) {
      const [parameter] = namesRead(node).flatMap((name) => behind.get(name) ?? []);
      if (parameter) for (const name of node.outputs) behind.set(name, parameter);
    }
    return behind;
  }

  has(name: string): boolean {
    return this.#names.has(name);
  }

  /** What was built, as the body of a loop that hands out `results` in this order. */
  body(results: readonly Tensor[]): Body {
    // ONNX wants every result to be made by a node of its own
    const made = new Set(this.#nodes.flatMap(({ outputs }) => outputs));
    const outputs = results.map((tensor, place) => {
      if (made.delete(tensor.name)) return tensor;
      const name = this.#claim(`result${place}`);
      this.#nodes.push({ operator: "Identity", domain: "", inputs: [tensor.name], outputs: [name], attributes: {} });
      return { ...tensor, name };
    });
    const captures = new Set(this.#nodes.flatMap(namesRead).filter((name) => !this.#names.has(name)));
    return { ...this.graph(), outputs, captures: [...captures] };
  }

  graph(): Graph {
    return {
      name: this.name,
      nodes: [...this.#nodes],
      inputs: [...this.#inputs],
      outputs: [...this.#outputs],
      constants: [...this.#constants],
    };
  }
}

function first(tensors: readonly Tensor[]): Tensor {
  const [tensor] = tensors;
  if (tensor === undefined) throw fail("TRB_TENSOR_NAME_TAKEN", { name: "a node without outputs" });
  return tensor;
}
