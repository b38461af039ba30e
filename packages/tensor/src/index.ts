/** Room 2. A computation written in TypeScript becomes one graph with gradients and per-customer clipping, and is run. */
export { attention, attentionWithWeights, causalMask, paddingMask } from "./autodiff/attention.ts";
export { valuesOfIds, valuesOfItems } from "./autodiff/attributes.ts";
export { backward, gradientsOf } from "./autodiff/backward.ts";
export {
  add,
  flatten,
  groupByCustomer,
  matmul,
  mergeHeads,
  multiply,
  scale,
  softmax,
  split,
  splitHeads,
  subtract,
  sumLast,
  transpose,
} from "./autodiff/differentiable.ts";
export {
  dropout,
  embedding,
  gelu,
  layerNorm,
  linear,
  pickMarked,
  pickWanted,
  presence,
  project,
  publicRows,
  relu,
  windowOf,
} from "./autodiff/layers.ts";
export { softmaxLoss, type TiedTargets, tiedSoftmaxLoss } from "./autodiff/losses.ts";
export { allVectors, type ComposedTable, type OutputTable, type TablePart } from "./autodiff/output-table.ts";
export { gru, lstm, type RecurrentWeights } from "./autodiff/recurrent.ts";
export { gbceLoss, sampledSoftmaxLoss } from "./autodiff/sampled-losses.ts";
export { type CollectOptions, clipNormInput, collect, type GradientPiece } from "./clipping/collect.ts";
export type { Executor, Feeds, FeedTensor, OnnxExecutor, Outputs, OutputTensor, Session } from "./executors/executor.ts";
export { float64Interpreter } from "./executors/interpreter/interpreter.ts";
export { GraphBuilder, type Tokens } from "./graph/builder.ts";
export { withoutDeadNodes } from "./graph/dead-nodes.ts";
export { product } from "./graph/operations.ts";
export type { Attribute, Body, Constant, DataType, Dimension, Graph, GraphNode, Shape, Tensor } from "./graph/types.ts";
export { type EncodeOptions, encodeOnnx } from "./onnx/encode.ts";
