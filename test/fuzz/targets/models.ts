/** Files of models: safetensors, checkpoints with their cards, hybrids, optimisers' moments, ONNX, extensions. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  readCheckpoint,
  withCard,
  withoutCard,
  writeCheckpoint,
} from "../../../packages/model/src/checkpoint/checkpoint-files.ts";
import { settingsOf, tablesOf } from "../../../packages/model/src/checkpoint/hybrid-tensors.ts";
import { decodeCard, encodeCard, type ModelCard } from "../../../packages/model/src/checkpoint/model-card.ts";
import { decodeModel, decodeStatistics, encodeModel } from "../../../packages/model/src/checkpoint/model-file.ts";
import { decodeOnnxModel } from "../../../packages/model/src/checkpoint/onnx-file.ts";
import { decodeOptimiserState, encodeOptimiserState } from "../../../packages/model/src/checkpoint/optimiser-file.ts";
import { protobufFields } from "../../../packages/model/src/checkpoint/protobuf-reader.ts";
import { readTensors, type TensorFile, writeTensors } from "../../../packages/model/src/checkpoint/safetensors.ts";
import { openExtension } from "../../../packages/model/src/extension-files/index.ts";
import type { Optimiser, OptimiserState } from "../../../packages/model/src/optimisers/optimiser.ts";
import { parameterCount } from "../../../packages/model/src/parameters.ts";
import { type ModelSpec, modelSpec } from "../../../packages/model/src/spec.ts";
import type { Choices } from "../engine/choices.ts";
import { editBytes, editJson } from "../engine/edits.ts";
import { ownFolder } from "../engine/own-folder.ts";
import { must, type Target, textBytes, verdictLater, verdictOf } from "../engine/target.ts";

const spec: ModelSpec = modelSpec({
  ...{ items: 3, length: 2, width: 2, blocks: 1, heads: 1, feedForward: 1, positions: "sinusoidal", actions: 2, timeGaps: 2 },
  weights: { nextItem: 1000, nextAction: 0, churn: 0, purchase: 0 },
});
const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => ((i * 37) % 101) / 101 - 0.5);

const card: ModelCard = {
  ...{ format: "tributary-model-card", version: 1, federation: "bookshops", planHash: "1".repeat(64) },
  ...{ ledgerHead: "2".repeat(64), round: 3, modelHash: "4".repeat(64), graphVersion: 2, graphHash: "3".repeat(64) },
  ...{ parameters: parameterCount(spec), model: spec },
  privacy: { unit: "customer", epsilon: "1.25", delta: "1e-6", limit: "8", conditional: null },
  metrics: { source: "Measured by a test.", values: { hr10: 0.25 } },
  ...{ licence: "As agreed.", provenance: "Made up.", intendedUse: "To be tested.", limits: ["Knows nothing."] },
};
const moments: OptimiserState = { name: "fedavg", steps: 3, first: Float64Array.of(1, 2), second: new Float64Array(0) };
const files = writeCheckpoint({ parameters, card, optimiserState: moments });
const fedavg: Optimiser = { name: "fedavg", learningRate: 1, momentum: 0.9 };
const optimiserFile = encodeOptimiserState(moments);

const tensors: TensorFile = {
  tensors: [
    { name: "items", dtype: "F32", shape: [2, 2] },
    { name: "served.popularity", dtype: "F32", shape: [2] },
    { name: "content.offsets", dtype: "U32", shape: [3] },
    { name: "first", dtype: "F64", shape: [1] },
    { name: "none", dtype: "F64", shape: [0, 4] },
  ],
  metadata: { format: "tributary", modelcard: "{}" },
  data: Uint8Array.from({ length: 16 + 8 + 12 + 8 }, (_, i) => i * 5),
};

/** A file whose header says what the choices made of it, padded and measured as writers do. */
function tensorFile(file: Uint8Array, choices: Choices): Uint8Array {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const header: unknown = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length)));
  const edited = textBytes(JSON.stringify(editJson(header, choices)) ?? "");
  const padded = new Uint8Array(Math.ceil(edited.length / 8) * 8).fill(0x20);
  padded.set(edited);
  const data = choices.below(2) === 0 ? file.subarray(8 + length) : editBytes(file.subarray(8 + length), choices);
  const whole = new Uint8Array(8 + padded.length + data.length);
  new DataView(whole.buffer).setBigUint64(0, BigInt(padded.length), true);
  whole.set(padded, 8);
  whole.set(data, 8 + padded.length);
  return whole;
}

