import { isTributaryError } from "@tributary/errors";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Optimiser } from "../optimisers/optimiser.ts";
import { parameterCount, parameterShapes } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { initialParameters } from "./initial-parameters.ts";
import { decodeModel, encodeModel } from "./model-file.ts";
import { decodeOptimiserState, encodeOptimiserState } from "./optimiser-file.ts";
import { writeTensors } from "./safetensors.ts";

const spec: ModelSpec = modelSpec({
  items: 7,
  length: 5,
  width: 4,
  blocks: 1,
  heads: 1,
  feedForward: 2,
  activation: "relu",
  positions: "learned",
  actions: 3,
  timeGaps: 2,
  nextItem: { loss: "softmax", negatives: 0, calibration: 0 },
  weights: { nextItem: 1000, nextAction: 100, churn: 0, purchase: 0 },
});

/** A stream that a counter determines. */
function counting(start = 0) {
  let next = start;
  return {
    fill(out: Uint8Array) {
      for (let i = 0; i < out.length; i++) out[i] = Math.imul(next++, 2654435761) >>> 24;
    },
  };
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isTributaryError(error) ? error.code : `uncoded: ${error}`;
  }
  return "none";
}

describe("a model's file", () => {
  const parameters = initialParameters(spec, counting());

  it("gives back every float32 bit, whatever the values", () => {
    const floats = fc.float32Array({
      minLength: parameterCount(spec),
      maxLength: parameterCount(spec),
      noNaN: true,
      noDefaultInfinity: true,
    });
    fc.assert(
      fc.property(floats, (values) => {
        expect(decodeModel(spec, Buffer.from(encodeModel(spec, values)))).toEqual(values); // whose slice does not copy
        expect(decodeModel(spec, encodeModel(spec, values))).toEqual(values);
      }),
      { numRuns: 20 },
    );
  });

  it("is safetensors: a length, a JSON header in the order of the spec, and the bytes without gaps", () => {
    const file = encodeModel(spec, parameters);
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
    expect(Object.keys(header)).toEqual(["__metadata__", ...parameterShapes(spec).map(({ name }) => name)]);
    expect(header["item.weight"]).toEqual({ dtype: "F32", shape: [7, 4], data_offsets: [0, 112] });
    expect(length % 8).toBe(0);
    expect(file.length).toBe(8 + length + 4 * parameters.length);
  });

  it("has one form only: any other header of the same content is refused", () => {
    const file = encodeModel(spec, parameters);
    const spaced = file.slice();
    const text = new TextDecoder().decode(file.subarray(8));
    const comma = text.indexOf(",");
    spaced.set(new TextEncoder().encode(" "), 8 + comma); // a space for a comma: no JSON any more
    expect(codeOf(() => decodeModel(spec, spaced))).toBe("TRB_MODEL_FILE_MALFORMED");
    expect(codeOf(() => decodeModel(spec, file.subarray(0, file.length - 1)))).toBe("TRB_MODEL_FILE_MALFORMED");
    expect(codeOf(() => decodeModel(spec, new Uint8Array(3)))).toBe("TRB_MODEL_FILE_MALFORMED");
    const long = file.slice();
    new DataView(long.buffer).setBigUint64(0, 2n ** 60n, true);
    expect(codeOf(() => decodeModel(spec, long))).toBe("TRB_MODEL_FILE_MALFORMED");
  });

  it("cut anywhere or with any byte of its header changed, it is refused with a code or reads as the same numbers", () => {
    const file = encodeModel(spec, parameters);
    const length = Number(new DataView(file.buffer).getBigUint64(0, true));
    fc.assert(
      fc.property(fc.nat(8 + length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const broken = file.slice();
        broken[place] = (broken[place] ?? 0) ^ change;
        const code = codeOf(() => decodeModel(spec, broken));
        expect(code === "none" || code.startsWith("TRB_MODEL_")).toBe(true);
      }),
    );
  });

  it("of another spec is refused, naming the tensor and both shapes", () => {
    const file = encodeModel(spec, parameters);
    try {
      decodeModel({ ...spec, items: 8 }, file);
      expect.unreachable();
    } catch (error) {
      if (!isTributaryError(error)) throw error;
      expect(error.code).toBe("TRB_MODEL_TENSOR_SHAPE");
      expect(error.details).toEqual({ tensor: "item.weight", found: "7, 4", expected: "8, 4" });
    }
    expect(codeOf(() => decodeModel({ ...spec, blocks: 2 }, file))).toBe("TRB_MODEL_TENSOR_MISSING");
    expect(
      codeOf(() =>
        decodeModel({ ...spec, actions: 0, weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 } }, file),
      ),
    ).toBe("TRB_MODEL_TENSOR_UNEXPECTED");
    expect(codeOf(() => encodeModel(spec, parameters.subarray(1)))).toBe("TRB_MODEL_LENGTH_MISMATCH");
  });

  it("never holds a value that is not finite", () => {
    const poisoned = parameters.slice();
    poisoned[30] = Number.NaN;
    expect(codeOf(() => encodeModel(spec, poisoned))).toBe("TRB_MODEL_NOT_FINITE");
    const file = encodeModel(spec, parameters);
    new DataView(file.buffer).setFloat32(file.length - 4 * parameters.length + 4 * 30, Number.POSITIVE_INFINITY, true);
    expect(codeOf(() => decodeModel(spec, file))).toBe("TRB_MODEL_NOT_FINITE");
  });

  it("in float64 is refused", () => {
    const tensors = parameterShapes(spec).map(({ name, shape }) => ({ name, shape, dtype: "F64" as const }));
    const file = writeTensors({ tensors, metadata: {}, data: new Uint8Array(8 * parameters.length) });
    expect(codeOf(() => decodeModel(spec, file))).toBe("TRB_MODEL_TENSOR_TYPE");
  });
});

