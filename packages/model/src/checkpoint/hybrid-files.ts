/**
 * A hybrid as one artefact of three files: `model.onnx` (the attention student, weights inside), `tables.safetensors` (what was released, public content,
 * own counts where they may serve, weights) and `modelcard.md`. The card is in both binary files, and what is opened must hold the same in both.
 *
 * A hybrid that was made in-house holds exact counts and a model that read own sequences. Its card says so: it stays with its merchant.
 */
import { fail } from "@tributary/errors";
import { exportOnnx } from "../graphs/inference.ts";
import type { Hybrid } from "../hybrid/hybrid.ts";
import { parameterCount } from "../parameters.ts";
import type { ItemSimilarity } from "../statistics/item-similarity.ts";
import { readCheckpoint } from "./checkpoint-files.ts";
import { checkHybrid, hybridTensors, type Scope, settingsOf, tablesOf } from "./hybrid-tensors.ts";
import { cardKey, cardMarkdown, decodeCard, encodeCard, type ModelCard } from "./model-card.ts";
import { readTensors, writeTensors } from "./safetensors.ts";

export interface HybridFiles {
  readonly "model.onnx": Uint8Array;
  readonly "tables.safetensors": Uint8Array;
  readonly "modelcard.md": string;
}

const settingsKey = "hybrid";

/** `in-house` where the merchant's own counts, model or weights are in it. */
export const inHouseLimit =
  "Made in-house: own counts, own sequences and own validation are in tables, weights and model, which are not those of the model hash. Outside ε; never leaves the merchant.";

/**
 * @param card of the federation's model, or of the merchant's; `model` and `parameters` must be the student's
 * @param scope `released` only for what `releasedOnlyHybrid` made
 * @throws TRB_MODEL_CARD_INVALID, TRB_MODEL_LENGTH_MISMATCH, TRB_MODEL_FILE_MALFORMED for a hybrid that can't be read again
 */
export function writeHybrid(hybrid: Hybrid, similarity: ItemSimilarity, card: ModelCard, scope: Scope): HybridFiles {
  const { spec, parameters } = hybrid.student;
  checkHybrid(hybrid, similarity, scope);
  const limits = scope === "in-house" && !card.limits.includes(inHouseLimit) ? [...card.limits, inHouseLimit] : card.limits;
  const own = decodeCard(encodeCard({ ...card, limits }));
  if (own.parameters !== parameterCount(spec) || encodeCard({ ...own, model: spec }) !== encodeCard(own))
    throw fail("TRB_MODEL_CARD_INVALID", { reason: "it is of another model than the hybrid's student" });
  const { tensors, data } = hybridTensors(hybrid, similarity);
  const metadata = {
    format: "tributary-hybrid",
    [settingsKey]: settingsOf(hybrid, scope),
    [cardKey]: encodeCard(own),
  };
  return {
    "model.onnx": exportOnnx(spec, parameters, { [cardKey]: encodeCard(own) }),
    "tables.safetensors": writeTensors({ tensors, metadata, data }),
    "modelcard.md": cardMarkdown(own),
  };
}

/** What `openHybridRecommender` serves. */
export interface OpenedHybrid {
  readonly hybrid: Hybrid;
  readonly similarity: ItemSimilarity;
  readonly scope: Scope;
  readonly card: ModelCard;
}

/**
 * @throws TRB_MODEL_CARD_CONTRADICTED when the files are of different models, TRB_MODEL_CARD_INVALID, TRB_MODEL_FILE_MALFORMED, and what
 *   `readCheckpoint` throws
 */
export function readHybrid(files: Pick<HybridFiles, "model.onnx" | "tables.safetensors">): OpenedHybrid {
  const { spec, parameters, card } = readCheckpoint(files["model.onnx"]);
  const tables = readTensors(files["tables.safetensors"]);
  const [text, settings] = [tables.metadata[cardKey], tables.metadata[settingsKey]];
  if (card === undefined || text === undefined || settings === undefined)
    throw fail("TRB_MODEL_FILE_MALFORMED", { reason: "a hybrid's files hold a model card and its weights" });
  const other = decodeCard(text);
  if (encodeCard(other) !== encodeCard(card))
    throw fail("TRB_MODEL_CARD_CONTRADICTED", {
      field: "modelHash",
      found: card.modelHash,
      source: "the card of tables.safetensors",
      expected: other.modelHash,
    });
  const opened = tablesOf(tables, settings, spec.items);
  return { ...opened, hybrid: { ...opened.hybrid, student: { spec, parameters } }, card };
}
