/** Public properties of items inside a graph: which value each has, and so which row of the attribute's table an event looks up. */
import type { GraphBuilder } from "../graph/builder.ts";
import { cast, gatherRows, slice, toTheEnd } from "../graph/operations.ts";
import { knownDimension, mismatch } from "../graph/shapes.ts";
import type { Tensor } from "../graph/types.ts";
import { windowOf } from "./layers.ts";

/** Values of each item, int32 [items], from 1; 0 for an item without. `itemValues` [items + 1] has an entry before them for "no item". */
export function valuesOfItems(g: GraphBuilder, itemValues: Tensor): Tensor {
  return slice(g, whole(g, itemValues), 0, 1, toTheEnd, knownDimension(itemValues, 0) - 1);
}

/**
 * Values of the items of ids [B, S]: those of a window are a window of the whole sequence's, so that one event is looked up once.
 * @param itemValues float [items + 1], whole numbers below 2²⁴; entry 0 is for no item. Float, so that a file may hold it as a weight
 */
export function valuesOfIds(g: GraphBuilder, itemValues: Tensor, ids: Tensor): Tensor {
  if (itemValues.shape.length !== 1 || ids.shape.length !== 2) throw mismatch("values of ids", itemValues, ids);
  const window = g.windows.get(ids.name);
  const values = gatherRows(g, whole(g, itemValues), window ? window.sequence : ids);
  return window ? windowOf(g, values, window.offset) : values;
}

function whole(g: GraphBuilder, itemValues: Tensor): Tensor {
  return cast(g, itemValues, "int32");
}
