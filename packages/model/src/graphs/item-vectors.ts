/**
 * Item vectors inside a graph. An item's vector is the sum of the parts that the spec switches on:
 *
 *   own vector (`item.ids`) + Σ vectors of its attributes' values + its frozen public features · `feature.weight`
 *
 * The same vectors are looked up where events are read and, with a tied output, scored against. Which value an item has is public and fed
 * as a constant, so per-customer gradients stay in factored form (`output-table.ts` of `tensor`): no customer has a table of its own.
 */
import {
  add,
  allVectors,
  embedding,
  type GraphBuilder,
  type OutputTable,
  project,
  publicRows,
  scale,
  type TablePart,
  type Tensor,
  valuesOfIds,
  valuesOfItems,
} from "@tributary/tensor";
import { attributeInput, featuresInput, readsContent, topicalAttributes, topicInput } from "../item-content/item-content.ts";
import { isRecurrent, type ModelSpec } from "../spec.ts";
import type { ParameterOf } from "./weights.ts";

/** What item vectors are multiplied with before anything is added: √width in Transformers, 1 in recurrent models. */
export function itemFactor(spec: ModelSpec): number {
  return isRecurrent(spec) ? 1 : Math.sqrt(spec.width);
}

/** factor · vector of each item, [T, width], zero where the id is 0; undefined where items have no vector. ids [B, L] */
export function itemVectors(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, ids: Tensor): Tensor | undefined {
  const factor = itemFactor(spec);
  const parts: Tensor[] = [];
  if (spec.item.ids === "own") parts.push(embedding(g, parameter("item.weight"), ids, { factor }));
  for (const { name } of spec.item.attributes) {
    const values = valuesOfIds(g, parameter(attributeInput(name)), ids);
    parts.push(embedding(g, parameter(`attribute.${name}.weight`), values, { factor }));
  }
  if (spec.item.features > 0) {
    const features = publicRows(g, parameter(featuresInput), ids);
    parts.push(scale(g, project(g, features, parameter("feature.weight")), factor));
  }
  const [first, ...rest] = parts;
  return first && rest.reduce((sum, part) => add(g, sum, part), first);
}

/**
 * factor · vectors of what events without an item are about, each [T, width]: for every attribute of items the row of the topic's value, zero where the
 * topic is no value of it. ids [B, L]
 */
export function topicVectors(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf, ids: Tensor): readonly Tensor[] {
  return topicalAttributes(spec).map(({ name }) => {
    const values = valuesOfIds(g, parameter(topicInput(name)), ids);
    return embedding(g, parameter(`attribute.${name}.weight`), values, { factor: itemFactor(spec) });
  });
}

/** What items are scored with. targets: ids [B, L] that a loss is to predict; undefined: there is no loss */
export function outputTable(
  g: GraphBuilder,
  spec: ModelSpec,
  parameter: ParameterOf,
  targets: Tensor | undefined,
): OutputTable {
  if (spec.output === "separate") return parameter("output.weight");
  if (!readsContent(spec)) return parameter("item.weight");
  const parts: TablePart[] = [];
  if (spec.item.ids === "own") parts.push({ kind: "own", table: parameter("item.weight") });
  for (const { name } of spec.item.attributes) {
    const itemValues = parameter(attributeInput(name));
    const [table, rowOf] = [parameter(`attribute.${name}.weight`), valuesOfItems(g, itemValues)];
    parts.push({ kind: "shared", table, rowOf, targets: targets ? valuesOfIds(g, itemValues, targets) : rowOf });
  }
  if (spec.item.features > 0) {
    parts.push({ kind: "projected", weight: parameter("feature.weight"), features: parameter(featuresInput) });
  }
  return { items: spec.items, parts };
}

/** The vectors that all items are scored with, [items, width]. No gradient goes through it. */
export function scoredVectors(g: GraphBuilder, spec: ModelSpec, parameter: ParameterOf): Tensor {
  return allVectors(g, outputTable(g, spec, parameter, undefined));
}
