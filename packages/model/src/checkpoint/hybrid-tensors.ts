/** A hybrid's tables as named tensors and its numbers as JSON, and back; everything that is read is checked before it serves. */
import { fail } from "@tributary/errors";
import { type Hybrid, type HybridWeights, servingRecipe } from "../hybrid/hybrid.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import type { PairTable, ServedStatistics } from "../statistics/rounds.ts";
import type { ServingRecipe } from "../statistics/scoring.ts";
import { elements, type TensorFile, type TensorHeader } from "./safetensors.ts";

/** Whose processing is in a hybrid: the federation's alone, or the merchant's as well. */
export type Scope = "released" | "in-house";

type Numbers = Float32Array | Float64Array | Uint32Array;

const contentNames = ["offsets", "attributes", "values", "holderOffsets", "holders", "holderValues"] as const;

/** Tables that a hybrid lacks have no tensors. */
export function hybridTensors(hybrid: Hybrid, similarity: ItemSimilarity): Pick<TensorFile, "tensors" | "data"> {
  const named: (readonly [string, Numbers])[] = contentNames.map((name) => [`content.${name}`, similarity[name]] as const);
  for (const which of ["served", "own"] as const) {
    const tables = hybrid[which];
    if (tables === undefined) continue;
    const { popularity, pairs } = tables;
    named.push([`${which}.popularity`, popularity], [`${which}.pairs.offsets`, pairs.offsets]);
    named.push([`${which}.pairs.places`, pairs.places], [`${which}.pairs.values`, pairs.values]);
  }
  // the widest first: each then begins at a multiple of its own size
  named.sort(([, a], [, b]) => b.BYTES_PER_ELEMENT - a.BYTES_PER_ELEMENT);
  const data = new Uint8Array(named.reduce((sum, [, { byteLength }]) => sum + byteLength, 0));
  let begin = 0;
  for (const [, { buffer, byteOffset, byteLength }] of named) {
    data.set(new Uint8Array(buffer, byteOffset, byteLength), begin);
    begin += byteLength;
  }
  const tensors = named.map(([name, values]): TensorHeader => ({ name, dtype: typeOf(values), shape: [values.length] }));
  return { tensors, data };
}

/** Weights and the recipe's serving numbers, as one line of JSON. */
export function settingsOf({ recipe, weights }: Hybrid, scope: Scope): string {
  return JSON.stringify({ scope, recipe: servingRecipe(recipe), weights });
}

/** @throws TRB_MODEL_FILE_MALFORMED, TRB_MODEL_TENSOR_MISSING */
export function tablesOf(
  file: TensorFile,
  settings: string,
  items: number,
): { readonly hybrid: Omit<Hybrid, "student">; readonly similarity: ItemSimilarity; readonly scope: Scope } {
  const { scope, recipe, weights } = parsedSettings(settings);
  const values = valuesByName(file);
  const whole = (name: string) => ofType(values, name, Uint32Array);
  const single = (name: string) => ofType(values, name, Float32Array);
  const double = (name: string) => ofType(values, name, Float64Array);
  const similarity: ItemSimilarity = {
    items,
    offsets: whole("content.offsets"),
    attributes: whole("content.attributes"),
    values: double("content.values"),
    holderOffsets: whole("content.holderOffsets"),
    holders: whole("content.holders"),
    holderValues: double("content.holderValues"),
  };
  const statistics = (which: "served" | "own"): ServedStatistics | undefined =>
    values.has(`${which}.popularity`)
      ? {
          popularity: single(`${which}.popularity`),
          pairs: {
            offsets: whole(`${which}.pairs.offsets`),
            places: whole(`${which}.pairs.places`),
            values: single(`${which}.pairs.values`),
          },
        }
      : undefined;
  const hybrid = { recipe, weights, served: statistics("served"), own: statistics("own") };
  checkHybrid(hybrid, similarity, scope);
  return { hybrid, similarity, scope };
}

/**
 * Whether tables are of one catalogue and weights are weights.
 * @throws TRB_MODEL_FILE_MALFORMED
 */
