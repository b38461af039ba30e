/**
 * Runs graphs with ONNX Runtime for Node, one thread a session, so that how many workers there are changes no bit.
 * The only file of the room that knows Node or ONNX Runtime.
 */
import { fail } from "@tributary/errors";
import "./without-telemetry.ts";
import * as ort from "onnxruntime-node";
import type { Graph } from "../graph/types.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { checkFeeds, type Executor, type FeedTensor, type OutputTensor, type Session } from "./executor.ts";

const sessionOptions: ort.InferenceSession.SessionOptions = {
  executionProviders: ["cpu"],
  intraOpNumThreads: 1,
  interOpNumThreads: 1,
  graphOptimizationLevel: "all",
  logSeverityLevel: 3,
  enableMemPattern: false,
};

export function onnxruntimeExecutor(): Executor {
  return {
    name: "onnxruntime",
    precision: "float32",
    load: (graph) => openSession(graph),
  };
}

async function openSession(graph: Graph): Promise<Session> {
  let session: ort.InferenceSession | undefined;
  try {
    session = await ort.InferenceSession.create(encodeOnnx(graph), sessionOptions);
  } catch (cause) {
    throw fail("TRB_TENSOR_EXECUTOR_FAILED", { action: "load", graph: graph.name }, cause);
  }
  const tensors = new WeakMap<FeedTensor, ort.Tensor>();
  const tensorOf = (feed: FeedTensor): ort.Tensor => {
    const known = tensors.get(feed);
    if (known) return known;
    const made =
      feed.data instanceof Int32Array
        ? new ort.Tensor("int32", feed.data, feed.shape)
        : new ort.Tensor("float32", feed.data instanceof Float32Array ? feed.data : Float32Array.from(feed.data), feed.shape);
    // a float64 feed was copied: a later change of its data would not be seen
    if (!(feed.data instanceof Float64Array)) tensors.set(feed, made);
    return made;
  };
  return {
    async run(feeds) {
      if (session === undefined) throw fail("TRB_TENSOR_SESSION_CLOSED", { graph: graph.name });
      checkFeeds(graph.inputs, feeds);
      const fed: Record<string, ort.Tensor> = {};
      for (const { name } of graph.inputs) {
        const feed = feeds[name];
        if (feed) fed[name] = tensorOf(feed);
      }
      let results: ort.InferenceSession.OnnxValueMapType;
      try {
        results = await session.run(fed);
      } catch (cause) {
        throw fail("TRB_TENSOR_EXECUTOR_FAILED", { action: "run", graph: graph.name }, cause);
      }
      const outputs: Record<string, OutputTensor> = {};
      for (const [name, { dims, data }] of Object.entries(results)) {
        if (!(data instanceof Float32Array)) throw fail("TRB_TENSOR_EXECUTOR_FAILED", { action: "read", graph: graph.name });
        outputs[name] = { shape: dims, data };
      }
      return outputs;
    },
    async close() {
      const open = session;
      session = undefined;
      await open?.release();
    },
  };
}
