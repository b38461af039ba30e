/** What the two builds of ONNX Runtime, native and wasm, have in common: a session over the bytes of a graph. */
import { fail } from "@tributary/errors";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-web";
import type { DataType, Graph, GraphNode, Tensor } from "../graph/types.ts";
import { encodeOnnx } from "../onnx/encode.ts";
import { checkFeeds, checkGraph, type FeedTensor, type OnnxExecutor, type OutputTensor, type Session } from "./executor.ts";
import { operators } from "./interpreter/operators.ts";

/** The part of ONNX Runtime that is used here. */
export type OnnxRuntime = Pick<typeof import("onnxruntime-web"), "InferenceSession" | "Tensor">;

/** Only what ends the process is written to stderr: the library's other messages quote what was fed, such as a person's item. */
const quiet = { logSeverityLevel: 4 } as const;

interface Loaded {
  readonly name: string;
  readonly executor: string;
  readonly inputs: readonly Tensor[];
  /** None where the graph came as a file. */
  readonly nodes: readonly GraphNode[];
}

/** @param open gives the library, or throws TRB_TENSOR_EXECUTOR_MISSING */
export function onnxExecutor(
  name: string,
  open: () => Promise<OnnxRuntime>,
  options: InferenceSession.SessionOptions,
): OnnxExecutor {
  const sessionOptions = { ...options, ...quiet, graphOptimizationLevel: "all", enableMemPattern: false } as const;
  return {
    name,
    precision: "float32",
    async load(graph: Graph) {
      checkGraph(graph, name, (operator) => operator in operators);
      const ort = await open();
      let session: InferenceSession;
      try {
        session = await ort.InferenceSession.create(encodeOnnx(graph), sessionOptions);
      } catch (cause) {
        throw fail("TRB_TENSOR_EXECUTOR_FAILED", { executor: name, action: "load", graph: graph.name, where: "" }, cause);
      }
      return sessionOver(ort, session, { ...graph, executor: name });
    },
    async loadOnnx(bytes, file) {
      const ort = await open();
      let session: InferenceSession;
      try {
        session = await ort.InferenceSession.create(bytes, sessionOptions);
      } catch (cause) {
        throw fail("TRB_TENSOR_BYTES_UNREADABLE", { executor: name, file, reason: loadReason(cause) }, cause);
      }
      const inputs = session.inputMetadata.map((input) => declared(input, file, name));
      return sessionOver(ort, session, { name: file, executor: name, inputs, nodes: [] });
    },
  };
}

const types: Readonly<Record<string, DataType>> = { float32: "float", int32: "int32" };

/** An input as a file declares it. @throws TRB_TENSOR_BYTES_UNREADABLE for a type that can't be fed */
function declared(input: InferenceSession.ValueMetadata, file: string, executor: string): Tensor {
  const type = input.isTensor ? types[input.type] : undefined;
  if (input.isTensor && type) return { name: input.name, type, shape: input.shape };
  const kind = input.isTensor ? `${input.type} [${input.shape.join(", ")}]` : "no tensor";
  throw fail("TRB_TENSOR_BYTES_UNREADABLE", { executor, file, reason: `its input ${input.name} is ${kind}` });
}

/** What ONNX Runtime says about a file; it has seen no feed yet, so nothing private is in it. */
function loadReason(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : "no reason given";
  return message
    .replace(/^.*ERROR_MESSAGE: /s, "")
    .slice(0, 200)
    .replace(/\.$/, "");
}

/** ` at Gather5: Gather of table and ids`: where a run failed. The message itself may quote what was fed. */
function runPlace(cause: unknown, nodes: readonly GraphNode[]): string {
  const name = cause instanceof Error ? /Name:'([^']{1,80})'/.exec(cause.message)?.[1] : undefined;
  if (name === undefined) return "";
  const node = nodes.find(({ outputs }) => outputs[0] === name);
  return node ? ` at ${name}: ${node.operator} of ${node.inputs.join(" and ")}` : ` at ${name}`;
}

function sessionOver(ort: OnnxRuntime, opened: InferenceSession, loaded: Loaded): Session {
  const { name: graph, executor, inputs, nodes } = loaded;
  let session: InferenceSession | undefined = opened;
  const tensors = new WeakMap<FeedTensor, OrtTensor>();
  const tensorOf = (feed: FeedTensor): OrtTensor => {
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
      if (session === undefined) throw fail("TRB_TENSOR_SESSION_CLOSED", { graph });
      checkFeeds(inputs, feeds);
      const fed: Record<string, OrtTensor> = {};
      for (const { name } of inputs) {
        const feed = feeds[name];
        if (feed) fed[name] = tensorOf(feed);
      }
      let results: InferenceSession.OnnxValueMapType;
      try {
        results = await session.run(fed, quiet);
      } catch (cause) {
        throw fail("TRB_TENSOR_EXECUTOR_FAILED", { executor, action: "run", graph, where: runPlace(cause, nodes) }, cause);
      }
      const outputs: Record<string, OutputTensor> = {};
      for (const [name, { dims, data }] of Object.entries(results)) {
        if (!(data instanceof Float32Array)) {
          throw fail("TRB_TENSOR_EXECUTOR_FAILED", { executor, action: "read", graph, where: ` at ${name}` });
        }
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
