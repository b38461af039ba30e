/** `tributary model …`: a trained model as files: exported, described, held to its ledger, and asked why. */
import { Command } from "commander";
import { addCertify } from "./model/certify.ts";
import { addExplain } from "./model/explain.ts";
import { addExport } from "./model/export.ts";
import { addPretrain } from "./model/pretrain.ts";
import { addShow } from "./model/show.ts";
import { addVerify } from "./model/verify.ts";

export function modelCommand(): Command {
  const model = new Command("model").description("a trained model: export, describe, certify, verify and explain it");
  addExport(model);
  addShow(model);
  addVerify(model);
  addCertify(model);
  addExplain(model);
  addPretrain(model);
  return model;
}
