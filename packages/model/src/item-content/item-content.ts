/**
 * What is publicly known of items, as a model reads it: for each attribute of the spec which value each item has, and frozen feature
 * vectors. It comes from the catalogue, whose hash the plan fixes, so that everybody who trains together has the same.
 */
import { fail } from "@tributary/errors";
import { priceBucket, priceBuckets, topicsOf } from "@tributary/events/histories";
import type { FeedTensor } from "@tributary/tensor";
import type { ItemSpec, ModelSpec } from "../spec.ts";

/** An item of a catalogue, as far as content goes (`CatalogueItem` of `@tributary/events`). */
export interface PublicItem {
  readonly category?: string;
  readonly brand?: string;
  readonly price?: number;
  /** Public properties. */
  readonly attributes?: readonly string[];
  /** A frozen public vector. */
  readonly features?: readonly number[];
}

/** Frozen vectors, `[items · width]`, row i of item number i + 1 (`readFeatures` of `@tributary/events`). */
export interface FeatureVectors {
  readonly values: Float32Array;
  readonly width: number;
}

export interface ItemContent {
  /** By attribute: `[items + 1]`, an item's value from 1, 0 where it has none; entry 0 stands for no item. */
  readonly attributes: ReadonlyMap<string, Int32Array>;
  /** `[items · spec.item.features]`; empty where the model reads none. */
  readonly features: Float32Array;
  /** By attribute that topics speak of: `[topics + 1]`, the value that a topic is, 0 for none; entry 0 stands for no topic. Where the model reads topics. */
  readonly topics?: ReadonlyMap<string, Int32Array>;
}

/**
 * What of an item is its value of an attribute: `category`; `brand`; `price`, in the fixed buckets of `priceBucket`; `property`, the
 * first of its public properties; any other name, the first property of the form `name:value`.
 */
function valueOfItem(item: PublicItem, attribute: string): string | undefined {
  if (attribute === "category") return item.category;
  if (attribute === "brand") return item.brand;
  if (attribute === "property") return item.attributes?.[0];
  return item.attributes?.find((property) => property.startsWith(`${attribute}:`));
}

/** The values that occur, ascending by code unit: a value's number is its place, counted from 1. */
function valuesOf(items: readonly PublicItem[], attribute: string): readonly string[] {
  const found = new Set<string>();
  for (const item of items) {
    const value = valueOfItem(item, attribute);
    if (value !== undefined) found.add(value);
  }
  return [...found].sort();
}

/**
 * The attributes of a spec: each name with how many values the catalogue has.
 * @throws TRB_MODEL_CONTENT_ATTRIBUTE when items differ in none of its values
 */
export function attributesOf(items: readonly PublicItem[], names: readonly string[]): ItemSpec["attributes"] {
  return names.map((name) => {
    const values = name === "price" ? priceBuckets : valuesOf(items, name).length;
    const priced = name !== "price" || items.some(({ price }) => price !== undefined);
    if (values < 2 || !priced) throw fail("TRB_MODEL_CONTENT_ATTRIBUTE", { attribute: name, values: priced ? values : 0 });
    return { name, values };
  });
}

/** Width of the items' frozen vectors; 0 where none has one. */
export function featureWidthOf(items: readonly PublicItem[]): number {
  return items.find(({ features }) => features !== undefined)?.features?.length ?? 0;
}

/** Whether a model reads public content at all. */
export function readsContent({ item }: Pick<ModelSpec, "item">): boolean {
  return item.attributes.length > 0 || item.features > 0;
}

/**
 * The content of these items for this model.
 * @param items the whole catalogue, in its order
 * @param features in place of the items' own
 * @throws TRB_MODEL_CONTENT_ROWS when the table's rows are not the catalogue's items, one each: items that share a row by `itemRow` have
 *   no content of their own; TRB_MODEL_CONTENT_ATTRIBUTE, TRB_MODEL_CONTENT_FEATURES when they are not what the spec says
 */
export function itemContent(spec: ModelSpec, items: readonly PublicItem[], features = vectorsOf(items)): ItemContent {
  if (items.length !== spec.items) throw fail("TRB_MODEL_CONTENT_ROWS", { rows: spec.items, items: items.length });
  const attributes = new Map<string, Int32Array>();
  for (const { name, values } of spec.item.attributes) {
    attributes.set(name, name === "price" ? priceColumn(items) : valueColumn(items, name, values));
  }
  const topics = spec.topics === undefined ? {} : { topics: topicTables(spec, items) };
  if (spec.item.features === 0) return { attributes, ...topics, features: new Float32Array(0) };
  const expected = `${spec.items} × ${spec.item.features}`;
  const found = features.width === 0 ? "none" : `${features.values.length / features.width} × ${features.width}`;
  if (found !== expected) throw fail("TRB_MODEL_CONTENT_FEATURES", { expected, found });
  if (!features.values.every(Number.isFinite)) throw fail("TRB_MODEL_CONTENT_FEATURES", { expected, found: "NaN or infinity" });
  return { attributes, ...topics, features: features.values };
}

