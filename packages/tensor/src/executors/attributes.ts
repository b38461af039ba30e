/** How executors that read the graph as a value take a node's attributes. */
import type { Attribute } from "../graph/types.ts";

export type Attributes = Readonly<Record<string, Attribute>>;

export function integerAttribute(attributes: Attributes, name: string, otherwise: number): number {
  const value = attributes[name];
  return typeof value === "number" ? value : otherwise;
}

export function realAttribute(attributes: Attributes, name: string, otherwise: number): number {
  const value = attributes[name];
  return typeof value === "object" && "float" in value ? value.float : otherwise;
}

/** A list of integers; undefined where the node has none of that name. */
export function integersAttribute(attributes: Attributes, name: string): readonly number[] | undefined {
  const value = attributes[name];
  return Array.isArray(value) ? value : undefined;
}
