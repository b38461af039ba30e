/** A graph without what nothing reads: executors run all nodes that they are given. */
import { namesRead } from "./bodies.ts";
import type { Graph } from "./types.ts";

/** The same outputs to the bit. Inputs stay, read or not: what a graph is fed with is its caller's contract. */
export function withoutDeadNodes(graph: Graph): Graph {
  const read = new Set(graph.outputs.map(({ name }) => name));
  const kept = graph.nodes.toReversed().filter((node) => {
    const alive = node.outputs.some((name) => read.has(name));
    if (alive) for (const name of namesRead(node)) read.add(name);
    return alive;
  });
  return { ...graph, nodes: kept.reverse(), constants: graph.constants.filter(({ name }) => read.has(name)) };
}
