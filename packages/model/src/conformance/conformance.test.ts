/**
 * The models against PyTorch: `test/vectors/models.json`, made by PyTorch's own modules and autograd in float64 (the file names its
 * source), on every executor.
 */
import { readFileSync } from "node:fs";
import { float64Interpreter } from "@tributary/tensor";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { onnxruntimeWebExecutor } from "@tributary/tensor/onnxruntime-web";
import { tensorflowExecutor } from "@tributary/tensor/tensorflow";
import { describe, expect, test } from "vitest";
import { conformance, conformanceTolerance } from "./conformance.ts";
import type { GoldenCase } from "./golden-case.ts";

const vectors: { readonly cases: readonly GoldenCase[] } = JSON.parse(
  readFileSync(new URL("../../../../test/vectors/models.json", import.meta.url), "utf8"),
);
const { cases } = vectors;

const executors = [float64Interpreter(), onnxruntimeExecutor(), onnxruntimeWebExecutor(), await tensorflowExecutor()];

describe.each(executors)("on $name", (executor) => {
  test.each(cases)("$name: hidden states, losses, norms and the clipped sum are PyTorch's", async (golden) => {
    const [result] = await conformance([golden], [executor]);
    expect(result).toMatchObject({ name: golden.name, executor: executor.name });
    expect(result?.float32.maxError).toBeLessThan(conformanceTolerance.float32);
    if (executor.precision === "float64") expect(result?.float64?.maxError).toBeLessThan(conformanceTolerance.float64);
    else expect(result).not.toHaveProperty("float64");
  });
});
