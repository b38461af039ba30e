import { isTributaryError } from "@tributary/errors";
import { expect, test } from "vitest";
import { parameterShapes } from "../parameters.ts";
import { modelSpec } from "../spec.ts";
import { trainedTensors } from "../trained-tensors.ts";
import { personalLayers } from "./personal-layers.ts";

const spec = modelSpec({
  ...{ items: 12, length: 6, width: 4, blocks: 3, heads: 1, actions: 3 },
  weights: { nextItem: 1000, nextAction: 100, churn: 0, purchase: 0 },
});
const names = parameterShapes(spec).map(({ name }) => name);

const refusal = (layers: readonly string[]) => {
  try {
    return personalLayers(spec, layers).join();
  } catch (error) {
    return isTributaryError(error) ? { code: error.code, suggestion: error.details["suggestion"] } : "uncoded";
  }
};

test("layers are named by groups, by tensors and by patterns, and come in the model's order", () => {
  expect(personalLayers(spec, ["heads", "last-block"])).toEqual(
    names.filter((name) => /^(block2|final|actionHead)\./.test(name)),
  );
  expect(personalLayers(spec, ["final.gain", "block0.up.*"])).toEqual(["block0.up.weight", "block0.up.bias", "final.gain"]);
  expect(personalLayers(spec, ["all"])).toEqual(names);
  expect(personalLayers(spec)).toEqual(names.filter((name) => /^(item|block2|final|actionHead)\./.test(name)));
});

test("what stands in one matrix is trained as one, so that every choice can be trained", () => {
  const chosen = personalLayers(spec, ["block1.self.query.weight"]);
  expect(chosen).toEqual(["query", "key", "value"].map((part) => `block1.self.${part}.weight`));
  for (const name of names) expect(() => trainedTensors(spec, personalLayers(spec, [name]))).not.toThrow();
});

test("an unknown layer is refused with the nearest name, and a stranger without one", () => {
  const code = "TRB_VALUE_LAYER_UNKNOWN";
  expect(refusal(["head"])).toEqual({ code, suggestion: " Did you mean heads?" });
  expect(refusal(["heads", "lastblock"])).toEqual({ code, suggestion: " Did you mean last-block?" });
  expect(refusal(["final.gian"])).toEqual({ code, suggestion: " Did you mean final.gain?" });
  expect(refusal(["something else altogether"])).toEqual({ code, suggestion: "" });
  expect(refusal(["attributes"])).toEqual({ code, suggestion: "" }); // a group that this model has none of
  expect(refusal([""])).toMatchObject({ code });
});
