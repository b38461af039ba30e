/** Whether a golden case fits together: every array has the size that the others say, and every id is one that there is. */
import { fail, type TributaryError } from "@tributary/errors";
import { parameterShapes } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import type { GoldenModel } from "./family.ts";
import type { GoldenCase, GoldenParameters, GoldenTensor } from "./golden-case.ts";

/** The refusal of a case. `key` is where in it the fault is. */
export function unfit({ name }: Pick<GoldenCase, "name">, key: string, expected: string, found: string): TributaryError {
  return fail("TRB_MODEL_VECTORS_UNFIT", { case: name, key, expected, found });
}

/** [rows, columns] of nested lists, "ragged" where the rows are unequal. */
function shapeOf(tensor: GoldenTensor): string {
  const [first] = tensor;
  if (!Array.isArray(first)) return `[${tensor.length}]`;
  const even = tensor.every((row) => Array.isArray(row) && row.length === first.length);
  return even ? `[${tensor.length}, ${first.length}]` : `[${tensor.length}, ragged]`;
}

/** @throws TRB_MODEL_VECTORS_UNFIT */
export function checkInputs(
  golden: GoldenCase,
  { steps, largestItem }: { readonly steps: number; readonly largestItem: number },
): void {
  const { config, inputs } = golden;
  const batch = inputs.items.length;
  if (batch < 1) throw unfit(golden, "inputs.items", "at least one customer", "none");
  const grid = (key: string, tensor: GoldenTensor, rows: number, columns: number) => {
    const [expected, found] = [`[${rows}, ${columns}]`, shapeOf(tensor)];
    if (found !== expected) throw unfit(golden, key, expected, found);
  };
  const list = (key: string, values: readonly number[], length: number) => {
    if (values.length !== length) throw unfit(golden, key, `[${length}]`, `[${values.length}]`);
  };
  grid("inputs.items", inputs.items, batch, config.length);
  grid("inputs.targets", inputs.targets, batch, steps);
  if (inputs.decoderItems) grid("inputs.decoderItems", inputs.decoderItems, batch, steps);
  list("losses", golden.losses, batch);
  list("gradientNorms", golden.gradientNorms, batch);
  if (golden.hidden.length !== batch) throw unfit(golden, "hidden", `[${batch}, …]`, `[${golden.hidden.length}, …]`);
  for (const [b, states] of golden.hidden.entries()) grid(`hidden[${b}]`, states, steps, config.width);
  const ids = (key: string, rows: readonly (readonly number[])[], most: number) => {
    const found = rows.flat().find((id) => !Number.isInteger(id) || id < 0 || id > most);
    if (found !== undefined) throw unfit(golden, key, `ids from 0 to ${most}`, String(found));
  };
  ids("inputs.items", inputs.items, largestItem);
  ids("inputs.targets", inputs.targets, config.items);
  ids("inputs.decoderItems", inputs.decoderItems ?? [], config.items + 1);
  const { negatives, logCorrection } = inputs;
  if (negatives === undefined && logCorrection === undefined) return;
  ids("inputs.negatives", [negatives ?? []], config.items);
  if ((negatives ?? []).includes(0)) throw unfit(golden, "inputs.negatives", `ids from 1 to ${config.items}`, "0");
  list("inputs.logCorrection", logCorrection ?? [], negatives?.length ?? 0);
}

/**
 * Golden parameters as one flat vector of ours. Rows of the golden item table that are tables of their own with us go there.
 * @param key `parameters` or `clippedSum`
 * @throws TRB_MODEL_VECTORS_UNFIT
 */
export function flatten(
  golden: GoldenCase,
  key: "parameters" | "clippedSum",
  spec: ModelSpec,
  { paddingTable, tokenTable }: Pick<GoldenModel, "paddingTable" | "tokenTable">,
): Float64Array {
  const given: GoldenParameters = golden[key];
  const left = new Set(Object.keys(given));
  const take = (name: string, shape: readonly number[]): GoldenTensor => {
    const tensor = given[name];
    const expected = `[${shape.join(", ")}]`;
    if (tensor === undefined) throw unfit(golden, `${key}.${name}`, expected, "nothing");
    const found = shapeOf(tensor);
    if (found !== expected) throw unfit(golden, `${key}.${name}`, expected, found);
    left.delete(name);
    return tensor;
  };
  const table = take("item.weight", [spec.items + (tokenTable === undefined ? 1 : 2), spec.width]);
  const values = parameterShapes(spec).flatMap(({ name, shape }): readonly number[] => {
    if (name === "item.weight") return table.slice(1, spec.items + 1).flat();
    if (name === tokenTable) return table.slice(spec.items + 1).flat();
    if (name === paddingTable) return table.slice(0, 1).flat();
    return take(name, shape).flat();
  });
  const [unknown] = left;
  if (unknown !== undefined) throw unfit(golden, `${key}.${unknown}`, "no such parameter", shapeOf(given[unknown] ?? []));
  return Float64Array.from(values);
}

/** How far the golden sum's row of item 0 is from zero, where that row is nobody's with us: padding must have no gradient. */
export function paddingGradient({ clippedSum }: GoldenCase, { paddingTable }: Pick<GoldenModel, "paddingTable">): number {
  if (paddingTable !== undefined) return 0;
  const row = clippedSum["item.weight"]?.[0];
  return Array.isArray(row) ? row.reduce((most: number, value: number) => Math.max(most, Math.abs(value)), 0) : 0;
}
