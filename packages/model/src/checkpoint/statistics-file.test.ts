import { describe, expect, test } from "vitest";
import { parameterCount } from "../parameters.ts";
import { modelSpec } from "../spec.ts";
import { type PairEvidence, type ReleasedStatistics, startStatistics } from "../statistics/rounds.ts";
import { decodeModel, decodeStatistics, encodeModel } from "./model-file.ts";
import { readTensors, writeTensors } from "./safetensors.ts";

const spec = modelSpec({ items: 6, length: 4, width: 2 });
const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => i / 7);
const items = 6;

const evidence: PairEvidence = {
  firsts: Uint32Array.of(1, 1, 3),
  seconds: Uint32Array.of(2, 6, 4),
  weighted: Float32Array.of(0.5, -1, 2),
  precision: Float32Array.of(1, 2, 0),
};
const popularity = Float32Array.of(0.5, 1.5, 1, 1, 0.25, 1.75);
const asking: ReleasedStatistics = {
  released: 2,
  popularity,
  evidence,
  query: { firsts: evidence.firsts, seconds: evidence.seconds, weights: Float32Array.of(1, 0.5, 2) },
};

const code = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    return (error as { code: string }).code;
  }
  return "accepted";
};
const refusal = (statistics: ReleasedStatistics) =>
  code(() => decodeStatistics(encodeModel(spec, parameters, statistics), items));
const withEvidence = (change: Partial<PairEvidence>) => {
  const { query: _, ...rest } = asking;
  return refusal({ ...rest, evidence: { ...evidence, ...change } });
};

describe("a model's file with statistics behind the weights", () => {
  test.each([
    ["before anything is released", startStatistics()],
    ["with a query", asking],
    ["when all is done", { released: 3, popularity, evidence }],
  ])("gives both back as they were, %s", (_, statistics: ReleasedStatistics) => {
    const file = encodeModel(spec, parameters, statistics);
    expect(decodeModel(spec, file)).toEqual(parameters);
    expect(decodeStatistics(file, items)).toEqual(statistics);
    expect(encodeModel(spec, decodeModel(spec, file), decodeStatistics(file, items))).toEqual(file);
    // out of a view into something larger
    const inside = new Uint8Array(file.length + 3);
    inside.set(file, 3);
    expect(decodeStatistics(inside.subarray(3), items)).toEqual(statistics);
  });

  test("is the plain file where a plan releases none", () => {
    const file = encodeModel(spec, parameters);
    expect(decodeStatistics(file, items)).toBeUndefined();
    expect(readTensors(file).tensors.every(({ dtype }) => dtype === "F32")).toBe(true);
  });

  test("is refused when cells are unsorted, twice the same, out of the catalogue, or lists of different lengths", () => {
    expect(withEvidence({})).toBe("accepted");
    for (const change of [
      { firsts: Uint32Array.of(1, 3, 1) },
      { seconds: Uint32Array.of(2, 2, 4) },
      { seconds: Uint32Array.of(1, 6, 4) },
      { seconds: Uint32Array.of(2, 7, 4) },
      { firsts: Uint32Array.of(0, 1, 3) },
      { firsts: Uint32Array.of(2, 1, 3) },
      { seconds: Uint32Array.of(2, 6) },
      { precision: Float32Array.of(1) },
    ]) {
      expect(withEvidence(change)).toBe("TRB_MODEL_FILE_MALFORMED");
    }
    const query = { ...evidence, weights: Float32Array.of(1, 2) };
    expect(refusal({ ...asking, query })).toBe("TRB_MODEL_FILE_MALFORMED");
  });

  test("is refused when the popularity isn't one finite number above 0 for each item", () => {
    for (const bad of [Float32Array.of(1, 1), popularity.map(() => Number.NaN), popularity.map(() => 0)]) {
      expect(refusal({ ...asking, popularity: bad })).toBe("TRB_MODEL_FILE_MALFORMED");
    }
    expect(code(() => decodeStatistics(encodeModel(spec, parameters, asking), items + 1))).toBe("TRB_MODEL_FILE_MALFORMED");
  });

  test("is refused when a statistics tensor is missing, out of place, of another type, or one too many", () => {
    const { tensors, metadata, data } = readTensors(encodeModel(spec, parameters, asking));
    const last = tensors.length - 1;
    const rewritten = (change: (name: string, place: number) => Partial<(typeof tensors)[number]>) =>
      writeTensors({ tensors: tensors.map((one, place) => ({ ...one, ...change(one.name, place) })), metadata, data });
    const read = (file: Uint8Array) => [code(() => decodeModel(spec, file)), code(() => decodeStatistics(file, items))];
    expect(read(rewritten((_, place) => (place === last ? { name: "statistics.other" } : {})))).toEqual([
      "TRB_MODEL_TENSOR_UNEXPECTED",
      "accepted", // to it these are weights, and weights are `decodeModel`'s to refuse
    ]);
    const swapped = [...tensors.slice(0, last - 1), tensors[last], tensors[last - 1]].flatMap((one) => one ?? []);
    expect(read(writeTensors({ tensors: swapped, metadata, data }))[0]).toBe("TRB_MODEL_TENSOR_UNEXPECTED");
    expect(read(rewritten((name) => (name === "statistics.pairs.first" ? { dtype: "F32" } : {})))[1]).toBe(
      "TRB_MODEL_TENSOR_TYPE",
    );
    expect(read(rewritten((name) => (name === "statistics.popularity" ? { dtype: "U32" } : {})))[1]).toBe(
      "TRB_MODEL_TENSOR_TYPE",
    );
  });
});
