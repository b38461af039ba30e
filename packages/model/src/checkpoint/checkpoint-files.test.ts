/** A checkpoint as files: what is written is read again, runs elsewhere, and shows what was changed in it. */
import { createHash } from "node:crypto";
import { isTributaryError } from "@tributary/errors";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parameterCount } from "../parameters.ts";
import { scrambled } from "../rows.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { describeFile, readCheckpoint, withCard, withoutCard, writeCheckpoint } from "./checkpoint-files.ts";
import { cardMarkdown, decodeCard, encodeCard, type ModelCard } from "./model-card.ts";
import { encodeModel } from "./model-file.ts";

const spec: ModelSpec = modelSpec({
  items: 30,
  length: 6,
  width: 8,
  blocks: 2,
  heads: 2,
  feedForward: 2,
  positions: "sinusoidal",
  actions: 4,
  timeGaps: 5,
  weights: { nextItem: 1000, nextAction: 500, churn: 0, purchase: 0 },
});
const parameters = Float32Array.from({ length: parameterCount(spec) }, (_, i) => scrambled(i + 1) / 2 ** 32 - 0.45);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const card: ModelCard = {
  format: "tributary-model-card",
  version: 1,
  federation: "bookshops",
  planHash: "1".repeat(64),
  ledgerHead: "2".repeat(64),
  round: 3,
  modelHash: sha256(encodeModel(spec, parameters)),
  graphVersion: 2,
  graphHash: "3".repeat(64),
  parameters: parameterCount(spec),
  model: spec,
  privacy: { unit: "customer", epsilon: "1.25", delta: "1e-6", limit: "8", conditional: null },
  metrics: { source: "Measured by a test.", values: { hr10: 0.25 } },
  licence: "As the members agreed.",
  provenance: "Made up by a test.",
  intendedUse: "To be tested.",
  limits: ["Knows nothing."],
};
const files = writeCheckpoint({
  parameters,
  card,
  optimiserState: { name: "fedavg", steps: 3, first: Float64Array.of(1, 2), second: new Float64Array(0) },
});

function codeOf(work: () => unknown): { code: string; details: unknown } {
  try {
    work();
  } catch (error) {
    if (isTributaryError(error)) return { code: error.code, details: error.details };
    throw error;
  }
  return { code: "none", details: {} };
}

describe("what is written is read again", () => {
  test.each(["model.safetensors", "model.onnx"] as const)(
    "%s gives the weights, the card, and the round's own file",
    (name) => {
      const read = readCheckpoint(files[name]);
      expect(read.card).toEqual(card);
      expect(read.spec).toEqual(spec);
      expect(Buffer.from(read.parameters.buffer).equals(Buffer.from(parameters.buffer))).toBe(true);
      expect(sha256(read.roundFile)).toBe(card.modelHash);
      expect(sha256(files[name])).not.toBe(card.modelHash);
    },
  );

  test("a round's own file needs to be told what it is, and is unchanged by a card put in and taken out", () => {
    const round = encodeModel(spec, parameters);
    expect(codeOf(() => readCheckpoint(round)).code).toBe("TRB_MODEL_SPEC_UNKNOWN");
    expect(readCheckpoint(round, spec)).toMatchObject({ card: undefined, parameters });
    expect(Buffer.from(withoutCard(withCard(round, card))).equals(round)).toBe(true);
    expect(Buffer.from(withoutCard(round)).equals(round)).toBe(true);
  });

  test("the optimiser's state carries the card, and tensors are listed with their shapes", () => {
    const optimiser = describeFile(files["optimiser.safetensors"] ?? new Uint8Array());
    expect(optimiser.card).toEqual(card);
    expect(optimiser.tensors).toContainEqual({ name: "first", dtype: "F64", shape: [2] });
    expect(optimiser.metadata).toMatchObject({ optimiser: "fedavg", steps: "3" });
    const shapes = new Map(describeFile(files["model.onnx"]).tensors.map(({ name, shape }) => [name, shape]));
    expect(shapes.get("item.weight")).toEqual([30, 8]);
    expect(shapes.get("block1.self.input.weight")).toEqual([8, 24]);
    expect(describeFile(files["model.safetensors"]).tensors[0]).toEqual({ name: "item.weight", dtype: "F32", shape: [30, 8] });
  });
});

test("a model that reads public content carries it in its ONNX file, and is read back with it", async () => {
  const reader = modelSpec({
    ...{ items: 5, length: 4, width: 8 },
    item: { ids: "none", attributes: [{ name: "category", values: 3 }], features: 2 },
  });
  const numbers = Float32Array.from({ length: parameterCount(reader) }, (_, i) => Math.sin(i));
  const content = {
    attributes: new Map([["category", Int32Array.of(0, 1, 2, 3, 0, 2)]]),
    features: Float32Array.from({ length: 10 }, (_, i) => i / 7),
  };
  const readersCard = { ...card, model: reader, parameters: numbers.length };
  const written = writeCheckpoint({ parameters: numbers, card: readersCard, content });
  expect(readCheckpoint(written["model.onnx"])).toMatchObject({ parameters: numbers, content, card: readersCard });
  const session = await onnxruntimeExecutor().loadOnnx(written["model.onnx"], "model.onnx");
  const ids = (...values: number[]) => ({ data: Int32Array.from(values), shape: [1, values.length] });
  const { scores } = await session.run({ items: ids(3, 4), positions: ids(3, 4) });
  expect(scores?.shape).toEqual([1, 5]);
  await session.close();
});

