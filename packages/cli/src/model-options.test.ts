import { makeCatalogue } from "@tributary/events";
import { Command } from "commander";
import { describe, expect, it } from "vitest";
import { addModelOptions, type ModelOptions, modelArguments, modelWishes } from "./model-options.ts";

const catalogue = makeCatalogue([
  { id: "1", brand: "a", category: "x", features: [1, 2] },
  { id: "2", brand: "b", category: "y" },
]);

function parsed(...words: readonly string[]): ModelOptions {
  const command = addModelOptions(new Command("any")).exitOverride();
  return command.parse([...words], { from: "user" }).opts<ModelOptions & Record<string, unknown>>();
}

const wishes = (...words: readonly string[]) => modelWishes(parsed(...words), catalogue);

describe("the flags of a model", () => {
  it("ask for nothing when they are not given", () => {
    expect(wishes()).toEqual({ item: { ids: "own", attributes: [], features: 0 } });
  });

  it("name family, parts of item vectors, inputs and heads", () => {
    const words = [
      ...["--family", "gru", "--item-ids", "none", "--item-attributes", "category, brand", "--item-features"],
      ...[
        "--inputs",
        "dwell,price,topic",
        "--heads",
        "purchase,next-action",
        "--churn-days",
        "7",
        "--train",
        "norms,attributes",
      ],
    ];
    const expected = {
      family: "gru",
      item: { ids: "none", attributes: ["category", "brand"].map((name) => ({ name, values: 2 })), features: 2 },
      inputs: ["dwell", "price", "topic"],
      topics: 4,
      heads: ["nextAction", "purchase"],
      churnDays: 7,
      trained: ["norms", "attributes"],
    };
    expect(wishes(...words)).toEqual(expected);
    expect(modelWishes(parsed(...modelArguments(parsed(...words))), catalogue)).toEqual(expected); // as a demonstration hands them on
  });

  it("are refused when they name what there is not", () => {
    for (const words of [
      ["--heads", "churn,weather"],
      ["--inputs", "mood"],
      ["--inputs", ""],
    ]) {
      expect(() => parsed(...words)).toThrowError(expect.objectContaining({ code: "TRB_CLI_BAD_OPTION" }));
    }
    expect(() => wishes("--item-attributes", "size")).toThrowError(
      expect.objectContaining({ code: "TRB_MODEL_CONTENT_ATTRIBUTE" }),
    );
  });
});
