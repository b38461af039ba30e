/** Room 4. Sequences in, scores out. */
export { graphVersion, sinusoids } from "./graphs/encoder.ts";
export { exportOnnx, inferenceGraph, weightsOf } from "./graphs/inference.ts";
export { graphDigestInput, trainingGraphs } from "./graphs/training.ts";
export {
  checkParameters,
  type GraphParameter,
  graphParameters,
  hasActionHead,
  type ParameterShape,
  parameterCount,
  parameterShapes,
} from "./parameters.ts";
export { itemRow } from "./rows.ts";
export { checkSpec, type ModelSpec } from "./spec.ts";
export { createTrainer, type SumCounts, type SumRequest, type Trainer } from "./training/trainer.ts";
