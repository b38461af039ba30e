/**
 * Random models for the property tests: any mix of lookups, blocks, grids, shared weights and losses that the builder takes, and
 * customers for them. A model is described by a `Recipe`; everything else follows from it, so that a failing recipe can be replayed.
 */
import fc from "fast-check";
import { clipNormInput, collect, type GradientPiece } from "../clipping/collect.ts";
import type { FeedTensor } from "../executors/executor.ts";
import { GraphBuilder, type Tokens } from "../graph/builder.ts";
import type { Graph, Tensor } from "../graph/types.ts";
import { attention, causalMask, paddingMask } from "./attention.ts";
import { valuesOfIds, valuesOfItems } from "./attributes.ts";
import { backward } from "./backward.ts";
import { add, flatten, groupByCustomer, mergeHeads, multiply, scale, split, splitHeads } from "./differentiable.ts";
import { dropout, embedding, gelu, layerNorm, linear, project, publicRows, relu, windowOf } from "./layers.ts";
import { softmaxLoss, tiedSoftmaxLoss } from "./losses.ts";
import type { OutputTable, TablePart } from "./output-table.ts";
import { gru, lstm } from "./recurrent.ts";
import { gbceLoss, sampledSoftmaxLoss } from "./sampled-losses.ts";

interface Block {
  readonly kind: "attention" | "cross" | "feedForward" | "lstm" | "gru" | "norm" | "elementwise";
  /** Of attention. */
  readonly mask: "none" | "causal" | "padding" | "both";
  readonly activation: "relu" | "gelu";
  readonly drops: boolean;
  /** Takes the weights of the blocks of its kind that share as well. */
  readonly shares: boolean;
}

export interface Recipe {
  readonly heads: number;
  readonly headWidth: number;
  readonly items: number;
  readonly length: number;
  readonly steps: number;
  /** What item vectors are sums of. */
  readonly own: boolean;
  readonly shared: number;
  /** Whether the rows that items share are looked up in the graph, or fed event by event. */
  readonly rowsInGraph: boolean;
  /** Whether events look a second value up among the shared rows, which no item has to do with. */
  readonly topics: boolean;
  readonly features: number;
  readonly tied: boolean;
  /** Rows of a further small table; 0: none. */
  readonly kinds: number;
  readonly positions: boolean;
  readonly otherItems: boolean;
  readonly blocks: readonly Block[];
  /** Blocks of a second grid; none: there is no such grid. */
  readonly decoder: readonly Block[];
  readonly loss: "softmax" | "sampled" | "gbce" | "none";
  readonly calibration: number;
  /** Classes of a further head on the first grid; 0: none. */
  readonly classes: number;
  /** Positions for which norms are laid out. */
  readonly laidOut: number;
  readonly customers: number;
  readonly clip: number;
  readonly seed: number;
}

const block: fc.Arbitrary<Block> = fc.record({
  kind: fc.constantFrom("attention", "attention", "feedForward", "feedForward", "lstm", "gru", "norm", "elementwise"),
  mask: fc.constantFrom("none", "causal", "padding", "both"),
  activation: fc.constantFrom("relu", "gelu"),
  drops: fc.boolean(),
  shares: fc.boolean(),
});
const decoderBlock = fc.oneof(
  block,
  fc.record({
    kind: fc.constant("cross" as const),
    mask: fc.constantFrom("none", "padding"),
    activation: fc.constant("relu" as const),
    drops: fc.boolean(),
    shares: fc.boolean(),
  }),
);

/** Whether the first grid's states reach a loss by their own head alone. */
function onlyClassesReach({ loss, decoder }: Pick<Recipe, "loss" | "decoder">): boolean {
  return decoder.length > 0 ? decoder.every(({ kind }) => kind !== "cross") : loss === "none";
}

