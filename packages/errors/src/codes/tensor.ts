import { defineErrors } from "../define.ts";

export const tensorErrors = defineErrors({
  TRB_TENSOR_SHAPE_MISMATCH: {
    message: "{operator}: {left} {leftShape} does not fit {right} {rightShape}.",
    advice: "Correct the shapes where the graph is written; the names are those of the graph's tensors.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_NAME_TAKEN: {
    message: "The graph already has a tensor named {name}.",
    advice: "Give every input, parameter and output a name of its own.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_NO_TOKENS: {
    message: "The graph groups positions by customer before it has declared what its tokens are.",
    advice: "Call declareTokens with a [customers, positions] input first.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_UNSUPPORTED_USE: {
    message: "Parameter {parameter} {shape} is used in a way whose per-customer gradient is not known (gradient {gradient}).",
    advice: "Use the parameter through linear, layerNorm, embedding or a softmax loss, or teach the collector the new use.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_MIXED_USES: {
    message: "Parameter {parameter} is used in ways whose joint per-customer norm can't be formed: {uses}.",
    advice:
      "Give the uses a parameter each, or look rows up through windows of one sequence; no use is ever left out silently.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_CALIBRATION: {
    message: "The calibration of a gBCE loss is {calibration}; it must lie between 0 and 1.",
    advice: "Give the t of gSASRec: 0 for plain binary cross-entropy, 1 for full calibration.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_UNUSED_PARAMETER: {
    message: "Parameter {parameter} does not reach the loss.",
    advice: "Remove the parameter from the graph or use it.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_FEED_MISSING: {
    message: "The graph's input {name} was not fed.",
    advice: "Feed every input that the graph lists.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_FEED_SHAPE: {
    message: "Input {name} was fed with shape {fed}, the graph says {expected}.",
    advice: "Feed the shape that the graph lists; equal letters stand for equal sizes.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_UNKNOWN_OPERATOR: {
    message: "The executor {executor} does not know the operator {operator}, which makes {tensor} in the graph {graph}.",
    advice:
      "Write the graph with operators that the float64 interpreter has, or add this one to it: it is every executor's twin.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_DANGLING: {
    message: "In the graph {graph}, {operator} {tensor} reads {name}, which nothing before it makes.",
    advice: "Use tensors only in the graph whose builder made them.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_EXECUTOR_FAILED: {
    message: "The executor {executor} could not {action} the graph {graph}{where}.",
    advice:
      "Run `tributary doctor`; if it finds nothing, run again with TRIBUTARY_DEBUG=1 and report the cause that it prints.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_EXECUTOR_MISSING: {
    message: "The executor {executor} is not on this machine: {package}: {reason}.",
    advice: "Install {package}, or take another executor; `tributary doctor` lists those that are there.",
    status: 500,
    exitCode: 1,
  },
  TRB_TENSOR_BYTES_UNREADABLE: {
    message: "The executor {executor} can't load the ONNX model {file}: {reason}.",
    advice:
      "Compare the file's SHA-256 with the one that came with it and fetch it again; its inputs must be float32 or int32.",
    status: 422,
    exitCode: 1,
  },
  TRB_TENSOR_SESSION_CLOSED: {
    message: "The session of graph {graph} has been closed.",
    advice: "Load the graph again before running it.",
    status: 500,
    exitCode: 1,
  },
  TRB_TRAINING_SPEC_INVALID: {
    message: "The model can't be built: {reason}.",
    advice: "Correct plan.model; `tributary plan check` names every such fault.",
    status: 400,
    exitCode: 2,
  },
  TRB_TRAINING_PARAMETERS_WRONG_LENGTH: {
    message: "The model has {expected} parameters, {got} were given.",
    advice: "Use the parameters that belong to this plan's model.",
    status: 400,
    exitCode: 1,
  },
  TRB_TRAINING_PARAMETERS_NOT_FINITE: {
    message: "The model's parameters hold a value that is not a finite number, the first in {parameter}.",
    advice: "Go back to the last model whose hash the ledger names; training from this one can't give anything.",
    status: 400,
    exitCode: 1,
  },
  TRB_TRAINING_REQUEST_INVALID: {
    message: "Training can't start: {reason}.",
    advice: "Take clipNorm, scale, fractionBits and customerQuota from the plan's release.",
    status: 400,
    exitCode: 1,
  },
  TRB_TRAINING_CENTRAL_INVALID: {
    message: "Central training can't run: {reason}.",
    advice: "Correct the options of central training, or give it the histories that they name.",
    status: 400,
    exitCode: 1,
  },
  TRB_TRAINING_THREAD_FAILED: {
    message: "A training thread failed: {reason}.",
    advice: "Run `tributary doctor`; with too little memory, make batch or width smaller.",
    status: 500,
    exitCode: 1,
  },
});
