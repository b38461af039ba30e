/** What is ONNX Runtime's own: rows that depend on nobody, silence about what was fed, and a binary that may be absent. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/builder.ts";
import * as operations from "../graph/operations.ts";
import type { Tensor } from "../graph/types.ts";
import { numbers } from "./conformance-cases.ts";
import { onnxruntimeExecutor } from "./onnxruntime.ts";

/**
 * What the bucketed arithmetic leans on: a row's result does not depend, to the bit, on how many rows there are or where it lies,
 * for the products and activations that the graphs use. (It does for single rows and single columns, which they never use.)
 */
test.each([
  [
    "Gemm",
    (g: GraphBuilder, a: Tensor, b: Tensor) => operations.affine(g, a, b, g.constant(Array.from({ length: 16 }, () => 0.1))),
  ],
  ["MatMul", (g: GraphBuilder, a: Tensor, b: Tensor) => operations.product(g, a, b)],
  ["FusedMatMul", (g: GraphBuilder, a: Tensor, b: Tensor) => operations.product(g, a, b, { transposeB: true })],
  [
    "a product with two columns",
    (g: GraphBuilder, a: Tensor, b: Tensor) => operations.product(g, a, operations.slice(g, b, 1, 0, 2, 2)),
  ],
  ["Softmax", (g: GraphBuilder, a: Tensor) => operations.softmaxOf(g, a)],
  ["Gelu", (g: GraphBuilder, a: Tensor) => operations.gaussianRectified(g, a)],
  ["row sums", (g: GraphBuilder, a: Tensor) => operations.sumOver(g, a, [-1], true)],
])("%s: a row does not depend on the rows beside it", async (_, build) => {
  const g = new GraphBuilder("rows");
  const [a, b] = [g.input("a", ["M", 16]), g.input("b", [16, 16])];
  g.output("y", build(g, a, b));
  const session = await onnxruntimeExecutor().load(g.graph());
  const all = numbers(64 * 16, 3);
  const square = { shape: [16, 16], data: numbers(256, 4) };
  const run = async (start: number, rows: number) =>
    (await session.run({ a: { shape: [rows, 16], data: all.slice(start * 16, (start + rows) * 16) }, b: square }))["y"]?.data ??
    new Float32Array();
  const whole = await run(0, 64);
  const width = whole.length / 64;
  for (let rows = 2; rows <= 30; rows++) {
    for (const start of [0, 1, 7]) expect(await run(start, rows)).toEqual(whole.slice(start * width, (start + rows) * width));
  }
  await session.close();
});

/** Runs a script beside this file in a process of its own. @returns everything that it printed, on either stream */
function inProcess(script: string, env: NodeJS.ProcessEnv = {}): string {
  const arguments_ = ["--disable-warning=ExperimentalWarning", "--input-type=module", "--eval", `${script}\nprocess.exit(0);`];
  const { stdout, stderr } = spawnSync(process.execPath, arguments_, {
    cwd: import.meta.dirname,
    encoding: "utf8",
    env: { ...process.env, NODE_OPTIONS: "", ...env },
  });
  return stdout + stderr;
}

const outside = `
  const { GraphBuilder } = await import("../graph/builder.ts");
  const { gatherRows } = await import("../graph/operations.ts");
  const g = new GraphBuilder("outside");
  g.output("y", gatherRows(g, g.input("table", [3, 2]), g.input("ids", ["N"], "int32")));
  const feeds = { table: { shape: [3, 2], data: new Float32Array(6) }, ids: { shape: [1], data: Int32Array.of(4711) } };
  const attempt = (executor) => executor.load(g.graph()).then((session) => session.run(feeds)).catch((error) => console.log(error.code, error.message));
`;

test.each(["onnxruntime.ts", "onnxruntime-web.ts"])("%s: a run that fails prints nothing of what was fed", (file) => {
  const maker = file === "onnxruntime.ts" ? "onnxruntimeExecutor" : "onnxruntimeWebExecutor";
  const printed = inProcess(`${outside}\nawait attempt((await import("./${file}")).${maker}());`);
  expect(printed).toContain("TRB_TENSOR_EXECUTOR_FAILED");
  expect(printed).not.toContain("4711");
});

test("the library's telemetry is off before it is loaded: it leaves no file of it in the temporary folder", () => {
  const folder = mkdtempSync(join(tmpdir(), "tributary-telemetry-"));
  try {
    const script = `${outside}\nawait attempt((await import("./onnxruntime.ts")).onnxruntimeExecutor());`;
    expect(inProcess(script, { TMPDIR: folder, ORT_DISABLE_TELEMETRY: "0" })).toContain("TRB_TENSOR_EXECUTOR_FAILED");
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test("a machine without the binary learns it from a coded error that names the package", () => {
  const printed = inProcess(`
    import { registerHooks } from "node:module";
    registerHooks({
      resolve(specifier, context, next) {
        if (specifier === "onnxruntime-node") throw new Error("Cannot find the binary of this platform");
        return next(specifier, context);
      },
    });
    ${outside}
    await attempt((await import("./onnxruntime.ts")).onnxruntimeExecutor());
  `);
  expect(printed).toContain("TRB_TENSOR_EXECUTOR_MISSING");
  expect(printed).toContain("onnxruntime-node: Cannot find the binary");
});