/** The items' own vectors; zero for items without one. */
function vectorsOf(items: readonly PublicItem[]): FeatureVectors {
  const width = featureWidthOf(items);
  const values = new Float32Array(items.length * width);
  items.forEach(({ features }, place) => {
    if (features?.length === width) values.set(features, place * width);
  });
  return { values, width };
}

function valueColumn(items: readonly PublicItem[], name: string, values: number): Int32Array {
  const known = valuesOf(items, name);
  if (known.length === 0 || known.length > values)
    throw fail("TRB_MODEL_CONTENT_ATTRIBUTE", { attribute: name, values: known.length });
  const numbers = new Map(known.map((value, place) => [value, place + 1]));
  return Int32Array.of(0, ...items.map((item) => numbers.get(valueOfItem(item, name) ?? "") ?? 0));
}

function priceColumn(items: readonly PublicItem[]): Int32Array {
  return Int32Array.of(0, ...items.map(({ price = Number.NaN }) => 1 + priceBucket(price)));
}

/** Attributes of which a topic may be a value: prices have no names. */
export function topicalAttributes({ item, topics }: Pick<ModelSpec, "item" | "topics">): ItemSpec["attributes"] {
  return topics === undefined ? [] : item.attributes.filter(({ name }) => name !== "price");
}

/** @throws TRB_MODEL_CONTENT_ATTRIBUTE when the catalogue has not as many topics as the spec says */
function topicTables(spec: ModelSpec, items: readonly PublicItem[]): ReadonlyMap<string, Int32Array> {
  const topics = topicsOf(items);
  if (topics.length !== spec.topics) throw fail("TRB_MODEL_CONTENT_ATTRIBUTE", { attribute: "topics", values: topics.length });
  return new Map(
    topicalAttributes(spec).map(({ name }) => {
      const numbers = new Map(valuesOf(items, name).map((value, place) => [value, place + 1]));
      const kind = name === "category" || name === "brand" ? name : "property";
      const table = new Int32Array(topics.length + 1);
      for (const [place, topic] of topics.entries()) {
        if (topic.kind === kind) table[place + 1] = numbers.get(topic.value) ?? 0;
      }
      return [name, table];
    }),
  );
}

/** What graphs are fed with beside events and weights, and in what form; the same in every run. */
export function contentTables(spec: ModelSpec): readonly { readonly name: string; readonly shape: readonly number[] }[] {
  const { attributes, features } = spec.item;
  const lists = [
    ...attributes.map(({ name }) => ({ name: attributeInput(name), shape: [spec.items + 1] })),
    ...topicalAttributes(spec).map(({ name }) => ({ name: topicInput(name), shape: [(spec.topics ?? 0) + 1] })),
  ];
  return features > 0 ? [...lists, { name: featuresInput, shape: [spec.items, features] }] : lists;
}

export const attributeInput = (name: string) => `itemAttribute.${name}`;
export const topicInput = (name: string) => `topicAttribute.${name}`;
export const featuresInput = "itemFeatures";

/**
 * The feeds of `contentTables`. Values are floats, so that an ONNX file may hold them beside the weights.
 * @throws TRB_MODEL_CONTENT_MISSING when the model reads content and is given none, or another model's
 */
export function contentFeeds(spec: ModelSpec, content: ItemContent | undefined): Record<string, FeedTensor> {
  const feeds: Record<string, FeedTensor> = {};
  for (const { name } of spec.item.attributes) {
    const values = content?.attributes.get(name);
    if (values?.length !== spec.items + 1) throw fail("TRB_MODEL_CONTENT_MISSING", { content: `attribute ${name}` });
    feeds[attributeInput(name)] = { shape: [spec.items + 1], data: Float32Array.from(values) };
  }
  for (const { name } of topicalAttributes(spec)) {
    const values = content?.topics?.get(name);
    if (values?.length !== (spec.topics ?? 0) + 1) throw fail("TRB_MODEL_CONTENT_MISSING", { content: `topics of ${name}` });
    feeds[topicInput(name)] = { shape: [values.length], data: Float32Array.from(values) };
  }
  const { features } = spec.item;
  if (features > 0) {
    if (content?.features.length !== spec.items * features)
      throw fail("TRB_MODEL_CONTENT_MISSING", { content: "feature vectors" });
    feeds[featuresInput] = { shape: [spec.items, features], data: content.features };
  }
  return feeds;
}