const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;
const headerWords = [
  "dtype",
  "shape",
  "data_offsets",
  "__metadata__",
  "F32",
  "F64",
  "U32",
  '"toString":1',
  "modelcard",
  "optimiser",
];

const safetensors: Target = {
  ...{ name: "models-safetensors", parses: "safetensors", dictionary: headerWords },
  seeds: () => [writeTensors(tensors), writeTensors({ tensors: [], metadata: {}, data: new Uint8Array(0) })],
  structured: (choices) => tensorFile(writeTensors(tensors), choices),
  fuzz(bytes) {
    const read = verdictOf(() => readTensors(bytes));
    if ("value" in read)
      must(same(writeTensors(read.value), bytes), "what was read as safetensors is written as the same bytes");
  },
};

const checkpoints: Target = {
  ...{ name: "models-checkpoint", parses: "model files with cards, statistics and moments" },
  dictionary: headerWords,
  seeds: () => [encodeModel(spec, parameters), files["model.safetensors"], optimiserFile],
  structured: (choices) =>
    tensorFile(choices.of([encodeModel(spec, parameters), files["model.safetensors"], optimiserFile]), choices),
  fuzz(bytes) {
    const weights = verdictOf(() => decodeModel(spec, bytes));
    if ("value" in weights) must(weights.value.length === parameterCount(spec), "weights are as many as the model has");
    const checkpoint = verdictOf(() => readCheckpoint(bytes));
    if ("value" in checkpoint && checkpoint.value.card !== undefined) {
      const again = withCard(withoutCard(bytes), checkpoint.value.card);
      must(same(withoutCard(again), withoutCard(bytes)), "a card that is taken off and put back leaves the rest as it was");
      must(same(withCard(again, checkpoint.value.card), again), "and is written as it was read");
    }
    verdictOf(() => decodeStatistics(bytes, 3));
    const read = verdictOf(() => decodeOptimiserState(fedavg, bytes));
    if ("value" in read) {
      const written = encodeOptimiserState(read.value);
      must(same(encodeOptimiserState(decodeOptimiserState(fedavg, written)), written), "moments are read as they were written");
    }
  },
};

const onnx: Target = {
  ...{ name: "models-onnx", parses: "ONNX: protobuf, weights, metadata" },
  longest: files["model.onnx"].length + 64,
  seeds: () => [files["model.onnx"], files["model.onnx"].subarray(0, 300)],
  fuzz(bytes) {
    verdictOf(() => protobufFields(bytes));
    const read = verdictOf(() => decodeOnnxModel(bytes));
    const whole = verdictOf(() => readCheckpoint(bytes, spec));
    if ("value" in whole) {
      // what stands where no byte is compared would be a second model under one name
      const known = readCheckpoint(files["model.onnx"], spec);
      must(!("code" in read) || bytes[0] !== 8, "what is accepted can be decoded");
      must(whole.value.roundFile.length === known.roundFile.length, "an accepted file is of the model's own size");
    }
  },
};

const cards: Target = {
  ...{ name: "models-card", parses: "model cards" },
  seeds: () => [textBytes(encodeCard(card))],
  structured: (choices) => textBytes(JSON.stringify(editJson(JSON.parse(encodeCard(card)), choices)) ?? ""),
  fuzz(bytes) {
    const read = verdictOf(() => decodeCard(new TextDecoder().decode(bytes)));
    if ("value" in read)
      must(encodeCard(decodeCard(encodeCard(read.value))) === encodeCard(read.value), "a card is read as it was written");
  },
};

