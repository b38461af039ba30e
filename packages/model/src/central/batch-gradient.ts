/**
 * The summed gradient of some examples, added to a flat vector: examples run together where their histories are of like length,
 * so that little of a run is padding.
 */
import type { Histories } from "@tributary/events/histories";
import type { FeedTensor, GradientPiece, Outputs, Session } from "@tributary/tensor";
import { type GraphParameter, sizeOf } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import { type Example, exampleFeeds, inputsOf } from "../training/examples/examples.ts";

/**
 * What a batch's loss is the mean of: its customers, each of whom is the mean of its positions (as in private training, where a
 * customer's vector is clipped), or its positions, whoever they belong to (as SASRec is published).
 */
export type Weighting = "customer" | "position";

/** Padded positions that a run may have beyond those of its examples. */
const spareTokens = 96;
/** Positions of a run, so that its scores stay in the cache's reach. */
const mostTokens = 2048;

/** A graph that is loaded, with the feeds that all its runs share. */
export interface LoadedGraph {
  readonly session: Session;
  readonly pieces: readonly GradientPiece[];
}

/** What a batch's examples add up to. */
export interface BatchTotals {
  /** Sum of the weighted losses. */
  loss: number;
  /** What gradient and loss must be divided by to become means: customers or positions. */
  weight: number;
}

/** Examples in the order and groups in which they run: longest first. The groups depend on the examples alone. */
export function runsOf(examples: readonly Example[]): readonly (readonly Example[])[] {
  const sorted = examples.toSorted((a, b) => inputsOf(b) - inputsOf(a) || a.begin - b.begin);
  const runs: Example[][] = [];
  let [length, spare] = [0, 0];
  for (const example of sorted) {
    const inputs = inputsOf(example);
    const run = runs.at(-1);
    spare += length - inputs;
    if (run && spare <= spareTokens && (run.length + 1) * length <= mostTokens) run.push(example);
    else {
      runs.push([example]);
      [length, spare] = [inputs, 0];
    }
  }
  return runs;
}

/**
 * Runs the examples and adds their gradient to `total`.
 * @param total [dimension]
 * @param common feeds that do not depend on the examples: parameters, negatives
 */
export async function addGradient(
  total: Float32Array,
  graph: LoadedGraph,
  batch: {
    readonly spec: ModelSpec;
    readonly layout: ReadonlyMap<string, GraphParameter>;
    readonly histories: Histories;
    readonly examples: readonly Example[];
    readonly common: Readonly<Record<string, FeedTensor>>;
    readonly weighting: Weighting;
  },
): Promise<BatchTotals> {
  const totals: BatchTotals = { loss: 0, weight: 0 };
  for (const run of runsOf(batch.examples)) {
    const length = Math.max(...run.map(inputsOf));
    const own = exampleFeeds(batch.spec, batch.histories, run, length);
    totals.weight += weigh(own, run.length, batch.weighting);
    const feeds = { ...batch.common, ...own };
    const outputs = await graph.session.run(feeds);
    for (const loss of outputs["loss"]?.data ?? []) totals.loss += loss;
    addPieces(total, batch.layout, graph.pieces, outputs, feeds);
  }
  return totals;
}

/**
 * Turns weights that average over each customer's positions into the weighting asked for, and returns what they then add up to.
 * A customer's weights are all equal: 1 over how many there are.
 */
function weigh(feeds: Readonly<Record<string, FeedTensor>>, customers: number, weighting: Weighting): number {
  const weights = feeds["itemWeights"]?.data ?? new Float32Array(0);
  if (weighting === "customer") return customers;
  let positions = 0;
  for (let place = 0; place < weights.length; place++) if ((weights[place] as number) > 0) positions += 1;
  for (const [name, { data }] of Object.entries(feeds)) {
    if (name.endsWith("Weights"))
      for (let place = 0; place < data.length; place++) if ((data[place] as number) > 0) data[place] = 1;
  }
  return positions;
}

function addPieces(
  total: Float32Array,
  layout: ReadonlyMap<string, GraphParameter>,
  pieces: readonly GradientPiece[],
  outputs: Outputs,
  feeds: Readonly<Record<string, FeedTensor>>,
): void {
  for (const piece of pieces) {
    const values = outputs[piece.output]?.data;
    const parameter = layout.get(piece.parameter);
    if (values === undefined || parameter === undefined) continue;
    if (piece.kind === "dense") addDense(total, parameter, values, piece.offset);
    else addRows(total, parameter, values, (feeds[piece.ids] ?? outputs[piece.ids])?.data ?? new Int32Array(0));
  }
}

function addDense(total: Float32Array, { shape, parts }: GraphParameter, values: Float32Array | Float64Array, start: number) {
  const columns = shape.at(-1) ?? 1;
  const rows = sizeOf(shape) / columns;
  let column = 0;
  for (const { offset, width } of parts) {
    for (let row = 0; row < rows; row++) {
      const source = start + row * columns + column;
      const target = offset + row * width;
      for (let j = 0; j < width; j++) total[target + j] = (total[target + j] as number) + (values[source + j] as number);
    }
    column += width;
  }
}

function addRows(
  total: Float32Array,
  { shape, parts }: GraphParameter,
  values: Float32Array | Float64Array,
  ids: FeedTensor["data"],
) {
  const width = shape.at(-1) ?? 1;
  const base = parts[0]?.offset ?? 0;
  for (let place = 0; place < ids.length; place++) {
    const id = ids[place] as number;
    if (id === 0) continue;
    const target = base + (id - 1) * width;
    const source = place * width;
    for (let j = 0; j < width; j++) total[target + j] = (total[target + j] as number) + (values[source + j] as number);
  }
}
