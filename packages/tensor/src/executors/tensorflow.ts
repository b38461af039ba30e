/**
 * Runs graphs with TensorFlow.js: node by node, each freed as soon as nobody will read it again, everything freed when a run ends.
 * It reads the graph as a value, like the interpreter, but computes in float32 with native TensorFlow or its WebAssembly kernels.
 */
import type { Tensor } from "@tensorflow/tfjs-core";
import { fail, isTributaryError } from "@tributary/errors";
import type { DataType, Graph, GraphNode } from "../graph/types.ts";
import { checkFeeds, checkGraph, type Executor, type Feeds, type OutputTensor, placeOf, type Session } from "./executor.ts";
import { openTensorFlow, type TensorFlow, type TensorFlowBackend, type TensorFlowOptions } from "./tensorflow/backend.ts";
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
  const last = lastReaders(graph);
  let open = true;
  return {
    async run(feeds) {
      if (!open) throw fail("TRB_TENSOR_SESSION_CLOSED", { graph: graph.name });
      checkFeeds(graph.inputs, feeds);
      // the page, or another library, may have chosen another one since
      if (tf.getBackend() !== backend) await tf.setBackend(backend);
      const outputs: Record<string, OutputTensor> = {};
      tf.tidy(() => {
        const values = startingValues(tf, graph, feeds);
        for (const node of graph.nodes) runNode(tf, node, values, last, { executor, graph: graph.name });
        for (const { name } of graph.outputs) {
          const made = values.get(name);
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

/** For every tensor the last node that reads it; the graph's outputs are read after all. */
function lastReaders(graph: Graph): ReadonlyMap<string, GraphNode> {
  const last = new Map<string, GraphNode>();
  for (const node of graph.nodes) for (const name of node.inputs) last.set(name, node);
  for (const { name } of graph.outputs) last.delete(name);
  return last;
}

const typeNames = { float: "float32", int32: "int32", int64: "int32", bool: "bool" } as const;

function startingValues(tf: TensorFlow, graph: Graph, feeds: Feeds): Map<string, Tensor> {
  const values = new Map<string, Tensor>();
  const put = (name: string, type: DataType, shape: readonly number[], data: ArrayLike<number>) => {
    const typed = type === "float" ? (data instanceof Float32Array ? data : Float32Array.from(data)) : Int32Array.from(data);
    values.set(name, tf.tensor(type === "bool" ? Uint8Array.from(data) : typed, [...shape], typeNames[type]));
  };
  for (const { name, type, shape, data } of graph.constants) put(name, type, shape, data);
  for (const { name, type } of graph.inputs) {
    const feed = feeds[name];
    if (feed) put(name, type, feed.shape, feed.data);
  }
  return values;
}

function runNode(
  tf: TensorFlow,
  node: GraphNode,
  values: Map<string, Tensor>,
  last: ReadonlyMap<string, GraphNode>,
  names: { readonly executor: string; readonly graph: string },
): void {
  const { operator, inputs, outputs, attributes } = node;
  const operands = inputs.map((name) => {
    const value = values.get(name);
    if (value === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name });
    return value;
  });
  let results: readonly Tensor[];
  try {
    results = tf.tidy(() => [...(operators[operator]?.(tf, operands, attributes) ?? [])]);
  } catch (cause) {
    if (isTributaryError(cause)) throw cause;
    throw fail("TRB_TENSOR_EXECUTOR_FAILED", { ...names, action: "run", where: placeOf(node, operands) }, cause);
  }
  for (const [place, result] of results.entries()) {
    const name = outputs[place];
    if (name === undefined) result.dispose();
    else values.set(name, result);
  }
  for (const name of new Set(inputs)) {
    if (last.get(name) !== node) continue;
    values.get(name)?.dispose();
    values.delete(name);
  }
}