test("the ONNX file runs by itself in ONNX Runtime: ids in, scores out, the weights inside", async () => {
  const session = await onnxruntimeExecutor().loadOnnx(files["model.onnx"], "model.onnx");
  const ids = (...values: number[]) => ({ data: Int32Array.from(values), shape: [1, values.length] });
  const fed = { items: ids(3, 7, 30), actions: ids(1, 4, 2), gaps: ids(1, 3, 5), positions: ids(4, 5, 6) };
  const { scores, actionLogits } = await session.run(fed); // nothing else is fed
  expect(scores?.shape).toEqual([1, 30]);
  expect(actionLogits?.shape).toEqual([1, 4]);
  const values = [...(scores?.data ?? [])];
  expect(values.every(Number.isFinite)).toBe(true);
  expect(new Set(values).size).toBeGreaterThan(25);
  await session.close();
});

describe("a file that was changed is refused", () => {
  test("every single byte of model.onnx that is flipped is seen: the file is refused, or its hash is another", () => {
    fc.assert(
      fc.property(fc.nat(files["model.onnx"].length - 1), fc.integer({ min: 1, max: 255 }), (place, change) => {
        const changed = Uint8Array.from(files["model.onnx"]);
        changed[place] = (changed[place] ?? 0) ^ change;
        let same = false;
        const { code } = codeOf(() => {
          const read = readCheckpoint(changed);
          same = sha256(read.roundFile) === card.modelHash && encodeCard(read.card ?? card) === encodeCard(card);
        });
        expect(code).toMatch(/^(none|TRB_(MODEL|TRAINING)_[A-Z_]+)$/);
        expect(same).toBe(false);
      }),
      { numRuns: 60 },
    );
  });

  test.each(["model.safetensors", "model.onnx"] as const)("%s cut anywhere is refused with a code", (name) => {
    const { length } = files[name];
    for (const end of [0, 1, 7, 8, 40, 1000, length >> 1, length - 1]) {
      expect(codeOf(() => readCheckpoint(files[name].subarray(0, end))).code).toMatch(/^TRB_MODEL_/);
    }
  });

  test("another operator in the graph is seen although all weights are right", () => {
    const text = Buffer.from(files["model.onnx"]);
    const at = text.indexOf("Softmax");
    expect(at).toBeGreaterThan(0);
    text.write("Sigmoid", at);
    expect(codeOf(() => readCheckpoint(text)).code).toBe("TRB_MODEL_ONNX_ALTERED");
  });

  test("a model of another shape is named with both shapes, and NaN with its tensor and place", () => {
    const wider = { ...spec, items: 31 };
    const named = { code: "TRB_MODEL_TENSOR_SHAPE", details: { tensor: "item.weight", found: "30, 8", expected: "31, 8" } };
    expect(codeOf(() => readCheckpoint(files["model.safetensors"], wider))).toEqual(named);
    expect(codeOf(() => readCheckpoint(files["model.onnx"], wider))).toEqual(named);
    const broken = Uint8Array.from(files["model.safetensors"]);
    new DataView(broken.buffer).setFloat32(broken.length - 4 * parameters.length + 4 * 5, Number.NaN, true);
    expect(codeOf(() => readCheckpoint(broken))).toEqual({
      code: "TRB_MODEL_NOT_FINITE",
      details: { tensor: "item.weight", place: 5 },
    });
    expect(codeOf(() => writeCheckpoint({ parameters: parameters.map(() => Number.NaN), card })).code).toBe(
      "TRB_MODEL_NOT_FINITE",
    );
    expect(codeOf(() => writeCheckpoint({ parameters: parameters.slice(1), card })).code).toBe("TRB_MODEL_LENGTH_MISMATCH");
    expect(codeOf(() => writeCheckpoint({ parameters, card: { ...card, parameters: 7 } })).code).toBe("TRB_MODEL_CARD_INVALID");
  });
});

describe("a card", () => {
  test("is one line with keys ascending, whatever the order in which it was made", () => {
    const { format, ...rest } = card;
    const swapped = { ...rest, format };
    expect(JSON.stringify(swapped)).not.toBe(JSON.stringify(card));
    expect(encodeCard(swapped)).toBe(encodeCard(card));
    expect(encodeCard(decodeCard(encodeCard(card)))).toBe(encodeCard(card));
    expect(encodeCard(card)).not.toContain("\n");
  });

  const change = (fields: Readonly<Record<string, unknown>>) => JSON.stringify({ ...card, ...fields });
  test.each([
    ["not JSON", "{"],
    ["a list", "[]"],
    ["another version", change({ version: 2 })],
    ["a hash in capitals", change({ planHash: "A".repeat(64) })],
    ["a round that is no number", change({ round: "3" })],
    ["a metric that is no number", change({ metrics: { source: "", values: { hr10: null } } })],
    ["an ε that is no number", change({ privacy: { ...card.privacy, epsilon: "much" } })],
    ["a model with a field that nobody knows", change({ model: { ...spec, layers: 3 } })],
    ["a model of no family", change({ model: { ...spec, family: "oracle" } })],
    ["a model without items", change({ model: { ...spec, items: "30" } })],
    ["limits that are no texts", change({ limits: [1] })],
  ])("with %s is refused", (_, text) => {
    expect(codeOf(() => decodeCard(text)).code).toBe("TRB_MODEL_CARD_INVALID");
  });

  test("in Markdown says what it cost, and lets nobody write HTML or tables into it", () => {
    const page = cardMarkdown({ ...card, federation: "<script>|x", provenance: "a\n# b" });
    expect(page).toContain("| ε spent | 1.25 |");
    expect(page).toContain(card.modelHash);
    expect(page).toContain("| hr10 | 0.25 |");
    expect(page).not.toContain("<script>");
    expect(page).not.toMatch(/^# b/m);
  });
});