export const recipes: fc.Arbitrary<Recipe> = fc
  .record({
    heads: fc.integer({ min: 1, max: 3 }),
    headWidth: fc.integer({ min: 1, max: 3 }),
    items: fc.integer({ min: 3, max: 9 }),
    length: fc.integer({ min: 1, max: 5 }),
    steps: fc.integer({ min: 1, max: 3 }),
    own: fc.boolean(),
    shared: fc.integer({ min: 0, max: 3 }),
    rowsInGraph: fc.boolean(),
    topics: fc.boolean(),
    features: fc.integer({ min: 0, max: 3 }),
    tied: fc.boolean(),
    kinds: fc.integer({ min: 0, max: 3 }),
    positions: fc.boolean(),
    otherItems: fc.boolean(),
    blocks: fc.array(block, { maxLength: 3 }),
    decoder: fc.oneof(fc.constant([]), fc.array(decoderBlock, { minLength: 1, maxLength: 2 })),
    loss: fc.constantFrom("softmax", "sampled", "gbce", "none"),
    calibration: fc.double({ min: 0, max: 1, noNaN: true }),
    classes: fc.integer({ min: 0, max: 3 }),
    laidOut: fc.constantFrom(1, 4, 1000),
    customers: fc.integer({ min: 1, max: 4 }),
    clip: fc.double({ min: 0.05, max: 3, noNaN: true }),
    seed: fc.integer({ min: 1, max: 1e9 }),
  })
  .map((recipe) => ({
    ...recipe,
    // item vectors need at least one part, and a model at least one loss
    own: recipe.own || (recipe.shared === 0 && recipe.features === 0),
    classes: recipe.classes === 0 && onlyClassesReach(recipe) ? 2 : recipe.classes,
  }));

/** How many negatives a recipe's sampled losses have. */
const negativesOf = ({ items }: Recipe) => Math.max(1, items >> 1);

export interface RandomGraph {
  readonly graph: Graph;
  readonly pieces: readonly GradientPiece[];
}

/** The model of a recipe, with gradients. */
export function buildRandom(recipe: Recipe, clipped: boolean): RandomGraph {
  const g = new GraphBuilder("random");
  const width = recipe.heads * recipe.headWidth;
  const history = g.declareTokens(g.input("positions", ["B", "L"], "int32"));
  const declared = new Map<string, Tensor>();
  /** A parameter of that name; asked for again, the same. */
  const parameter = (name: string, shape: readonly number[]): Tensor => {
    return declared.get(name) ?? remember(name, g.parameter(name, shape));
  };
  const remember = (name: string, tensor: Tensor): Tensor => {
    declared.set(name, tensor);
    return tensor;
  };
  const items = itemInputs(g, recipe, parameter, width);
  const eventRows = (ids: Tensor, offset: 0 | 1) =>
    items.rowsOf(ids, () =>
      windowOf(g, declared.get("rows") ?? remember("rows", g.input("rows", ["B", "L+1"], "int32")), offset),
    );
  const inputs = windowOf(g, items.sequence, 0);
  let x = items.vectors(inputs, eventRows(inputs, 0));
  if (recipe.otherItems && recipe.own) {
    const others = embedding(g, parameter("item", [recipe.items, width]), g.input("otherItems", ["B", "L"], "int32"), {
      factor: 0.5,
    });
    x = add(g, x, others);
  }
  if (recipe.topics && recipe.shared > 0) {
    const values = valuesOfIds(g, g.input("topicValues", [recipe.items + 1]), g.input("topics", ["B", "L"], "int32"));
    x = add(g, x, embedding(g, parameter("attribute", [recipe.shared, width]), values, { factor: 0.5 }));
  }
  if (recipe.kinds > 0)
    x = add(g, x, embedding(g, parameter("kind", [recipe.kinds, width]), g.input("kinds", ["B", "L"], "int32")));
  if (recipe.positions) x = add(g, x, embedding(g, parameter("place", [5, width]), history.grid, { distinct: true }));
  const stack = (start: Tensor, tokens: Tokens, blocks: readonly Block[], prefix: string, memory: Tensor | undefined) =>
    blocks.reduce((y, each, index) => {
      const name = each.shares ? each.kind : `${prefix}${index}`;
      return applyBlock({ g, recipe, parameter, tokens, memory, name }, each, y, `${prefix}${index}`);
    }, start);
  x = stack(x, history, recipe.blocks, "block", undefined);
  if (recipe.classes > 0) {
    const logits = linear(g, x, parameter("head.weight", [width, recipe.classes]), parameter("head.bias", [recipe.classes]));
    softmaxLoss(g, logits, g.input("classes", ["B", "L"], "int32"), g.input("classWeights", ["B*L", 1]));
  }
  let [hidden, targets] = [x, windowOf(g, items.sequence, 1)];
  let targetRows = () => eventRows(targets, 1);
  if (recipe.decoder.length > 0) {
    const steps = g.declareTokens(g.input("steps", ["B", "M"], "int32"));
    const list = (name: string) => g.input(name, ["B", "M"], "int32");
    const decoded = list("decoderItems");
    const start = items.vectors(
      decoded,
      items.rowsOf(decoded, () => list("decoderRows")),
    );
    hidden = stack(start, steps, recipe.decoder, "decoder", x);
    targets = list("decoderTargets");
    targetRows = () => items.rowsOf(targets, () => list("decoderTargetRows"));
  }
  itemLoss(g, recipe, { hidden, targets, table: () => items.table(targetRows()) });
  // parameters that a loss on one grid alone leaves aside
  if (recipe.decoder.length > 0 && recipe.loss === "none") anchor(g, hidden, "M");
  backward(g);
  const pieces = collect(g, { clipped, length: recipe.laidOut });
  return { graph: g.graph(), pieces };
}

