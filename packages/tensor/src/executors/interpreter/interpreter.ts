/**
 * The readable twin of every executor: runs a graph node by node in float64. Slow, and meant to be: it is what the fast ones
 * are held to. It reads the graph as a value, not its ONNX bytes.
 */
import { fail, isTributaryError } from "@tributary/errors";
import type { Body, Graph } from "../../graph/types.ts";
import { checkFeeds, checkGraph, type Executor, type Feeds, type OutputTensor, placeOf, type Session } from "../executor.ts";
import type { DenseArray } from "./array.ts";
import { operators } from "./operators.ts";

export function float64Interpreter(): Executor {
  return { name: "interpreter", precision: "float64", load: async (graph) => interpreterSession(graph) };
}

function interpreterSession(graph: Graph): Session {
  checkGraph(graph, "interpreter", (operator) => operator in operators);
  let open = true;
  return {
    async run(feeds) {
      if (!open) throw fail("TRB_TENSOR_SESSION_CLOSED", { graph: graph.name });
      return interpret(graph, feeds);
    },
    async close() {
      open = false;
    },
  };
}

/**
 * Runs a graph once.
 * @throws TRB_TENSOR_FEED_MISSING, TRB_TENSOR_FEED_SHAPE, TRB_TENSOR_UNKNOWN_OPERATOR, TRB_TENSOR_EXECUTOR_FAILED
 */
export function interpret(graph: Graph, feeds: Feeds): Record<string, OutputTensor> {
  checkFeeds(graph.inputs, feeds);
  const values = new Map<string, DenseArray>();
  for (const { name } of graph.inputs) {
    const feed = feeds[name];
    if (feed) values.set(name, { shape: feed.shape, data: Float64Array.from(feed.data) });
  }
  const outputs = runNodes(graph, values);
  return Object.fromEntries(
    graph.outputs.map(({ name }, place) => [name, outputs[place] ?? { shape: [], data: new Float64Array() }]),
  );
}

/** Runs all nodes, from and into `values`, and gives the graph's outputs. */
function runNodes(graph: Graph, values: Map<string, DenseArray>): readonly DenseArray[] {
  for (const { name, shape, data } of graph.constants) values.set(name, { shape, data: Float64Array.from(data) });
  const tensorNamed = (name: string): DenseArray => {
    const value = values.get(name);
    if (value === undefined) throw fail("TRB_TENSOR_FEED_MISSING", { name });
    return value;
  };
  const runBody = (body: Body, inputs: readonly DenseArray[]): readonly DenseArray[] => {
    const inner = new Map(body.captures.map((name) => [name, tensorNamed(name)]));
    body.inputs.forEach(({ name }, place) => {
      const value = inputs[place];
      if (value) inner.set(name, value);
    });
    return runNodes(body, inner);
  };
  for (const node of graph.nodes) {
    const { operator, inputs, outputs, attributes } = node;
    const run = operators[operator];
    if (run === undefined) {
      const tensor = outputs[0] ?? "";
      throw fail("TRB_TENSOR_UNKNOWN_OPERATOR", { operator, tensor, graph: graph.name, executor: "interpreter" });
    }
    const operands = inputs.map(tensorNamed);
    let results: readonly DenseArray[];
    try {
      results = run(operands, attributes, runBody);
    } catch (cause) {
      if (isTributaryError(cause)) throw cause;
      const where = placeOf(node, operands);
      throw fail("TRB_TENSOR_EXECUTOR_FAILED", { executor: "interpreter", action: "run", graph: graph.name, where }, cause);
    }
    outputs.forEach((name, index) => {
      const result = results[index];
      if (result) values.set(name, result);
    });
  }
  return graph.outputs.map(({ name }) => tensorNamed(name));
}
