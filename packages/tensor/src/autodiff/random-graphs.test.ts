/**
 * Whatever graph is built, a batch's per-customer norms and clipped sum are those of its customers run alone, and gradients are the
 * loss's slopes. Seeds of a failure are printed by fast-check; `pnpm test:long` tries thousands of graphs.
 */
import fc from "fast-check";
import { expect, test } from "vitest";
import { clipNormInput, type GradientPiece } from "../clipping/collect.ts";
import type { FeedTensor, Outputs } from "../executors/executor.ts";
import { interpret } from "../executors/interpreter/interpreter.ts";
import { onnxruntimeExecutor } from "../executors/onnxruntime.ts";
import { buildRandom, feedsFor, type RandomGraph, type Recipe, recipes } from "./random-graphs.fixture.ts";

const long = process.env["TRIBUTARY_LONG"] === "1";
const timeout = long ? 900_000 : 30_000;

type Gradients = ReadonlyMap<string, Float64Array>;

/** All pieces of a run added up, each parameter as one flat array. */
function gradientsOf(pieces: readonly GradientPiece[], outputs: Outputs, feeds: Record<string, FeedTensor>): Gradients {
  const found = new Map<string, Float64Array>();
  for (const piece of pieces) {
    const { shape = [], data } = feeds[piece.parameter] ?? {};
    const sum = found.get(piece.parameter) ?? new Float64Array(data?.length ?? 0);
    found.set(piece.parameter, sum);
    const values = outputs[piece.output]?.data ?? [];
    if (piece.kind === "dense") {
      for (const [i, before] of sum.entries()) sum[i] = before + (values[piece.offset + i] ?? Number.NaN);
      continue;
    }
    const width = shape[1] ?? 1;
    for (const [place, id] of (feeds[piece.ids] ?? outputs[piece.ids])?.data.entries() ?? []) {
      for (let j = 0; id > 0 && j < width; j++) {
        const i = (id - 1) * width + j;
        sum[i] = (sum[i] ?? Number.NaN) + (values[place * width + j] ?? Number.NaN);
      }
    }
  }
  return found;
}

const lengthOf = (gradients: Gradients) => Math.hypot(...[...gradients.values()].flatMap((gradient) => [...gradient]));

/** One customer run alone: its gradient, and by what its clipped gradient is longer than C would allow. */
interface Alone {
  readonly gradients: Gradients;
  readonly norm: number;
  /** max(norm, magnitude/4), by which the clip factor divides C. */
  readonly divisor: number;
}

const tiny = 1e-12;

function runAlone(recipe: Recipe, plain: RandomGraph, clipped: RandomGraph, customer: number): Alone {
  const feeds = feedsFor(recipe, plain.graph, [customer]);
  const gradients = gradientsOf(plain.pieces, interpret(plain.graph, feeds), feeds);
  const norm = lengthOf(gradients);
  // with a C below everything, the clipped gradient is C/divisor times the gradient
  const fed = { ...feedsFor(recipe, clipped.graph, [customer]), [clipNormInput]: { shape: [], data: Float64Array.of(tiny) } };
  const short = lengthOf(gradientsOf(clipped.pieces, interpret(clipped.graph, fed), fed));
  return { gradients, norm, divisor: norm === 0 ? 0 : (tiny * norm) / short };
}

const everyone = ({ customers }: Recipe) => Array.from({ length: customers }, (_, customer) => customer);

/** What a batch should give, from its customers run alone in float64. */
function expectedOf(recipe: Recipe, plain: RandomGraph, clipped: RandomGraph) {
  const alone = everyone(recipe).map((customer) => runAlone(recipe, plain, clipped, customer));
  const sum = new Map<string, Float64Array>();
  for (const { gradients, divisor } of alone) {
    const factor = Math.min(1, recipe.clip / Math.max(divisor, 1e-20));
    for (const [name, gradient] of gradients) {
      const before = sum.get(name) ?? new Float64Array(gradient.length);
      sum.set(
        name,
        before.map((value, i) => value + factor * (gradient[i] ?? 0)),
      );
    }
  }
  return { alone, sum };
}

/** The largest difference, relative to the largest magnitude expected or 1. */
function furthest(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  const values = Array.from(expected);
  const unit = Math.max(1, ...values.map(Math.abs));
  const distance = values.map((value, i) => Math.abs((found[i] ?? Number.NaN) - value));
  return distance.some(Number.isNaN) || found.length !== values.length ? Number.NaN : Math.max(0, ...distance) / unit;
}