/** A loss of the second grid's first class, so that its parameters reach one. */
function anchor(g: GraphBuilder, hidden: Tensor, positions: string): void {
  softmaxLoss(g, hidden, g.input("anchors", ["B", positions], "int32"), g.input("anchorWeights", [`B*${positions}`, 1]));
}

function itemInputs(
  g: GraphBuilder,
  recipe: Recipe,
  parameter: (name: string, shape: readonly number[]) => Tensor,
  width: number,
) {
  const features = recipe.features > 0 ? g.input("features", [recipe.items, recipe.features]) : undefined;
  const itemValues = recipe.shared > 0 && recipe.rowsInGraph ? g.input("itemValues", [recipe.items + 1]) : undefined;
  const fedRows = recipe.shared > 0 && !recipe.rowsInGraph ? g.input("rowOf", [recipe.items], "int32") : undefined;
  const rowOf = itemValues ? valuesOfItems(g, itemValues) : fedRows;
  const factor = Math.sqrt(width);
  return {
    sequence: g.input("items", ["B", "L+1"], "int32"),
    /** Shared rows of ids: looked up, or `fed`; none where items share nothing. */
    rowsOf: (ids: Tensor, fed: () => Tensor): Tensor | undefined =>
      itemValues ? valuesOfIds(g, itemValues, ids) : fedRows && fed(),
    vectors(ids: Tensor, rows: Tensor | undefined): Tensor {
      const terms: Tensor[] = [];
      if (recipe.own) terms.push(embedding(g, parameter("item", [recipe.items, width]), ids));
      if (rows) terms.push(embedding(g, parameter("attribute", [recipe.shared, width]), rows));
      if (features) terms.push(project(g, publicRows(g, features, ids), parameter("feature", [recipe.features, width])));
      const [first, ...rest] = terms;
      if (first === undefined) throw new Error("a recipe without item vectors");
      return scale(
        g,
        rest.reduce((sum, term) => add(g, sum, term), first),
        factor,
      );
    },
    table(targetRows: Tensor | undefined): OutputTable {
      if (!recipe.tied) return parameter("output", [recipe.items, width]);
      const parts: TablePart[] = [];
      if (recipe.own) parts.push({ kind: "own", table: parameter("item", [recipe.items, width]) });
      if (rowOf && targetRows) {
        parts.push({ kind: "shared", table: parameter("attribute", [recipe.shared, width]), rowOf, targets: targetRows });
      }
      if (features) parts.push({ kind: "projected", weight: parameter("feature", [recipe.features, width]), features });
      return parts.length === 1 && recipe.own ? parameter("item", [recipe.items, width]) : { items: recipe.items, parts };
    },
  };
}

function itemLoss(
  g: GraphBuilder,
  recipe: Recipe,
  { hidden, targets, table }: { readonly hidden: Tensor; readonly targets: Tensor; readonly table: () => OutputTable },
): void {
  if (recipe.loss === "none") return;
  const weights = g.input("itemWeights", [hidden.shape[0] ?? "B*L", 1]);
  const tied = { hidden, table: table(), targets, weights };
  if (recipe.loss === "softmax") {
    tiedSoftmaxLoss(g, tied);
    return;
  }
  const count = negativesOf(recipe);
  const sample = { negatives: g.input("negatives", [count], "int32"), slotOf: g.input("slotOf", [recipe.items + 1], "int32") };
  if (recipe.loss === "gbce") gbceLoss(g, tied, { ...sample, calibration: recipe.calibration });
  else sampledSoftmaxLoss(g, tied, { ...sample, correction: g.input("correction", [count]) });
}