const hybridSettings = settingsOf(
  {
    recipe: { contentWeight: 1, contentSharpness: 2, decay: 0.5, latest: 4 },
    weights: { mixture: { content: 1, released: 1, own: 0, history: 1 }, popularity: 1, attention: 0.5 },
  } as never,
  "released",
);
const hybridTables: TensorFile = {
  tensors: [
    { name: "content.offsets", dtype: "U32", shape: [3] },
    { name: "content.attributes", dtype: "U32", shape: [2] },
    { name: "content.values", dtype: "F64", shape: [2] },
    { name: "content.holderOffsets", dtype: "U32", shape: [2] },
    { name: "content.holders", dtype: "U32", shape: [2] },
    { name: "content.holderValues", dtype: "F64", shape: [2] },
    { name: "served.popularity", dtype: "F32", shape: [2] },
    { name: "served.pairs.offsets", dtype: "U32", shape: [3] },
    { name: "served.pairs.places", dtype: "U32", shape: [2] },
    { name: "served.pairs.values", dtype: "F32", shape: [2] },
  ],
  metadata: { settings: hybridSettings },
  data: new Uint8Array(
    Buffer.concat([
      Buffer.from(Uint32Array.of(0, 1, 2).buffer),
      Buffer.from(Uint32Array.of(0, 0).buffer),
      Buffer.from(Float64Array.of(1, 1).buffer),
      Buffer.from(Uint32Array.of(0, 2).buffer),
      Buffer.from(Uint32Array.of(0, 1).buffer),
      Buffer.from(Float64Array.of(1, 1).buffer),
      Buffer.from(Float32Array.of(1, 2).buffer),
      Buffer.from(Uint32Array.of(0, 1, 2).buffer),
      Buffer.from(Uint32Array.of(1, 0).buffer),
      Buffer.from(Float32Array.of(1, 1).buffer),
    ]),
  ),
};

const hybrids: Target = {
  ...{ name: "models-hybrid", parses: "hybrids: tables and settings" },
  dictionary: headerWords,
  seeds: () => [writeTensors(hybridTables)],
  structured: (choices) => {
    const settings =
      choices.below(2) === 0 ? hybridSettings : (JSON.stringify(editJson(JSON.parse(hybridSettings), choices)) ?? "");
    return tensorFile(writeTensors({ ...hybridTables, metadata: { settings } }), choices);
  },
  fuzz(bytes) {
    const read = verdictOf(() => readTensors(bytes));
    if ("value" in read) verdictOf(() => tablesOf(read.value, read.value.metadata["settings"] ?? "", 2));
  },
};

const extensionFile = join(ownFolder("extension"), "extension.ts");
const extensionTexts = [
  "export const extension = { name: 'own', query: { shape: () => ({}), query: () => ({}) } };",
  "export const extension: { name: string } = { name: 'own-model', model: { parameters: 1, deviation: 2, hiddenStates: 3 } };",
  "export const extension = { name: 'own', optimiser: null };",
  "import x from 'node:fs'; export const extension = { name: 'own' };",
  "export const extension = null;",
  "export const extension = { name: 'own', __proto__: null, toString: 1 };",
];

/** An extension is a program that its merchant trusts: what is fuzzed is what is made of what it exports, never code that a fuzzer would write. */
const extensions: Target = {
  ...{ name: "models-extension", parses: "what an extension exports" },
  seeds: () => extensionTexts.map((_, place) => Uint8Array.of(place)),
  structured: (choices) => {
    const brought = {
      name: "own",
      query: { shape: "function", query: "function" },
      model: { parameters: "function" },
      optimiser: { direction: "function" },
    };
    return textBytes(JSON.stringify(editJson(brought, choices)) ?? "null");
  },
  async fuzz(bytes) {
    const place = bytes.length === 1 ? (bytes[0] ?? 0) : undefined;
    const text = place === undefined ? exporting(bytes) : extensionTexts[place % extensionTexts.length];
    if (text === undefined) return;
    writeFileSync(extensionFile, text);
    await verdictLater(() => openExtension(extensionFile));
  },
};

/** A program that exports this JSON, with functions where it says so; undefined for none. */
function exporting(bytes: Uint8Array): string | undefined {
  try {
    const json = JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)));
    return `export const extension = JSON.parse(${JSON.stringify(json)}, (_, value) => value === "function" ? () => 1 : value);`;
  } catch {
    return undefined;
  }
}

export const targets: readonly Target[] = [safetensors, checkpoints, onnx, cards, hybrids, extensions];
