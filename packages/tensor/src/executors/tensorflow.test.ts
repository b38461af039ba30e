/** What is TensorFlow.js' own: its memory, its backends, and what it says when one is missing. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as tf from "@tensorflow/tfjs-core";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/builder.ts";
import * as operations from "../graph/operations.ts";
import { recurrentGraph, trainingFeeds, trainingGraph } from "./conformance-cases.ts";
import { tensorflowExecutor } from "./tensorflow.ts";

test("no tensor is left behind by a run, by one that failed, or by a closed session", async () => {
  const executor = await tensorflowExecutor({ backend: "wasm" });
  const before = tf.memory().numTensors;
  for (const graph of [trainingGraph(1000), recurrentGraph("lstm")]) {
    const feeds = trainingFeeds(graph, { customers: 3, positions: 4 });
    const session = await executor.load(graph);
    for (let run = 0; run < 3; run++) {
      await session.run(feeds);
      expect(tf.memory().numTensors).toBe(before);
    }
    await session.close();
  }
  const g = new GraphBuilder("late");
  g.output("y", g.node("MatMul", [operations.scaled(g, g.input("a", ["A", 2]), 2), g.input("b", ["B", 2])], ["A", 2]));
  const late = await executor.load(g.graph());
  const a = { shape: [3, 2], data: new Float32Array(6) };
  await expect(late.run({ a, b: a })).rejects.toMatchObject({ code: "TRB_TENSOR_EXECUTOR_FAILED" });
  expect(tf.memory().numTensors).toBe(before);
});

test("a run is freed while it goes on: at its end it holds a fraction of what it made", async () => {
  const executor = await tensorflowExecutor({ backend: "wasm" });
  const g = new GraphBuilder("chain");
  let x = g.input("x", [1000]);
  for (let step = 0; step < 50; step++) x = operations.plus(g, x, operations.scaled(g, x, step + 2));
  g.output("y", x);
  let most = 0;
  const session = await executor.load(g.graph());
  const multiply = tf.getKernel("Multiply", "wasm");
  const { kernelFunc } = multiply;
  multiply.kernelFunc = (given) => {
    most = Math.max(most, tf.memory().numTensors);
    return kernelFunc(given);
  };
  const before = tf.memory().numTensors;
  await session.run({ x: { shape: [1000], data: new Float32Array(1000) } });
  multiply.kernelFunc = kernelFunc;
  // constants of the graph stay until the last node reads them
  expect(most - before).toBeGreaterThan(0);
  expect(most - before).toBeLessThan(60);
});

test("the native bindings run where they are, and are missed by name where they are asked for and are not", async () => {
  const native = await tensorflowExecutor({ backend: "node" }).catch((error: unknown) => error);
  const expected = { code: "TRB_TENSOR_EXECUTOR_MISSING", details: { package: "@tensorflow/tfjs-node" } };
  const present = { name: "tensorflow-node", precision: "float32" };
  expect(native).toMatchObject(native instanceof Error ? expected : present);
  // without being asked for, they give way
  const any = await tensorflowExecutor();
  expect(any.name).toBe(native instanceof Error ? "tensorflow-wasm" : "tensorflow-node");
});

/** Loads the executor in a process in which `@tensorflow/tfjs-node` is this CommonJS text. @returns what it printed */
function withNativePackage(text: string, options: string): string {
  const folder = mkdtempSync(join(tmpdir(), "tributary-tensorflow-"));
  const file = join(folder, "native.cjs");
  writeFileSync(file, text);
  const script = `
    import { registerHooks } from "node:module";
    import { pathToFileURL } from "node:url";
    const url = pathToFileURL(${JSON.stringify(file)}).href;
    registerHooks({
      resolve: (name, context, next) => (name === "@tensorflow/tfjs-node" ? { url, format: "commonjs", shortCircuit: true } : next(name, context)),
    });
    const { tensorflowExecutor } = await import("./tensorflow.ts");
    await tensorflowExecutor(${options}).then(({ name }) => console.log(name), (error) => console.log(error.code, error.message));
    process.exit(0);
  `;
  const flags = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", script];
  const { stdout, stderr } = spawnSync(process.execPath, flags, { cwd: import.meta.dirname, encoding: "utf8" });
  rmSync(folder, { recursive: true });
  return stdout + stderr;
}

test("native bindings are taken first, with the function that newer versions of Node lack; without their binary they give way", () => {
  const calls = `if (!require("node:util").isNullOrUndefined(null)) throw new Error("no such function"); module.exports = {};`;
  expect(withNativePackage(calls, "{}")).toBe("tensorflow-node\n");
  const unbuilt = `throw new Error("The Node.js native addon module can not be found");`;
  expect(withNativePackage(unbuilt, "{}")).toBe("tensorflow-wasm\n");
  const refused = withNativePackage(unbuilt, '{ backend: "node" }');
  expect(refused).toContain("TRB_TENSOR_EXECUTOR_MISSING");
  expect(refused).toContain("native addon module can not be found");
});