interface Around {
  readonly g: GraphBuilder;
  readonly recipe: Recipe;
  readonly parameter: (name: string, shape: readonly number[]) => Tensor;
  readonly tokens: Tokens;
  /** The first grid's states, for the second grid. */
  readonly memory: Tensor | undefined;
  /** What its parameters' names begin with. */
  readonly name: string;
}

function applyBlock(around: Around, { kind, mask, activation, drops }: Block, x: Tensor, place: string): Tensor {
  const { g, recipe, parameter, tokens, memory, name } = around;
  const width = recipe.heads * recipe.headWidth;
  const vector = (part: string) => parameter(`${name}.${part}`, [width]);
  const layer = (y: Tensor, part: string, out: number) =>
    linear(g, y, parameter(`${name}.${part}.weight`, [Number(y.shape[1]), out]), parameter(`${name}.${part}.bias`, [out]));
  const dropped = (y: Tensor) => (drops ? dropout(g, y, g.input(`mask:${place}`, [tokens.flat, width])) : y);
  const masks = (keys: Tensor): Tensor | undefined => {
    const causal = mask === "causal" || mask === "both" ? causalMask(g, tokens) : undefined;
    const padding = mask === "padding" || mask === "both" ? paddingMask(g, keys, recipe.heads) : undefined;
    return causal && padding ? add(g, causal, padding) : (causal ?? padding);
  };
  const attend = (queries: Tensor, [key = x, value = x]: readonly Tensor[], keys: Tensor) => {
    const apart = [groupByCustomer(g, queries), key, value].map((part) => splitHeads(g, part, recipe.heads));
    const [q = x, k = x, v = x] = apart;
    return flatten(g, mergeHeads(g, attention(g, q, k, v, { scale: 0.7, mask: masks(keys) })));
  };
  if (kind === "attention") {
    const [query = x, ...others] = split(g, groupByCustomer(g, layer(x, "input", 3 * width)), 3);
    return add(g, x, dropped(layer(attend(flatten(g, query), others, tokens.grid), "output", width)));
  }
  if (kind === "cross" && memory) {
    const pair = split(g, groupByCustomer(g, layer(memory, "memory", 2 * width)), 2);
    return add(g, x, dropped(attend(layer(x, "query", width), pair, g.tokens.grid)));
  }
  if (kind === "feedForward") {
    const activate = activation === "relu" ? relu : gelu;
    return add(g, x, dropped(layer(activate(g, layer(x, "up", 3)), "down", width)));
  }
  if (kind === "lstm" || kind === "gru") {
    const [run, gates] = kind === "lstm" ? ([lstm, 4] as const) : ([gru, 3] as const);
    const weights = {
      inputWeight: parameter(`${name}.inputWeight`, [gates * width, width]),
      hiddenWeight: parameter(`${name}.hiddenWeight`, [gates * width, width]),
      inputBias: parameter(`${name}.inputBias`, [gates * width]),
      hiddenBias: parameter(`${name}.hiddenBias`, [gates * width]),
    };
    return dropped(run(g, x, weights));
  }
  if (kind === "norm") return layerNorm(g, x, vector("gain"), vector("shift"));
  return add(g, multiply(g, x, vector("factor")), vector("term"));
}

/** Numbers in [−1, 1) from a name and a seed. */
function numbers(name: string, seed: number): () => number {
  let state = [...name].reduce((hash, letter) => (hash * 31 + letter.charCodeAt(0)) % 2147483647, (seed % 2147483646) + 1) || 1;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return (state / 2147483647) * 2 - 1;
  };
  next();
  return next;
}

/** Feeds for some of a recipe's customers; each customer's part is the same whoever stands beside it. */
export function feedsFor(recipe: Recipe, graph: Graph, which: readonly number[]): Record<string, FeedTensor> {
  const people = which.map((customer) => customerOf(recipe, customer));
  const feeds: Record<string, FeedTensor> = {};
  for (const { name, shape, type } of graph.inputs) {
    const perCustomer = typeof shape[0] === "string" && shape[0].startsWith("B");
    const flat = shape[0] === "B*L" || shape[0] === "B*M";
    const positions =
      shape[0] === "B*M" || shape[1] === "M" ? recipe.steps : shape[1] === "L+1" ? recipe.length + 1 : recipe.length;
    const values = perCustomer
      ? people.flatMap((person) => person(name, positions * (flat ? Number(shape[1]) : 1), positions))
      : commonValues(
          recipe,
          name,
          shape.map(Number).reduce((a, b) => a * b, 1),
        );
    const sizes = perCustomer
      ? flat
        ? [which.length * positions, Number(shape[1])]
        : [which.length, positions]
      : shape.map(Number);
    feeds[name] = { shape: sizes, data: type === "int32" ? Int32Array.from(values) : Float64Array.from(values) };
  }
  return feeds;
}

