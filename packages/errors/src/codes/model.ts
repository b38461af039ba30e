import { defineErrors } from "../define.ts";

/** Rows of `packages/model`: model files, optimisers, evaluation, training. */
export const modelErrors = defineErrors({
  TRB_MODEL_FILE_MALFORMED: {
    message: "The model file is not a valid safetensors file: {reason}.",
    advice: "Fetch the file again and compare its SHA-256 with the model hash in the ledger.",
    status: 422,
    exitCode: 4,
  },
  TRB_EXTENSION_MISSING: {
    message: "No extension called {name} that brings a {part} is loaded.",
    advice:
      "Give its file: `--extend FILE.ts` of simulate, `--extension FILE.ts` of coordinator start, `tributary node extension FILE.ts`.",
    status: 422,
    exitCode: 2,
  },
  TRB_EXTENSION_UNREADABLE: {
    message: "The extension can't be loaded from {file}: {reason}.",
    advice: "It has to be one TypeScript file that imports nothing but types and exports `extension` (docs/extending.md).",
    status: 422,
    exitCode: 2,
  },
  TRB_EXTENSION_UNFIT: {
    message: "The extension {name} does not do what its interface says: {reason}.",
    advice: "Correct it; docs/extending.md has the interfaces, examples/extensions one example of each.",
    status: 422,
    exitCode: 2,
  },
  TRB_EXTENSION_ALTERED: {
    message: "The file of the extension {name} has SHA-256 {actual}; the plan names {expected}.",
    advice: "Get the file that the plan means, or make a plan for this one.",
    status: 422,
    exitCode: 3,
  },
  TRB_MODEL_TENSOR_MISSING: {
    message: "The model file lacks the tensor {tensor}, of shape [{expected}].",
    advice: "Read the file with the plan that it was written for: plan.model fixes names, order and shapes.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_TENSOR_UNEXPECTED: {
    message: "The model file holds the tensor {tensor}, of shape [{found}], where the plan has {expected}.",
    advice: "Read the file with the plan that it was written for: plan.model fixes names, order and shapes.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_TENSOR_SHAPE: {
    message: "The tensor {tensor} has the shape [{found}] in the file and [{expected}] in the plan.",
    advice: "Read the file with the plan that it was written for: plan.model fixes names, order and shapes.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_TENSOR_TYPE: {
    message: "The tensor {tensor} is of type {found}; {expected} is needed.",
    advice: "Convert the file: a model is kept as float32, an optimiser's state as float64.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_CARD_INVALID: {
    message: "The model card can't be read: {reason}.",
    advice: "Export the model again with `tributary model export`.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_CARD_CONTRADICTED: {
    message: "The model card says {field} = {found}; {source} says {expected}.",
    advice: "Don't use this file: get it again from the federation, with the ledger that belongs to it.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_SPEC_UNKNOWN: {
    message: "The file does not say what model it is: it has no model card.",
    advice: "Give the plan or the ledger that it was written for: --plan plan.json or --ledger ledger.jsonl.",
    status: 422,
    exitCode: 2,
  },
  TRB_MODEL_ONNX_MALFORMED: {
    message: "The file is not an ONNX model that Tributary wrote: {reason}.",
    advice: "Export the model again with `tributary model export`; other ONNX files can't be held to a ledger.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_ONNX_ALTERED: {
    message: "The ONNX file is not the one that its weights and its model give.",
    advice:
      "Don't run it: something was changed after the export, or another version of Tributary wrote it (compare graphVersion).",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_HASH_MISMATCH: {
    message: "The model's hash is {found}; {source} has {expected}.",
    advice: "Don't use this file: get it again from the federation, with the ledger that belongs to it.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_NOT_KEPT: {
    message: "The model of round {round} is {judgement} by the plan's rule for keeping models.",
    advice: "Export without --round: that is the last model that released metrics have kept. `tributary ledger show` has them.",
    status: 422,
    exitCode: 3,
  },
  TRB_MODEL_GRAPH_MISMATCH: {
    message: "The graphs of the plan's model have the hash {found} here; the plan names {expected}.",
    advice: "Don't use the model with this version of Tributary: plan and code disagree about what it computes.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_EXPLANATION_INVALID: {
    message: "Nothing can be explained: {reason}.",
    advice: "Name a customer with at least one event and an item of the catalogue.",
    status: 400,
    exitCode: 2,
  },
  TRB_MODEL_CATALOGUE_OTHER: {
    message: "The catalogue of {source} has the hash {found}; the plan's is {expected}.",
    advice: "Give the catalogue that the plan names: an item's number is its place in it.",
    status: 422,
    exitCode: 2,
  },
  TRB_MODEL_QUERY_MISSING: {
    message: "The round asks for {kind}, and the model that it starts from says nothing of it.",
    advice: "Report it to the platform: its coordinator offered a release that doesn't follow from those before.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_NOT_FINITE: {
    message: "The tensor {tensor} holds a value that is not finite, at place {place}.",
    advice: "Discard this model: go back to the last one whose hash stands in the ledger, and lower the learning rate.",
    status: 422,
    exitCode: 4,
  },
  TRB_MODEL_LENGTH_MISMATCH: {
    message: "{what} has {found} coordinates; the model has {expected}.",
    advice: "Use one plan for the model, its updates and its optimiser's state.",
    status: 422,
    exitCode: 1,
  },
  TRB_MODEL_OPTIMISER_STATE: {
    message: "The optimiser's state does not belong to {optimiser}: {reason}.",
    advice: "Resume with the state that the same plan's previous round left, or start from round 0.",
    status: 422,
    exitCode: 1,
  },
  TRB_MODEL_NOISE_VARIANCE: {
    message: "The optimiser dpadam needs the variance of the noise in the mean update; it got {variance}.",
    advice: "Pass the variance that the plan states (noiseVarianceOf), 0 for an update without noise.",
    status: 422,
    exitCode: 1,
  },
  TRB_MODEL_SCORE_NAN: {
    message: "A score is not a number (NaN), at place {place}.",
    advice: "Look for a model whose training diverged: go back to the last one whose hash stands in the ledger.",
    status: 422,
    exitCode: 1,
  },
  TRB_MODEL_EVALUATION_INVALID: {
    message: "An evaluation can't be made with {what} = {value}: it must be {expected}.",
    advice: "Correct that option or input; the reference of the metric says what it takes.",
    status: 400,
    exitCode: 2,
  },
  TRB_MODEL_TARGET_OUTSIDE: {
    message: "Item {item} is outside the catalogue of {items} items.",
    advice: "Import the log with the catalogue that the plan names.",
    status: 422,
    exitCode: 1,
  },
  TRB_MODEL_VECTORS_UNFIT: {
    message: "The golden case {case} does not fit together: {key} is {found}, where {expected} is needed.",
    advice: "Make the file again, in the shape of test/vectors/models.json.",
    status: 422,
    exitCode: 2,
  },
  TRB_MODEL_DECODING_INVALID: {
    message: "Nothing can be decoded: {reason}.",
    advice: "Decode with a seq2seq model, at most its `steps` events, and a beam from 1 to 1000.",
    status: 400,
    exitCode: 2,
  },
  TRB_MODEL_CONTENT_ROWS: {
    message: "The model has {rows} item rows and the catalogue {items} items: only items with a row each can have content.",
    advice:
      "Give model.items the catalogue's length, or a model without item attributes and features; rows shared by items have no content.",
    status: 422,
    exitCode: 2,
  },
  TRB_MODEL_CONTENT_ATTRIBUTE: {
    message: "The catalogue has {values} values of the attribute {attribute}, which is not what the model can learn from.",
    advice:
      "Name an attribute that items differ in (category, brand, price, property), and use the catalogue that the plan was made for.",
    status: 422,
    exitCode: 2,
  },
  TRB_MODEL_CONTENT_FEATURES: {
    message: "The model reads feature vectors of {expected} numbers; given were {found}.",
    advice: "Give the feature file that the model was made for, with one vector for each item of the catalogue.",
    status: 422,
    exitCode: 2,
  },
  TRB_MODEL_CONTENT_MISSING: {
    message: "The model reads public content of items, and its {content} was not given.",
    advice: "Make it from the catalogue with itemContent and pass it as the option `content`.",
    status: 422,
    exitCode: 2,
  },
  TRB_MODEL_HISTORY_EMPTY: {
    message: "There is no event to recommend from.",
    advice: "Give the customer's events, oldest first; for customers without any, show what is popular.",
    status: 422,
    exitCode: 1,
  },
});
