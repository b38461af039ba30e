/**
 * The matrix products of a private step with nothing between them: same sizes, same transposes, same runs. How much of a step they
 * account for says how much the rest of the graph costs.
 */
import { type Executor, GraphBuilder, type OutputTensor, product, type Session } from "@tributary/tensor";
import { shortLength } from "../graphs/training.ts";
import type { ModelSpec } from "../spec.ts";
import { bucketsOf, runsOf } from "../training/buckets.ts";
import { customersOfRun, lengthClasses } from "../training/length-classes.ts";
import type { SumRequest } from "../training/trainer.ts";

/** Sizes as they lie in memory, [rows, columns] or [customers, rows, columns], and which of the two is read transposed. */
interface Product {
  readonly a: readonly number[];
  readonly b: readonly number[];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

export interface BareProducts {
  /** Floating-point operations of all products together. */
  readonly operations: number;
  run(): Promise<void>;
  close(): Promise<void>;
}

/** The products of a step over the request's customers: `sasrec`, one head, tied softmax over all items or over negatives. */
export async function bareProducts(spec: ModelSpec, request: SumRequest, executor: Executor): Promise<BareProducts> {
  const { buckets } = bucketsOf(spec, request, { seed: 0, now: undefined }, lengthClasses(spec.length));
  const runs: { readonly session: Session; readonly feeds: Readonly<Record<string, OutputTensor>> }[] = [];
  let operations = 0;
  for (const { length, examples } of buckets) {
    for (const some of runsOf(examples, customersOfRun(spec, length))) {
      const products = productsOf(spec, some.length, length);
      for (const one of products) operations += operationsOf(one);
      runs.push(await loadProducts(products, executor));
    }
  }
  return {
    operations,
    async run() {
      for (const { session, feeds } of runs) await session.run(feeds);
    },
    async close() {
      for (const { session } of runs) await session.close();
    },
  };
}

function operationsOf({ a, b, transposeA = false, transposeB = false }: Product): number {
  const [rows = 1, inner = 1] = transposeA ? a.slice(-2).toReversed() : a.slice(-2);
  const columns = b.at(transposeB ? -2 : -1) ?? 1;
  return 2 * rows * inner * columns * (a.length > 2 ? (a[0] ?? 1) : 1);
}

function productsOf(spec: ModelSpec, customers: number, length: number): readonly Product[] {
  const { width, blocks } = spec;
  const tokens = customers * length;
  const inner = spec.feedForward * width;
  const columns = spec.nextItem.negatives > 0 ? spec.nextItem.negatives + 1 : spec.items;
  const flat = (n: number) => [tokens, n];
  const each = (n: number) => [customers, length, n];
  const gram = (n: number): Product => ({ a: each(n), b: each(n), transposeB: true });
  const list: Product[] = [
    { a: flat(width), b: [columns, width], transposeB: true }, // scores
    { a: flat(columns), b: [columns, width] }, // back to the hidden states
    { a: flat(columns), b: flat(width), transposeA: true }, // the table's sum
    gram(columns),
    gram(width), // of the softmax's other factor
    gram(width), // of the looked-up rows
    gram(width), // of the two together
  ];
  for (let block = 0; block < blocks; block++) {
    list.push(gram(width), { a: each(length), b: each(width) }); // attention: scores, values
    list.push(gram(width)); // and back: weights, queries, keys, values
    for (const transposeA of [false, true, true]) list.push({ a: each(length), b: each(width), transposeA });
    const layers = [
      [width, 3 * width],
      [width, width],
      [width, inner],
      [inner, width],
    ] as const;
    for (const [input, output] of layers) {
      list.push({ a: flat(input), b: [input, output] }, { a: flat(output), b: [input, output], transposeB: true });
      if (length > shortLength) list.push({ a: each(input), b: each(output), transposeA: true });
      else list.push(gram(input), gram(output), { a: flat(input), b: flat(output), transposeA: true });
    }
  }
  return list;
}

async function loadProducts(products: readonly Product[], executor: Executor) {
  const g = new GraphBuilder("products");
  const feeds: Record<string, OutputTensor> = {};
  const input = (shape: readonly number[]) => {
    const name = `input${Object.keys(feeds).length}`;
    feeds[name] = { shape, data: new Float32Array(shape.reduce((all, size) => all * size, 1)).fill(0.1) };
    return g.input(name, shape);
  };
  const inputs = new Map<string, ReturnType<typeof input>>();
  const factor = (side: string, shape: readonly number[]) => {
    const key = `${side} ${shape.join()}`;
    const known = inputs.get(key) ?? input(shape);
    inputs.set(key, known);
    return known;
  };
  products.forEach(({ a, b, transposeA = false, transposeB = false }, place) => {
    // a factor 1 + place·2⁻²⁰ keeps equal products apart
    const made = product(g, factor("left", a), factor("right", b), { transposeA, transposeB, alpha: 1 + place * 2 ** -20 });
    // one number of each product is looked at: whole outputs would be copied out
    const axes = made.shape.map((_, axis) => axis);
    const corner = [g.integers(...axes.map(() => 0)), g.integers(...axes.map(() => 1)), g.integers(...axes)];
    g.output(
      `corner${place}`,
      g.node(
        "Slice",
        [made, ...corner],
        axes.map(() => 1),
      ),
    );
  });
  return { session: await executor.load(g.graph()), feeds };
}