function expectClose(
  outputs: Outputs,
  sums: Gradients,
  { alone, sum }: ReturnType<typeof expectedOf>,
  tolerance: number,
): void {
  // squares: where a gradient cancels to nothing, its norm is the root of a rounding error
  const squares = (norms: ArrayLike<number>) => Array.from(norms, (norm) => norm ** 2);
  expect(furthest(squares(outputs["norm"]?.data ?? []), squares(alone.map(({ norm }) => norm)))).toBeLessThan(tolerance);
  expect([...sums.keys()].sort()).toEqual([...sum.keys()].sort());
  for (const [name, expected] of sum) expect(furthest(sums.get(name) ?? [], expected), name).toBeLessThan(tolerance);
}

test("in float64, norms and clipped sums are those of customers run alone", { timeout }, () => {
  fc.assert(
    fc.property(recipes, (recipe) => {
      const [plain, clipped] = [buildRandom(recipe, false), buildRandom(recipe, true)];
      const expected = expectedOf(recipe, plain, clipped);
      for (const { norm, divisor } of expected.alone) expect(divisor).toBeGreaterThan(norm * (1 - 1e-6) - 1e-12);
      const feeds = feedsFor(recipe, clipped.graph, everyone(recipe));
      const outputs = interpret(clipped.graph, feeds);
      expectClose(outputs, gradientsOf(clipped.pieces, outputs, feeds), expected, 1e-9);
    }),
    { numRuns: long ? 4000 : 100 },
  );
});

/**
 * Layer normalisation of two or three numbers turns them into little more than their signs: its gradient is what is left of terms that cancel, times
 * an inverse deviation of up to 316, so that float32's 6e-8 can become 1e-4 (seed -1623274893, path 831:2:2:1:2:2:6:5:5:5:7:7:7:9).
 */
const float32Tolerance = ({ heads, headWidth, blocks, decoder }: Recipe): number =>
  heads * headWidth < 4 && [...blocks, ...decoder].some(({ kind }) => kind === "norm") ? 1e-3 : 1e-4;

test("in float32 by ONNX Runtime, they are the same to 1e-4, and to 1e-3 where few numbers are normalised", {
  timeout,
}, async () => {
  const executor = onnxruntimeExecutor();
  await fc.assert(
    fc.asyncProperty(recipes, async (recipe) => {
      const [plain, clipped] = [buildRandom(recipe, false), buildRandom(recipe, true)];
      const feeds = feedsFor(recipe, clipped.graph, everyone(recipe));
      const session = await executor.load(clipped.graph);
      const outputs = await session.run(feeds);
      await session.close();
      expectClose(
        outputs,
        gradientsOf(clipped.pieces, outputs, feeds),
        expectedOf(recipe, plain, clipped),
        float32Tolerance(recipe),
      );
    }),
    { numRuns: long ? 1000 : 25 },
  );
});

test("gradients are the loss's slopes along a random direction of all parameters", { timeout }, () => {
  fc.assert(
    fc.property(recipes, (recipe) => {
      const { graph, pieces } = buildRandom(recipe, false);
      const feeds = feedsFor(recipe, graph, everyone(recipe));
      const gradients = gradientsOf(pieces, interpret(graph, feeds), feeds);
      const along = new Map(
        [...gradients].map(([name, gradient]) => [name, gradient.map((_, i) => Math.sin(i * 1.3 + name.length + recipe.seed))]),
      );
      let expected = 0;
      for (const [name, direction] of along) {
        for (const [i, value] of gradients.get(name)?.entries() ?? []) expected += value * (direction[i] ?? Number.NaN);
      }
      const lossAt = (shift: number) => {
        const moved = Object.fromEntries(
          [...along].map(([name, direction]) => {
            const { shape = [], data = [] } = feeds[name] ?? {};
            return [name, { shape, data: direction.map((value, i) => (data[i] ?? Number.NaN) + shift * value) }];
          }),
        );
        return Array.from(interpret(graph, { ...feeds, ...moved })["loss"]?.data ?? []).reduce((a, b) => a + b, 0);
      };
      // a kink of a relu may lie within a step, but not within every one
      const misses = [1e-5, 1e-6, 1e-7].map((step) => {
        const slope = (lossAt(step) - lossAt(-step)) / (2 * step);
        return Math.abs(slope - expected) / Math.max(1, Math.abs(expected));
      });
      expect(Math.min(...misses)).toBeLessThan(1e-6);
    }),
    { numRuns: long ? 3000 : 80 },
  );
});
