/**
 * Runs graphs with TensorFlow.js: node by node, each freed as soon as nobody will read it again, everything freed when a run ends.
 * It reads the graph as a value, like the interpreter, but computes in float32 with native TensorFlow or its WebAssembly kernels.
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { fail, isTributaryError } from "@tributary/errors";
import { namesRead } from "../graph/bodies.ts";
import type { DataType, Graph, GraphNode } from "../graph/types.ts";
import { checkFeeds, checkGraph, type Executor, type OutputTensor, placeOf, type Session } from "./executor.ts";
import { openTensorFlow, type TensorFlow, type TensorFlowBackend, type TensorFlowOptions } from "./tensorflow/backend.ts";
import type { RunBody } from "./tensorflow/operand.ts";
import { operators } from "./tensorflow/operators.ts";

/**
 * The executor's name says which TensorFlow it found: `tensorflow-node` or `tensorflow-wasm`.
 * @throws TRB_TENSOR_EXECUTOR_MISSING
 */
export async function tensorflowExecutor(options: TensorFlowOptions = {}): Promise<Executor> {
  const opened = await openTensorFlow(options);
  return {
    name: opened.name,
    precision: "float32",
    async load(graph) {
      checkGraph(graph, opened.name, (operator) => operator in operators);
      return openSession(opened, graph);
    },
  };
}

function openSession(opened: TensorFlowBackend, graph: Graph): Session {
  const { tf, name: executor, backend } = opened;
  const last = lastReaders(graph, []);
  let open = true;
  return {
    async run(feeds) {
      if (!open) throw fail("TRB_TENSOR_SESSION_CLOSED", { graph: graph.name });
      checkFeeds(graph.inputs, feeds);
      // the page, or another library, may have chosen another one since
      if (tf.getBackend() !== backend) await tf.setBackend(backend);
      const outputs: Record<string, OutputTensor> = {};
      tf.tidy(() => {
        const values = new Map<string, Tensor>();
        for (const { name, type } of graph.inputs) {
          const feed = feeds[name];
          if (feed) values.set(name, tensorOf(tf, type, feed.shape, feed.data));
        }
        const results = runNodes(tf, executor, graph, last, values);
        for (const [place, { name }] of graph.outputs.entries()) {
          const made = results[place];
          const data = made?.dataSync();
          if (made === undefined || !(data instanceof Float32Array)) {
            throw fail("TRB_TENSOR_EXECUTOR_FAILED", { executor, action: "read", graph: graph.name, where: ` at ${name}` });
          }
          outputs[name] = { shape: [...made.shape], data };
        }
      });
      return outputs;
    },
    async close() {
      open = false;
    },
  };
}

/** For every tensor the last node that reads it; those to keep, and the graph's outputs, have none. */
function lastReaders(graph: Graph, kept: readonly string[]): ReadonlyMap<string, GraphNode> {
  const last = new Map<string, GraphNode>();
  for (const node of graph.nodes) for (const name of namesRead(node)) last.set(name, node);
  for (const name of kept) last.delete(name);
  for (const { name } of graph.outputs) last.delete(name);
  return last;
}

const typeNames = { float: "float32", int32: "int32", int64: "int32", bool: "bool" } as const;

function tensorOf(tf: TensorFlow, type: DataType, shape: readonly number[], data: ArrayLike<number>): Tensor {
  const typed = type === "float" ? (data instanceof Float32Array ? data : Float32Array.from(data)) : Int32Array.from(data);
  return tf.tensor(type === "bool" ? Uint8Array.from(data) : typed, [...shape], typeNames[type]);
}

/** Runs all nodes, from and into `values`, and gives the graph's outputs. */
function runNodes(
  tf: TensorFlow,
  executor: string,
  graph: Graph,
  last: ReadonlyMap<string, GraphNode>,
  values: Map<string, Tensor>,
): readonly Tensor[] {
  for (const { name, type, shape, data } of graph.constants) values.set(name, tensorOf(tf, type, shape, data));
  const tensorNamed = (name: string): Tensor => {
    const value = values.get(name);
    if (value === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name });
    return value;
  };
  for (const node of graph.nodes) {
    const { operator, inputs, outputs, attributes } = node;
    const operands = inputs.map(tensorNamed);
    // what a loop is given belongs to the graph around it: the body frees only what it makes
    const runBody: RunBody = (body, given) => {
      const own = body.inputs.map(({ name }) => name);
      const inner = new Map(body.captures.map((name) => [name, tensorNamed(name)]));
      for (const [place, name] of own.entries()) if (given[place]) inner.set(name, given[place]);
      return runNodes(tf, executor, body, lastReaders(body, [...own, ...body.captures]), inner);
    };
    let results: readonly Tensor[];
    try {
      results = tf.tidy(() => [...(operators[operator]?.(tf, operands, attributes, runBody) ?? [])]);
    } catch (cause) {
      if (isTributaryError(cause)) throw cause;
      const where = placeOf(node, operands);
      throw fail("TRB_TENSOR_EXECUTOR_FAILED", { executor, action: "run", graph: graph.name, where }, cause);
    }
    for (const [place, result] of results.entries()) {
      const name = outputs[place];
      if (name === undefined) result.dispose();
      else values.set(name, result);
    }
    for (const name of new Set(namesRead(node))) {
      if (last.get(name) !== node) continue;
      values.get(name)?.dispose();
      values.delete(name);
    }
  }
  return graph.outputs.map(({ name }) => tensorNamed(name));
}
