/**
 * Runs graphs with ONNX Runtime for Node, one thread a session, so that how many workers there are changes no bit.
 * The library and its binary are loaded with the first graph, so that a machine without them learns it from a coded error.
 */
import { fail } from "@tributary/errors";
import "./without-telemetry.ts";
import type { InferenceSession } from "onnxruntime-node";
import type { OnnxExecutor } from "./executor.ts";
import { type OnnxRuntime, onnxExecutor } from "./onnx-session.ts";

const sessionOptions: InferenceSession.SessionOptions = {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
};

export function onnxruntimeExecutor(): OnnxExecutor {
  return onnxExecutor("onnxruntime", openLibrary, sessionOptions);
}

/** @throws TRB_TENSOR_EXECUTOR_MISSING */
async function openLibrary(): Promise<OnnxRuntime> {
  try {
    return await import("onnxruntime-node");
  } catch (cause) {
    const reason = cause instanceof Error ? (cause.message.split("\n")[0] ?? "").slice(0, 200) : "it can't be loaded";
    throw fail("TRB_TENSOR_EXECUTOR_MISSING", { executor: "onnxruntime", package: "onnxruntime-node", reason }, cause);
  }
}
