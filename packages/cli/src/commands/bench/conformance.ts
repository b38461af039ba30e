/** `tributary bench conformance`: every model family on every executor, held to golden vectors of another implementation. */
import { fail, isTributaryError } from "@tributary/errors";
import { type ConformanceResult, conformance, conformanceTolerance, type GoldenCase } from "@tributary/model";
import { type Executor, float64Interpreter } from "@tributary/tensor";
import { type Command, Option } from "commander";
import { z } from "zod";
import { readJson } from "../../files.ts";
import { jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

const list = z.array(z.number());
const rows = z.array(list);
const parameters = z.record(z.string(), z.union([list, rows]));

/** The shape of test/vectors/models.json, as far as it is read; more keys may stand beside these. */
const vectors = z.object({
  cases: z
    .array(
      z.object({
        name: z.string().min(1).max(200),
        config: z.object({
          items: z.int().positive(),
          width: z.int().positive(),
          length: z.int().positive(),
          feedForward: z.int().positive(),
          layerNormEpsilon: z.number(),
          blocks: z.int().positive().optional(),
          heads: z.int().positive().optional(),
          activation: z.enum(["relu", "gelu"]).optional(),
          positions: z.enum(["learned", "sinusoidal"]).optional(),
          steps: z.int().positive().optional(),
        }),
        inputs: z.object({
          items: rows,
          targets: rows,
          decoderItems: rows.optional(),
          negatives: list.optional(),
          logCorrection: list.optional(),
        }),
        parameters,
        hidden: z.array(rows),
        losses: list,
        gradientNorms: list,
        clipNorm: z.number().positive(),
        clippedSum: parameters,
      }),
    )
    .min(1),
});

/** @throws TRB_CLI_FILE_NOT_FOUND, TRB_CLI_FILE_UNREADABLE, TRB_CLI_NOT_JSON, TRB_CLI_VECTORS_INVALID */
function readVectors(file: string): readonly GoldenCase[] {
  const parsed = vectors.safeParse(readJson(file));
  if (parsed.success) return parsed.data.cases;
  const [issue] = parsed.error.issues;
  const key = z.core.toDotPath(issue?.path ?? []) || "the document";
  throw fail("TRB_CLI_VECTORS_INVALID", { file, key, reason: issue?.message ?? "it has another shape" });
}

const executorNames = ["interpreter", "onnxruntime", "onnxruntime-web", "tensorflow", "tensorflow-node", "tensorflow-wasm"];

/** Opens an executor by name; its library is loaded with it, so that nobody waits for those that are not asked for. */
async function openExecutor(name: string): Promise<Executor> {
  if (name === "interpreter") return float64Interpreter();
  if (name === "onnxruntime") return (await import("@tributary/tensor/onnxruntime")).onnxruntimeExecutor();
  if (name === "onnxruntime-web") return (await import("@tributary/tensor/onnxruntime-web")).onnxruntimeWebExecutor();
  const { tensorflowExecutor } = await import("@tributary/tensor/tensorflow");
  return tensorflowExecutor(
    name === "tensorflow-node" ? { backend: "node" } : name === "tensorflow-wasm" ? { backend: "wasm" } : {},
  );
}

/** @throws TRB_CLI_VECTORS_INVALID, naming the file, for a case that does not fit together */
async function run(
  file: string,
  cases: readonly GoldenCase[],
  names: readonly string[],
): Promise<readonly ConformanceResult[]> {
  const executors: Executor[] = [];
  for (const name of names) executors.push(await openExecutor(name));
  try {
    return await conformance(cases, executors);
  } catch (error) {
    if (!isTributaryError(error) || error.code !== "TRB_MODEL_VECTORS_UNFIT") throw error;
    const { case: name, key, expected, found } = error.details;
    const reason = `it is ${found}, where ${expected} is needed`;
    throw fail("TRB_CLI_VECTORS_INVALID", { file, key: `${key} of case ${name}`, reason }, error);
  }
}

export function addConformance(bench: Command): void {
  bench
    .command("conformance")
    .description("hidden states, losses, norms and clipped sums of every model on every executor, against golden vectors")
    .requiredOption("--vectors <file>", "golden vectors, in the shape of test/vectors/models.json")
    .addOption(new Option("--executor <name>", "one executor instead of all").choices(executorNames))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExits with 1 when an error is above 1e-10 in float64 or 1e-5 in float32.\n\nExample:\n  tributary bench conformance --vectors test/vectors/models.json --json",
    )
    .action(async (options: { vectors: string; executor?: string; json?: boolean }) => {
      const names = options.executor ? [options.executor] : ["interpreter", "onnxruntime", "onnxruntime-web", "tensorflow"];
      const cases = await run(options.vectors, readVectors(options.vectors), names);
      const within = cases.every(
        ({ float64, float32 }) =>
          (float64?.maxError ?? 0) <= conformanceTolerance.float64 && float32.maxError <= conformanceTolerance.float32,
      );
      if (!within) process.exitCode = 1;
      print(options.json, { ok: within, tolerance: conformanceTolerance, cases }, () =>
        table([
          ["case", "executor", "float64", "float32"],
          ...cases.map(({ name, executor, float64, float32 }) => [
            name,
            executor,
            float64 ? float64.maxError.toExponential(1) : "",
            float32.maxError.toExponential(1),
          ]),
        ]),
      );
    });
}
