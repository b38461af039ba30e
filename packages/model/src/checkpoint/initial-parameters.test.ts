import { createHash } from "node:crypto";
import { seededRandom } from "@tributary/events/histories";
import { describe, expect, test } from "vitest";
import { parameterShapes, sizeOf } from "../parameters.ts";
import { type ModelSpec, modelSpec } from "../spec.ts";
import { initialParameters } from "./initial-parameters.ts";

function stream() {
  const random = seededRandom(1, "initial");
  return {
    fill(out: Uint8Array) {
      for (let i = 0; i < out.length; i++) out[i] = random.below(256);
    },
  };
}

const sizes = { items: 400, length: 6, width: 16, heads: 2, feedForward: 2 } as const;

/** Each tensor's numbers, and their deviation from zero. */
function tensorsOf(spec: ModelSpec) {
  const values = initialParameters(spec, stream());
  let begin = 0;
  return new Map(
    parameterShapes(spec).map(({ name, shape }) => {
      const tensor = values.subarray(begin, (begin += sizeOf(shape)));
      return [name, { tensor, deviation: Math.sqrt(tensor.reduce((sum, x) => sum + x * x, 0) / tensor.length) }];
    }),
  );
}

test("a sasrec model begins with the bytes that it has always begun with", () => {
  const spec = modelSpec({
    ...{ items: 20, length: 6, width: 8, blocks: 2, heads: 2, actions: 4, timeGaps: 5 },
    weights: { nextItem: 1000, nextAction: 500, churn: 0, purchase: 0 },
  });
  const bytes = new Uint8Array(initialParameters(spec, stream()).buffer);
  expect(createHash("sha256").update(bytes).digest("hex")).toBe(
    "1bf391b7ac8b7f5e7d82e81537a349a7423d431b897a187c59e3de2bc1f2ea31",
  );
});

describe("what is drawn, and how wide", () => {
  // hundreds of seeded uniform numbers: within a third of the deviation that is stated
  const near = (value: number | undefined, deviation: number) =>
    expect(Math.abs((value ?? 0) / deviation - 1), `${value} for ${deviation}`).toBeLessThan(1 / 3);

  test.each<[ModelSpec["family"], readonly string[], readonly string[]]>([
    ["bert4rec", ["mask.weight"], ["block0.self.query.weight", "block0.down.weight"]],
    ["seq2seq", ["start.weight"], ["encoder0.up.weight", "decoder0.cross.value.weight", "decoder0.self.output.weight"]],
  ])("%s: its token as an item vector, its branches small, its positions zero", (family, tokens, branches) => {
    const tensors = tensorsOf(modelSpec({ ...sizes, family }));
    for (const name of ["item.weight", ...tokens]) near(tensors.get(name)?.deviation, 0.1);
    for (const name of branches) near(tensors.get(name)?.deviation, 0.02);
    for (const [name, { deviation }] of tensors) {
      if (name.endsWith("osition.weight") || name.endsWith("bias")) expect(deviation, name).toBe(0);
    }
  });

  test.each(["lstm", "gru"] as const)("%s: PyTorch's ±1/√width, and an LSTM's forget gates open", (family) => {
    const tensors = tensorsOf(modelSpec({ ...sizes, family }));
    for (const name of ["recurrent.input.weight", "recurrent.hidden.weight"]) {
      near(tensors.get(name)?.deviation, 1 / Math.sqrt(3 * 16));
      expect(Math.max(...(tensors.get(name)?.tensor ?? [])), name).toBeLessThan(1 / 4);
    }
    const open = Array.from({ length: (family === "lstm" ? 4 : 3) * 16 }, (_, i) =>
      family === "lstm" && i >= 16 && i < 32 ? 1 : 0,
    );
    expect([...(tensors.get("recurrent.input.bias")?.tensor ?? [])]).toEqual(open);
    expect(tensors.get("recurrent.hidden.bias")?.deviation).toBe(0);
  });

  test("a separate output table scores as a tied one would", () => {
    const tensors = tensorsOf(modelSpec({ ...sizes, output: "separate" }));
    expect(tensors.get("output.weight")?.tensor).toEqual(tensors.get("item.weight")?.tensor);
  });

  test("attributes and features are learnt on top of ids; without ids they tell items apart", () => {
    const attributes = [{ name: "brand", values: 40 }];
    const own = tensorsOf(modelSpec({ ...sizes, item: { ids: "own", attributes, features: 25 } }));
    expect(own.get("attribute.brand.weight")?.deviation).toBe(0);
    expect(own.get("feature.weight")?.deviation).toBe(0);
    const none = tensorsOf(modelSpec({ ...sizes, item: { ids: "none", attributes, features: 25 }, output: "separate" }));
    near(none.get("attribute.brand.weight")?.deviation, 0.1 / Math.SQRT2);
    near(none.get("feature.weight")?.deviation, 0.1 / Math.SQRT2 / 5);
    near(none.get("output.weight")?.deviation, 0.1);
  });
});
