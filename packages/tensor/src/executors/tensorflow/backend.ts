/**
 * Which TensorFlow.js there is: the bindings to native TensorFlow where somebody installed `@tensorflow/tfjs-node` and it can be
 * loaded, else the WebAssembly backend, which comes with this package.
 */
import { fail } from "@tributary/errors";

export type TensorFlow = typeof import("@tensorflow/tfjs-core");

export interface TensorFlowBackend {
  readonly tf: TensorFlow;
  /** `tensorflow-node` or `tensorflow-wasm`. */
  readonly name: string;
  /** What TensorFlow.js calls it. */
  readonly backend: "tensorflow" | "wasm";
}

export interface TensorFlowOptions {
  /** Takes this one or none; without it, the native one if it can be loaded. */
  readonly backend?: "node" | "wasm";
  /** Address, ending in "/", of the folder with the backend's `.wasm` files; Node finds them in the package. */
  readonly wasmPaths?: string;
}

const nativePackage = "@tensorflow/tfjs-node";

/** @throws TRB_TENSOR_EXECUTOR_MISSING */
export async function openTensorFlow(options: TensorFlowOptions): Promise<TensorFlowBackend> {
  if (options.backend !== "wasm") {
    try {
      return { tf: nativeBindings(), name: "tensorflow-node", backend: "tensorflow" };
    } catch (cause) {
      if (options.backend === "node") throw missing("tensorflow-node", nativePackage, cause);
    }
  }
  try {
    const [tf, wasm] = await Promise.all([import("@tensorflow/tfjs-core"), import("@tensorflow/tfjs-backend-wasm")]);
    if (options.wasmPaths !== undefined) wasm.setWasmPaths(options.wasmPaths);
    if (!(await tf.setBackend("wasm"))) throw new Error("its .wasm file can't be loaded");
    return { tf, name: "tensorflow-wasm", backend: "wasm" };
  } catch (cause) {
    throw missing("tensorflow-wasm", "@tensorflow/tfjs-backend-wasm", cause);
  }
}

/** Throws whatever Node says when the package, its binary, or Node itself is not there. */
function nativeBindings(): TensorFlow {
  const { process } = globalThis;
  const require = process.getBuiltinModule("node:module").createRequire(import.meta.url);
  require.resolve(nativePackage);
  // tfjs-node 4.22 calls a function that Node 23 took away
  const util = process.getBuiltinModule("node:util");
  if (!("isNullOrUndefined" in util)) {
    Object.assign(util, { isNullOrUndefined: (value: unknown) => value === null || value === undefined });
  }
  return require(nativePackage);
}

function missing(executor: string, name: string, cause: unknown) {
  const said = cause instanceof Error ? (cause.message.split("\n")[0] ?? "") : "it can't be loaded";
  const reason = said.startsWith("Cannot find module") ? "it is not installed" : said.slice(0, 200);
  return fail("TRB_TENSOR_EXECUTOR_MISSING", { executor, package: name, reason }, cause);
}
