/**
 * Runs graphs with ONNX Runtime compiled to WebAssembly: the same bytes as the native one, on every platform that has no binary of
 * it, and in browsers. One thread, so it needs neither workers of its own nor a page that is isolated from others.
 */
import * as ort from "onnxruntime-web/wasm";
import type { OnnxExecutor } from "./executor.ts";
import { onnxExecutor } from "./onnx-session.ts";

export interface OnnxruntimeWebOptions {
  /**
   * Address, ending in "/", of the folder from which a browser fetches `ort-wasm-simd-threaded.wasm`. Without it the file is looked
   * for beside the script; Node finds it in the package. It counts for the whole page, from the first graph on.
   */
  readonly wasmPaths?: string;
}

export function onnxruntimeWebExecutor(options: OnnxruntimeWebOptions = {}): OnnxExecutor {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.proxy = false;
  if (options.wasmPaths !== undefined) ort.env.wasm.wasmPaths = options.wasmPaths;
  return onnxExecutor("onnxruntime-web", async () => ort, { executionProviders: ["wasm"] });
}