/** The public row of an item; some have none. */
const rowOfItem = ({ shared }: Recipe, id: number) => (id === 0 ? 0 : id % (shared + 1));

function commonValues(recipe: Recipe, name: string, count: number): readonly number[] {
  const next = numbers(name, recipe.seed);
  const negatives = Array.from({ length: negativesOf(recipe) }, (_, place) => 1 + ((place * 2 + recipe.seed) % recipe.items));
  const distinct = [...new Set(negatives)];
  for (let id = 1; distinct.length < negatives.length; id++) if (!distinct.includes(id)) distinct.push(id);
  if (name === "negatives") return distinct;
  if (name === "slotOf") {
    return Array.from({ length: count }, (_, id) => (distinct.includes(id) ? distinct.indexOf(id) : distinct.length));
  }
  if (name === "itemValues" || name === "topicValues") return Array.from({ length: count }, (_, id) => rowOfItem(recipe, id));
  if (name === "rowOf") return Array.from({ length: count }, (_, place) => rowOfItem(recipe, place + 1));
  if (name === clipNormInput) return [recipe.clip];
  const around = name.endsWith("gain") || name.endsWith("factor") ? 1 : 0;
  return Array.from({ length: count }, () => around + 0.7 * next());
}

/** A customer's part of each input that has one: `count` numbers over `positions`. */
function customerOf(recipe: Recipe, customer: number): (name: string, count: number, positions: number) => readonly number[] {
  const seed = recipe.seed + 7919 * (customer + 1);
  const size = numbers("size", seed);
  const portion = () => Math.floor(((size() + 1) / 2) * (recipe.length + 1));
  // Maybe none, unless a second grid would attend to nothing: what that gives is a matter of rounding.
  const events = Math.max(portion(), recipe.decoder.length > 0 ? 1 : 0);
  const steps = Math.min(recipe.steps, 1 + portion());
  const ids = (name: string, count: number, most: number, filled: number) => {
    const next = numbers(name, seed);
    // about one in five is 0: an event without an item
    return Array.from({ length: count }, (_, t) =>
      t < filled && next() > -0.6 ? 1 + (Math.floor(((next() + 1) / 2) * most) % most) : 0,
    );
  };
  const list = (name: string, count: number): readonly number[] => {
    if (name === "items") return ids(name, count, recipe.items, events === 0 ? 0 : events + 1);
    if (name === "rows") return list("items", count).map((id) => rowOfItem(recipe, id));
    if (name === "decoderRows") return list("decoderItems", count).map((id) => rowOfItem(recipe, id));
    if (name === "decoderTargetRows") return list("decoderTargets", count).map((id) => rowOfItem(recipe, id));
    if (name === "positions") return Array.from({ length: count }, (_, t) => (t < events ? t + 1 : 0));
    if (name === "steps") return Array.from({ length: count }, (_, t) => (t < steps ? t + 1 : 0));
    if (name === "anchors") return Array.from({ length: count }, (_, t) => (t < steps ? 1 : 0));
    if (name.startsWith("decoder")) return ids(name, count, recipe.items, steps);
    const most = name === "kinds" ? recipe.kinds : name === "classes" ? recipe.classes : recipe.items;
    return ids(name, count, most, events);
  };
  return (name, count, positions) => {
    const next = numbers(name, seed);
    if (name.startsWith("mask:")) return Array.from({ length: count }, () => (next() > -0.5 ? 1.25 : 0));
    if (!name.endsWith("Weights")) return list(name, count);
    const onSteps = recipe.decoder.length > 0;
    const targets =
      name === "classWeights"
        ? list("classes", positions)
        : name === "anchorWeights"
          ? list("anchors", positions)
          : onSteps
            ? list("decoderTargets", positions)
            : list("items", positions + 1).slice(1);
    return targets.map((id) => (id > 0 ? 1 + 0.5 * next() : 0));
  };
}