describe("round 0", () => {
  it("is the same from the same stream, and another from another", () => {
    expect(initialParameters(spec, counting())).toEqual(initialParameters(spec, counting()));
    expect(initialParameters(spec, counting(9))).not.toEqual(initialParameters(spec, counting()));
  });

  it("has item vectors and block weights of the stated deviation, gains of one, and zeros elsewhere", () => {
    const wide = { ...spec, items: 2000 };
    const values = initialParameters(wide, counting());
    let begin = 0;
    for (const { name, shape } of parameterShapes(wide)) {
      const size = shape.reduce((a, b) => a * b, 1);
      const tensor = values.subarray(begin, (begin += size));
      const deviation = Math.sqrt(tensor.reduce((sum, x) => sum + x * x, 0) / size);
      // 8,000 uniform numbers: their deviation is within 5 % but for a chance far below 1e-9
      if (name === "item.weight") expect(Math.abs(deviation / 0.1 - 1)).toBeLessThan(0.05);
      else if (name.startsWith("block") && name.endsWith(".weight")) expect(deviation).toBeGreaterThan(0);
      else if (name.endsWith(".gain")) expect(tensor.every((x) => x === 1)).toBe(true);
      else expect(tensor.every((x) => x === 0)).toBe(true);
    }
  });
});

describe("the optimiser's state", () => {
  const adam: Optimiser = { name: "fedadam", learningRate: 0.1, beta1: 0.9, beta2: 0.99, epsilon: 1e-8 };
  const state = { name: "fedadam", steps: 3, first: Float64Array.of(0.1, -1e-300), second: Float64Array.of(2, 1 / 3) } as const;

  it("survives a restart to the bit", () => {
    expect(decodeOptimiserState(adam, encodeOptimiserState(state))).toEqual(state);
  });

  it("of another optimiser, or not finite, is refused", () => {
    const avg: Optimiser = { name: "fedavg", learningRate: 1, momentum: 0 };
    expect(codeOf(() => decodeOptimiserState(avg, encodeOptimiserState(state)))).toBe("TRB_MODEL_OPTIMISER_STATE");
    const poisoned = encodeOptimiserState({ ...state, first: Float64Array.of(Number.NaN, 0) });
    expect(codeOf(() => decodeOptimiserState(adam, poisoned))).toBe("TRB_MODEL_OPTIMISER_STATE");
  });
});
