/** An exported artefact in place of what the ledger names: it serves as it was made, and is refused for another catalogue or another file. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  intendedUse,
  itemSimilarity,
  knownLimits,
  ownStatistics,
  parameterCount,
  releasedOnlyHybrid,
  startStudent,
  studentSpec,
  transferredRecipe,
  writeHybrid,
} from "@tributary/model";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { prepareServing } from "./prepare.ts";
import { readArtefact } from "./releases.ts";
import { catalogue, historiesOf, ingredients, openShop, shopRows } from "./shop.test-support.ts";
import { recommendAnswer } from "./words.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-artefact-"));
const similarity = itemSimilarity(catalogue.items);
const recipe = transferredRecipe(4);
const spec = studentSpec(catalogue.items.length, { width: 8, blocks: 1, heads: 1, length: 10, dropout: 0 });

beforeAll(() => {
  const served = ownStatistics(historiesOf(shopRows(300, 2)), catalogue.items.length, { window: recipe.window });
  const student = startStudent(spec, { popularity: served.popularity, seed: 3 });
  const digits = (letter: string) => letter.repeat(64);
  const files = writeHybrid(
    releasedOnlyHybrid({ served, student }, recipe),
    similarity,
    {
      ...{ format: "tributary-model-card", version: 1, federation: "shop", round: 6, graphVersion: 1, model: spec },
      ...{ planHash: digits("a"), ledgerHead: digits("b"), modelHash: digits("c"), graphHash: digits("d") },
      ...{
        parameters: parameterCount(spec),
        metrics: null,
        licence: "none",
        provenance: "Walks.",
        intendedUse,
        limits: knownLimits,
      },
      privacy: { unit: "customer", epsilon: "2", delta: "0.000001", limit: "2", conditional: null },
    },
    "released",
  );
  for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(["releasedOnly", "inHouse"] as const)("serves in mode %s, and says that it is an artefact", async (mode) => {
  const from = { ...ingredients({ serve: { mode, minSupport: 5 } }), artefact: readArtefact(folder, catalogue.items.length) };
  const prepared = await prepareServing(from, onnxruntimeExecutor());
  const shop = await openShop(from, { prepared });
  const history = [1, 3, 5].map((item) => ({ item: catalogue.items[item - 1]?.id }));
  const { body } = await shop.ask("/v1/recommend", { history, k: 1, exclude: history.map(({ item }) => item) });
  const { items, model } = recommendAnswer.parse(body);
  expect(items[0]?.item).toBe(catalogue.items[6]?.id); // after item 5 comes item 7, as the tables have it
  expect(model).toMatchObject({ source: "artefact", hash: "c".repeat(64), fallback: false });
  expect(model.parts).toContain("releasedStatistics");
  expect(model.parts.includes("ownCounts")).toBe(mode === "inHouse" && prepared.tables.weights.mixture.own > 0);
  await shop.close();
});

test("of another catalogue, or cut short, it is refused", () => {
  expect(() => readArtefact(folder, 25)).toThrow(expect.objectContaining({ code: "TRB_SERVE_MODEL_UNUSABLE" }));
  expect(() => readArtefact(join(folder, "nowhere"), 24)).toThrow(
    expect.objectContaining({ code: "TRB_SERVE_MODEL_UNUSABLE" }),
  );
  writeFileSync(join(folder, "tables.safetensors"), "short");
  expect(() => readArtefact(folder, 24)).toThrow(expect.objectContaining({ code: "TRB_MODEL_FILE_MALFORMED" }));
});
