/**
 * A checkpoint as files: the model as ONNX with its weights inside, and as safetensors; the optimiser's state; each with the model
 * card. Values in, bytes out: whoever has a disk writes them.
 *
 * A model's hash is that of its round's safetensors file (DESIGN §5), so a card can't be in that file. The exported file is the round's
 * with one more entry in `__metadata__`; `withoutCard` takes it away again and gives the round's bytes back, whose hash is in the ledger.
 */
import { fail } from "@tributary/errors";
import { exportOnnx } from "../graphs/inference.ts";
import type { ItemContent } from "../item-content/item-content.ts";
import type { OptimiserState } from "../optimisers/optimiser.ts";
import { parameterCount } from "../parameters.ts";
import type { ModelSpec } from "../spec.ts";
import type { ReleasedStatistics } from "../statistics/rounds.ts";
import { cardKey, cardMarkdown, decodeCard, encodeCard, type ModelCard } from "./model-card.ts";
import { decodeModel, encodeModel } from "./model-file.ts";
import { contentOf, decodeOnnxModel, flatWeights, isOnnx } from "./onnx-file.ts";
import { encodeOptimiserState } from "./optimiser-file.ts";
import { readTensors, type TensorHeader, writeTensors } from "./safetensors.ts";

export interface CheckpointFiles {
  readonly "model.onnx": Uint8Array;
  readonly "model.safetensors": Uint8Array;
  readonly "modelcard.md": string;
  readonly "optimiser.safetensors"?: Uint8Array;
}

/** What a model file of any kind holds. */
export interface Checkpoint {
  readonly spec: ModelSpec;
  /** [parameterCount], in the order of `parameterShapes(spec)` */
  readonly parameters: Float32Array;
  /** Undefined for a round's own file. */
  readonly card: ModelCard | undefined;
  /** The round's safetensors file, to be hashed. */
  readonly roundFile: Uint8Array;
  /** Public content that an ONNX file holds beside the weights, where the model reads any. It is no part of the model's hash. */
  readonly content: ItemContent | undefined;
}

/**
 * @param checkpoint.card its `model` and `parameters` must be those of `spec`
 * @throws TRB_MODEL_LENGTH_MISMATCH, TRB_MODEL_NOT_FINITE, TRB_MODEL_CARD_INVALID, TRB_MODEL_CONTENT_MISSING
 */
export function writeCheckpoint(checkpoint: {
  readonly parameters: Float32Array;
  readonly card: ModelCard;
  readonly optimiserState?: OptimiserState;
  /** Goes into the ONNX file of a model that reads public content. */
  readonly content?: ItemContent;
  /** Goes behind the weights, where the round's file holds it. The ONNX file is of the weights alone. */
  readonly statistics?: ReleasedStatistics | undefined;
}): CheckpointFiles {
  const { parameters, optimiserState, content, statistics } = checkpoint;
  const card = decodeCard(encodeCard(checkpoint.card)); // what can't be read again is not written
  const { model: spec } = card;
  if (card.parameters !== parameterCount(spec)) {
    const found = `it counts ${card.parameters} parameters, and its model has ${parameterCount(spec)}`;
    throw fail("TRB_MODEL_CARD_INVALID", { reason: found });
  }
  return {
    "model.safetensors": withCard(encodeModel(spec, parameters, statistics), card),
    "model.onnx": exportOnnx(spec, parameters, { [cardKey]: encodeCard(card) }, content),
    "modelcard.md": cardMarkdown(card),
    ...(optimiserState === undefined ? {} : { "optimiser.safetensors": withCard(encodeOptimiserState(optimiserState), card) }),
  };
}

/**
 * Reads a model: a round's safetensors file, an exported one, or an exported ONNX file.
 * @param spec what the model should be; undefined takes the card's word for it
 * @throws TRB_MODEL_SPEC_UNKNOWN when neither says, TRB_MODEL_CARD_INVALID, TRB_MODEL_ONNX_MALFORMED, TRB_MODEL_ONNX_ALTERED, and what
 *   `decodeModel` throws: a tensor's name with the shape that it has and the one that it should have
 */
export function readCheckpoint(file: Uint8Array, spec?: ModelSpec): Checkpoint {
  if (isOnnx(file)) return readOnnxCheckpoint(file, spec);
  const card = cardOf(readTensors(file).metadata);
  const known = spec ?? card?.model;
  if (known === undefined) throw fail("TRB_MODEL_SPEC_UNKNOWN");
  const parameters = decodeModel(known, file);
  return { spec: known, parameters, card, roundFile: withoutCard(file), content: undefined };
}

function readOnnxCheckpoint(file: Uint8Array, spec: ModelSpec | undefined): Checkpoint {
  const { metadata, weights } = decodeOnnxModel(file);
  const card = cardOf(metadata);
  const known = spec ?? card?.model;
  if (known === undefined) throw fail("TRB_MODEL_SPEC_UNKNOWN");
  const parameters = flatWeights(known, weights);
  const content = contentOf(known, weights);
  const roundFile = encodeModel(known, parameters);
  // The same weights give the same file: whatever else stands in it, a changed operator or a hidden tensor, shows here.
  if (!sameBytes(exportOnnx(known, parameters, metadata, content), file)) throw fail("TRB_MODEL_ONNX_ALTERED");
  return { spec: known, parameters, card, roundFile, content };
}

/** What stands in a safetensors file: names, types and shapes, in order, and the card. @throws TRB_MODEL_FILE_MALFORMED, … */
export function describeFile(file: Uint8Array): {
  readonly tensors: readonly TensorHeader[];
  readonly metadata: Readonly<Record<string, string>>;
  readonly card: ModelCard | undefined;
} {
  if (isOnnx(file)) {
    const { metadata, weights } = decodeOnnxModel(file);
    return { tensors: weights.headers, metadata: withoutKey(metadata), card: cardOf(metadata) };
  }
  const { tensors, metadata } = readTensors(file);
  return { tensors, metadata: withoutKey(metadata), card: cardOf(metadata) };
}

/** The same safetensors file with the card in its metadata. */
export function withCard(file: Uint8Array, card: ModelCard): Uint8Array {
  const content = readTensors(file);
  return writeTensors({ ...content, metadata: { ...content.metadata, [cardKey]: encodeCard(card) } });
}

/** The file as it was before `withCard`: byte for byte. */
export function withoutCard(file: Uint8Array): Uint8Array {
  const content = readTensors(file);
  return writeTensors({ ...content, metadata: withoutKey(content.metadata) });
}

function withoutKey(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).filter(([key]) => key !== cardKey));
}

function cardOf(metadata: Readonly<Record<string, string>>): ModelCard | undefined {
  const text = metadata[cardKey];
  return text === undefined ? undefined : decodeCard(text);
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
