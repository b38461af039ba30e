import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { chooseWithExtensions, extendedModel, extendedTraining } from "./extension-options.ts";
import { openExtensions } from "./open-extensions.ts";

const file = (name: string) => fileURLToPath(new URL(`../../../examples/extensions/${name}.ts`, import.meta.url));
const [model, lion, hours] = ["step-by-step", "lion", "visit-hours"].map(file) as [string, string, string];
const request = { catalogueItems: 100, customers: 600, merchants: 4, epsilon: 8, delta: 1e-6 };
const badOption = expect.objectContaining({ code: "TRB_CLI_BAD_OPTION" });

describe("--extend", () => {
  test("plans with the model, the optimiser's own numbers and the query, and names each file by its hash", async () => {
    const extensions = await openExtensions([model, lion, hours]);
    const { plan } = chooseWithExtensions({ ...request, ...extendedModel(extensions) }, extensions, { heldOut: 0.2 });
    expect(plan.model).toMatchObject({ family: "extension", extension: "step-by-step" });
    expect(plan.optimiser).toEqual({
      ...{ name: "extension", extension: "lion", learningRate: "0.01", numbers: { beta1: "0.9", beta2: "0.99" } },
    });
    expect(plan.releases.map(({ kind, query }) => query ?? kind)).toEqual(["training", "visit-hours", "metrics"]);
    expect(plan.extensions).toEqual(extensions.map(({ extension: { name }, sha256 }) => ({ name, sha256 })));
  });

  test("without a file changes no plan", async () => {
    const { plan } = chooseWithExtensions(request, await openExtensions(), {});
    expect(plan.extensions).toBeUndefined();
    expect(plan.releases.map(({ kind }) => kind)).toEqual(["training"]);
  });

  test("--accept-every judges before training and after every so many rounds, and needs customers to judge by", () => {
    const acceptance = { every: 2, metric: "ndcg10", tolerance: 0.01 } as const;
    const { plan } = chooseWithExtensions({ ...request, rounds: 5 }, [], { heldOut: 0.2, acceptance });
    expect(plan.releases.map(({ kind, rounds }) => `${kind} ${rounds}`)).toEqual([
      ...["metrics 1", "training 2", "metrics 1", "training 2", "metrics 1", "training 1", "metrics 1"],
    ]);
    expect(plan.acceptance).toEqual({ metric: "ndcg10", tolerance: "0.01" });
    expect(() => chooseWithExtensions(request, [], { acceptance })).toThrow(badOption);
  });

  test("a model or an optimiser is trained with, a query needs no training", async () => {
    const trained = await openExtensions([lion]);
    expect(extendedTraining({}, trained)).toEqual({ statistics: false });
    expect(extendedTraining({ trainingShare: 0.5 }, trained)).toEqual({});
    expect(() => extendedTraining({ statistics: true }, trained)).toThrow(badOption);
    expect(extendedTraining({}, await openExtensions([hours]))).toEqual({});
  });

  test("takes one model and one optimiser at most", async () => {
    await expect(openExtensions([lion, lion])).rejects.toThrow(badOption);
  });
});