export function checkHybrid(
  { served, own, weights, recipe }: Omit<Hybrid, "student">,
  { items, offsets, attributes, values, holderOffsets, holders, holderValues }: ItemSimilarity,
  scope: Scope,
): void {
  if (scope === "released" && (own !== undefined || served === undefined))
    throw malformed("a released hybrid holds what was released and no own counts");
  for (const tables of [served, own]) {
    if (tables === undefined) continue;
    if (tables.popularity.length !== items || !tables.popularity.every((p) => p > 0 && Number.isFinite(p)))
      throw malformed("its popularity is not one number above 0 for each item");
    checkTable(tables.pairs, items);
  }
  checkRows("public content", offsets, items, attributes, values, holderOffsets.length - 1);
  checkRows("holders of content", holderOffsets, holderOffsets.length - 1, holders, holderValues, items);
  const { mixture, popularity, attention } = weights;
  const all = [...Object.values(mixture), popularity, attention, ...Object.values(recipe)];
  if (all.some((value) => !(value >= 0 && Number.isFinite(value))) || attention > 1)
    throw malformed("a weight is negative, not finite or above what it may be");
}

function checkTable({ offsets, places, values }: PairTable, items: number): void {
  checkRows("a table of pairs", offsets, items, places, values, items);
  if (!values.every((value) => value > 0)) throw malformed("a table of pairs holds a count that is not above 0");
}

/** Rows of a sparse matrix. */
function checkRows(
  what: string,
  offsets: Uint32Array,
  rows: number,
  columns: Uint32Array,
  values: Numbers,
  most: number,
): void {
  const ascending = offsets.every((offset, row) => row === 0 || offset >= (offsets[row - 1] as number));
  if (offsets.length !== rows + 1 || offsets[0] !== 0 || !ascending || offsets[rows] !== columns.length)
    throw malformed(`the rows of ${what} are not one after the other`);
  if (values.length !== columns.length || !values.every(Number.isFinite) || !columns.every((column) => column < most))
    throw malformed(`${what} names what is not there, or holds what is no number`);
}

function valuesByName({ tensors, data }: TensorFile): ReadonlyMap<string, Numbers> {
  const found = new Map<string, Numbers>();
  let begin = 0;
  for (const { name, dtype, shape } of tensors) {
    const end = begin + (dtype === "F64" ? 8 : 4) * elements(shape);
    const { buffer } = new Uint8Array(data.subarray(begin, end)); // copied: aligned, whatever the file's own place
    found.set(
      name,
      dtype === "F64" ? new Float64Array(buffer) : dtype === "F32" ? new Float32Array(buffer) : new Uint32Array(buffer),
    );
    begin = end;
  }
  return found;
}

function ofType<Kind extends Numbers>(
  values: ReadonlyMap<string, Numbers>,
  name: string,
  kind: abstract new (...args: never[]) => Kind,
): Kind {
  const found = values.get(name);
  if (found === undefined) throw fail("TRB_MODEL_TENSOR_MISSING", { tensor: name, expected: "any length" });
  if (!(found instanceof kind)) throw malformed(`${name} is of another type`);
  return found;
}

function typeOf(values: Numbers): TensorHeader["dtype"] {
  if (values instanceof Float64Array) return "F64";
  return values instanceof Float32Array ? "F32" : "U32";
}

function parsedSettings(text: string): {
  readonly scope: Scope;
  readonly recipe: ServingRecipe;
  readonly weights: HybridWeights;
} {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw fail("TRB_MODEL_FILE_MALFORMED", { reason: "a hybrid's weights are not JSON" }, cause);
  }
  const { scope, recipe, weights } = record(parsed);
  if (scope !== "released" && scope !== "in-house") throw malformed("a hybrid is neither released nor in-house");
  const mixture = record(record(weights)["mixture"]);
  const topics = mixture["topics"] === undefined ? {} : numbers(mixture, ["topics"]);
  return {
    scope,
    recipe: numbers(recipe, ["contentWeight", "contentSharpness", "decay", "latest"]),
    weights: {
      mixture: { ...numbers(mixture, ["content", "released", "own", "history"]), ...topics },
      ...numbers(weights, ["popularity", "attention"]),
    },
  };
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw malformed("a hybrid's weights are no object");
  return { ...value };
}

function numbers<Name extends string>(value: unknown, names: readonly Name[]): Record<Name, number> {
  const from = record(value);
  const found: Partial<Record<Name, number>> = {};
  for (const name of names) {
    const one = from[name];
    if (typeof one !== "number") throw malformed(`a hybrid's weights lack ${name}`);
    found[name] = one;
  }
  return found as Record<Name, number>;
}

const malformed = (reason: string) => fail("TRB_MODEL_FILE_MALFORMED", { reason });
