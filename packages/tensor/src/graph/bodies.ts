/** Which tensors a node needs, those of its body included. */
import type { Body, GraphNode } from "./types.ts";

/** The body of a loop; undefined for any other node. */
export function bodyOf({ attributes }: Pick<GraphNode, "attributes">): Body | undefined {
  const value = attributes["body"];
  return typeof value === "object" && "body" in value ? value.body : undefined;
}

/** Every tensor that a node reads: its inputs, and what its body captures. */
export function namesRead(node: GraphNode): readonly string[] {
  return [...node.inputs, ...(bodyOf(node)?.captures ?? [])];
}
