/** What runs a graph. All executors, and the interpreter, are interchangeable through this. */
import { fail } from "@tributary/errors";
import { bodyOf, namesRead } from "../graph/bodies.ts";
import type { Graph, GraphNode, Tensor } from "../graph/types.ts";

/** Floats may be fed in either precision; an executor converts. */
export interface FeedTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Int32Array;
}

/** Graph outputs are floats. */
export interface OutputTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

export type Feeds = Readonly<Record<string, FeedTensor>>;
export type Outputs = Readonly<Record<string, OutputTensor>>;

export interface Session {
  /**
   * Runs the graph once. A feed object that is passed again is taken to be the same tensor; its data may have changed.
   * @throws TRB_TENSOR_FEED_MISSING, TRB_TENSOR_FEED_SHAPE, TRB_TENSOR_EXECUTOR_FAILED, TRB_TENSOR_SESSION_CLOSED
   */
  run(feeds: Feeds): Promise<Outputs>;
  close(): Promise<void>;
}

export interface Executor {
  readonly name: string;
  readonly precision: "float32" | "float64";
  /** @throws TRB_TENSOR_UNKNOWN_OPERATOR, TRB_TENSOR_DANGLING, TRB_TENSOR_EXECUTOR_MISSING, TRB_TENSOR_EXECUTOR_FAILED */
  load(graph: Graph): Promise<Session>;
}

/** An executor that reads ONNX files as well. */
export interface OnnxExecutor extends Executor {
  /**
   * Loads an ONNX file, of this library or of another; `name` stands for it in errors. Float outputs only.
   * @throws TRB_TENSOR_BYTES_UNREADABLE, TRB_TENSOR_EXECUTOR_MISSING
   */
  loadOnnx(bytes: Uint8Array, name: string): Promise<Session>;
}

/**
 * Checks a graph before anything of it runs: every operator is known to the executor, and every tensor that is read was made before.
 * @throws TRB_TENSOR_UNKNOWN_OPERATOR, TRB_TENSOR_DANGLING
 */
export function checkGraph(
  graph: Graph,
  executor: string,
  knows: (operator: string) => boolean,
  captures: readonly string[] = [],
): void {
  const made = new Set([...captures, ...[...graph.inputs, ...graph.constants].map(({ name }) => name)]);
  for (const node of graph.nodes) {
    const { operator, outputs } = node;
    const [tensor = ""] = outputs;
    const body = bodyOf(node);
    if (body) checkGraph(body, executor, knows, body.captures);
    if (!knows(operator)) throw fail("TRB_TENSOR_UNKNOWN_OPERATOR", { operator, tensor, graph: graph.name, executor });
    for (const name of namesRead(node)) {
      if (!made.has(name)) throw fail("TRB_TENSOR_DANGLING", { operator, tensor, graph: graph.name, name });
    }
    for (const name of outputs) made.add(name);
  }
}

/** ` at y: MatMul of a [2, 3] and b [4, 5]`: what failed, with the shapes that met there. */
export function placeOf(
  { operator, inputs, outputs }: GraphNode,
  operands: readonly { readonly shape: readonly number[] }[],
): string {
  const named = inputs.map((name, place) => `${name} [${operands[place]?.shape.join(", ") ?? "?"}]`);
  return ` at ${outputs[0]}: ${operator} of ${named.join(" and ")}`;
}

/**
 * Checks feeds against a graph's inputs: present, of the right rank and sizes, equal letters equal sizes.
 * @throws TRB_TENSOR_FEED_MISSING, TRB_TENSOR_FEED_SHAPE
 */
export function checkFeeds(inputs: readonly Tensor[], feeds: Feeds): void {
  const letters = new Map<string, number>();
  for (const { name, shape, type } of inputs) {
    const feed = feeds[name];
    if (feed === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name });
    const elements = feed.shape.reduce((count, size) => count * size, 1);
    const right =
      feed.shape.length === shape.length &&
      elements === feed.data.length &&
      feed.data instanceof Int32Array === (type === "int32") &&
      shape.every((expected, axis) => {
        const size = feed.shape[axis] ?? 0;
        if (typeof expected === "number") return expected === size;
        const known = letters.get(expected) ?? size;
        letters.set(expected, known);
        return known === size;
      });
    if (!right) {
      const fed = `[${feed.shape}] (${feed.data.length} elements)`;
      throw fail("TRB_TENSOR_FEED_SHAPE", { name, fed, expected: `[${shape}] ${type}` });
    }
  }
}
