/** Released statistics as named tensors, in a fixed order, for the federation's model file, and back. */
import { fail } from "@tributary/errors";
import type { ReleasedStatistics } from "./rounds.ts";

export interface StatisticsTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint32Array;
}

const names = {
  released: "statistics.released",
  popularity: "statistics.popularity",
  firsts: "statistics.pairs.first",
  seconds: "statistics.pairs.second",
  weighted: "statistics.pairs.weighted",
  precision: "statistics.pairs.precision",
  weights: "statistics.query.weights",
} as const;

/** Cells of the query are those of the evidence (`nextQuery`, `afterPopularity`), so they are written once. */
export function statisticsTensors({ released, popularity, evidence, query }: ReleasedStatistics): readonly StatisticsTensor[] {
  const tensor = (name: string, data: Float32Array | Uint32Array): StatisticsTensor => ({ name, shape: [data.length], data });
  const empty = new Float32Array(0);
  return [
    tensor(names.released, Uint32Array.of(released)),
    tensor(names.popularity, popularity ?? empty),
    tensor(names.firsts, evidence?.firsts ?? new Uint32Array(0)),
    tensor(names.seconds, evidence?.seconds ?? new Uint32Array(0)),
    tensor(names.weighted, evidence?.weighted ?? empty),
    tensor(names.precision, evidence?.precision ?? empty),
    tensor(names.weights, query?.weights ?? empty),
  ];
}

/**
 * A node reads what it was sent: cells must be ascending pairs of items of the catalogue. Weights may be anything (`pairVector`).
 * @param items how many items the catalogue has
 * @throws TRB_MODEL_TENSOR_MISSING, TRB_MODEL_TENSOR_TYPE, TRB_MODEL_FILE_MALFORMED
 */
export function statisticsOf(tensors: readonly StatisticsTensor[], items: number): ReleasedStatistics {
  const find = (name: string): Float32Array | Uint32Array => {
    const found = tensors.find((tensor) => tensor.name === name);
    if (found === undefined) throw fail("TRB_MODEL_TENSOR_MISSING", { tensor: name, expected: "any length" });
    return found.data;
  };
  const whole = (name: string): Uint32Array => {
    const data = find(name);
    if (!(data instanceof Uint32Array)) throw fail("TRB_MODEL_TENSOR_TYPE", { tensor: name, found: "F32", expected: "U32" });
    return data;
  };
  const real = (name: string): Float32Array => {
    const data = find(name);
    if (!(data instanceof Float32Array)) throw fail("TRB_MODEL_TENSOR_TYPE", { tensor: name, found: "U32", expected: "F32" });
    return data;
  };
  const released = whole(names.released)[0] ?? 0;
  const popularity = real(names.popularity);
  const [firsts, seconds] = [whole(names.firsts), whole(names.seconds)];
  const [weighted, precision, weights] = [real(names.weighted), real(names.precision), real(names.weights)];
  const cells = firsts.length;
  if (popularity.length !== 0 && popularity.length !== items) throw malformed("its popularity is not one number an item");
  if (!popularity.every((p) => p > 0 && p < Number.POSITIVE_INFINITY))
    throw malformed("its popularity is not above 0 throughout");
  if (seconds.length !== cells || weighted.length !== cells || precision.length !== cells)
    throw malformed("its lists of cells are not equally long");
  if (weights.length !== 0 && weights.length !== cells) throw malformed("its query is not about its cells");
  if (!areAscending(firsts, seconds, items)) throw malformed("its cells are not ascending pairs of items of the catalogue");
  if (popularity.length === 0) return { released };
  const evidence = { firsts, seconds, weighted, precision };
  return weights.length === 0
    ? { released, popularity, evidence }
    : { released, popularity, evidence, query: { firsts, seconds, weights } };
}

function areAscending(firsts: Uint32Array, seconds: Uint32Array, items: number): boolean {
  let [i, j] = [0, 0];
  for (let c = 0; c < firsts.length; c++) {
    const [first, second] = [firsts[c] as number, seconds[c] as number];
    if (first < 1 || first >= second || second > items || first < i || (first === i && second <= j)) return false;
    [i, j] = [first, second];
  }
  return true;
}

const malformed = (reason: string) => fail("TRB_MODEL_FILE_MALFORMED", { reason });
