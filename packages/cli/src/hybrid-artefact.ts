/** The one artefact that serves what a federation released: tables and attention (docs/models.md, "Everything in one ranker"). */
import { fail } from "@tributary/errors";
import type { Catalogue } from "@tributary/events";
import type { FederationModel } from "@tributary/federation";
import { type HybridFiles, type ModelCard, type Repeats, releasedOnlyHybrid, writeHybrid } from "@tributary/model";
import type { Plan } from "@tributary/protocol";
import type { AttentionTraining } from "@tributary/simulate";
import type { Executor } from "@tributary/tensor";
import { hybridOptions, servedModel } from "./demo/judges.ts";

export interface ArtefactSource {
  readonly plan: Plan;
  readonly model: FederationModel;
  readonly card: ModelCard;
  readonly catalogue: Catalogue;
  readonly repeats: Repeats;
  /** How a student is taught, where it isn't as usual. */
  readonly attention?: AttentionTraining;
}

/** Said of attention that no round trained. */
const studentLimit =
  "Attention was taught by walks along the released tables when these files were made. It costs no ε, and its weights are not in the file that the model hash is of.";

/**
 * `model.onnx`, `tables.safetensors` and `modelcard.md`, with nothing of any merchant's own in them. Where the plan trains from statistics on, attention is
 * the model that the ledger names; else a student of what was released, made here.
 * @throws TRB_CLI_BAD_OPTION for a federation that released no statistics yet, TRB_TRAINING_SPEC_INVALID for a model that walks can't teach
 */
export async function hybridArtefact(
  { plan, model, card, catalogue, repeats, attention }: ArtefactSource,
  executor: Executor,
): Promise<HybridFiles> {
  if (model.statistics?.popularity === undefined) {
    const expected = "absent: this federation has released no statistics that could serve";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--hybrid", value: "given", expected });
  }
  const judging = { model: plan.model, items: catalogue.items.length, executor, repeats };
  const options = hybridOptions(plan, { catalogue }, judging, attention);
  const released = await servedModel(plan, model, options);
  const limits = plan.warmStart === undefined ? [...card.limits, studentLimit] : card.limits;
  return writeHybrid(releasedOnlyHybrid(released, options.recipe), options.similarity, { ...card, limits }, "released");
}
