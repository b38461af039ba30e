import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { GraphBuilder } from "../graph/builder.ts";
import { plus, product, slice, toTheEnd } from "../graph/operations.ts";
import { encodeOnnx } from "./encode.ts";
import { ProtobufWriter } from "./protobuf.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

test("the wire format is protobuf's: the examples of its encoding guide, and a negative int64 in ten bytes", () => {
  expect(hex(new ProtobufWriter().integer(1, 150).finish())).toBe("089601");
  expect(hex(new ProtobufWriter().string(2, "testing").finish())).toBe("120774657374696e67");
  expect(hex(new ProtobufWriter().message(3, (inner) => inner.integer(1, 150)).finish())).toBe("1a03089601");
  expect(hex(new ProtobufWriter().integer(1, -2).finish())).toBe("08feffffffffffffffff01");
  expect(hex(new ProtobufWriter().float(2, 1).finish())).toBe("150000803f");
});

test("a writer grows past its first room", () => {
  const long = "x".repeat(5000);
  expect(new ProtobufWriter().string(1, long).finish()).toHaveLength(5003);
});

function sample() {
  const g = new GraphBuilder("sample");
  const x = g.input("x", ["B", 3]);
  const w = g.parameter("w", [3, 2]);
  g.output("y", plus(g, product(g, slice(g, x, 0, 1, toTheEnd, "C"), w, { alpha: 0.5 }), g.constant([10, 20])));
  return g.graph();
}

test("equal graphs are equal bytes, and weights inside change nothing in what the graph computes", async () => {
  expect(hex(encodeOnnx(sample()))).toBe(hex(encodeOnnx(sample())));
  const weights = Float32Array.of(1, 2, 3, 4, 5, 6);
  const x = new ort.Tensor("float32", Float32Array.of(9, 9, 9, 1, 0, 2), [2, 3]);
  const bare = await ort.InferenceSession.create(encodeOnnx(sample()));
  const full = await ort.InferenceSession.create(encodeOnnx(sample(), { initialisers: new Map([["w", weights]]) }));
  expect(full.inputNames).toEqual(["x"]);
  const fed = await bare.run({ x, w: new ort.Tensor("float32", weights, [3, 2]) });
  const kept = await full.run({ x });
  // 0.5·[1 0 2]·w + [10 20]
  expect([...(kept["y"]?.data ?? [])]).toEqual([10 + 5.5, 20 + 7]);
  expect(kept["y"]?.data).toEqual(fed["y"]?.data);
  await bare.release();
  await full.release();
});

test("an initialiser of the wrong size or of no input is refused", () => {
  const encode = (name: string, size: number) => () =>
    encodeOnnx(sample(), { initialisers: new Map([[name, new Float32Array(size)]]) });
  expect(encode("w", 5)).toThrow(expect.objectContaining({ code: "TRB_TENSOR_FEED_SHAPE" }));
  expect(encode("v", 6)).toThrow(expect.objectContaining({ code: "TRB_TENSOR_FEED_MISSING" }));
});

test("an operator that nothing runs, or a tensor that nothing makes, is refused before a byte is written", () => {
  const g = new GraphBuilder("unknown");
  g.output("y", g.node("NoSuchOperator", [g.input("x", [1])], [1]));
  expect(() => encodeOnnx(g.graph())).toThrow(
    expect.objectContaining({
      code: "TRB_TENSOR_UNKNOWN_OPERATOR",
      details: expect.objectContaining({ operator: "NoSuchOperator" }),
    }),
  );
  const h = new GraphBuilder("dangling");
  h.output("y", plus(h, h.input("x", [1]), g.constant(1)));
  expect(() => encodeOnnx(h.graph())).toThrow(expect.objectContaining({ code: "TRB_TENSOR_DANGLING" }));
});
