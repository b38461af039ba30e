/** `tributary plan …`: what a federation may do and what it costs, fixed in one document. */
import { fail } from "@tributary/errors";
import { readCatalogue } from "@tributary/events";
import { trainedCount } from "@tributary/model";
import { describePlan, explainPlan, falselySignedParts, lintPlan, type Plan, parsePlan } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { Command } from "commander";
import { hashOfCatalogue, mergeDeclared } from "../catalogue-parts-file.ts";
import { extensionFilesOption, openExtensions } from "../extension-options.ts";
import { readJson } from "../files.ts";
import { jsonOption } from "../options.ts";
import { print } from "../output.ts";
import { addEvidence } from "./plan/evidence.ts";
import { addNew } from "./plan/new.ts";

export function planCommand(): Command {
  const plan = new Command("plan").description("what a federation may do, and what it costs");

  addNew(plan);
  addEvidence(plan);

  plan
    .command("check")
    .description("refuse a plan that does not keep what it promises (exit 3)")
    .argument("<file>", "plan.json")
    .option("--demo", "allow a catalogue made from behaviour (demonstrations only)")
    .option("--parts <files...>", "the merchants' parts of the catalogue: makes it again and compares its hash")
    .addOption(extensionFilesOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary plan check plan.json")
    .action(async (file: string, options: { demo?: boolean; parts?: string[]; extension?: string[]; json?: boolean }) => {
      await openExtensions(options.extension);
      const parsed = parsePlan(readJson(file));
      const findings = lintPlan(parsed, {
        demo: options.demo ?? false,
        parameterCount: trainedCount(parsed.model, parsed.trained),
      });
      await checkParts(parsed, options.parts);
      if (findings.length > 0) process.exitCode = 3;
      print(options.json, { ok: findings.length === 0, findings }, () =>
        findings.length === 0
          ? ["the plan is sound"]
          : findings.map((finding) => `${finding.code}  ${finding.path}: ${finding.message}\n  what to do: ${finding.advice}`),
      );
    });

  plan
    .command("explain")
    .description("put a plan into words: what it releases, what it costs, whom one has to trust")
    .argument("<file>", "plan.json")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary plan explain plan.json")
    .action((file: string, options: { json?: boolean }) => {
      const parsed = parsePlan(readJson(file));
      print(options.json, describePlan(parsed), () => explainPlan(parsed));
    });

  return plan;
}

/**
 * That merchants signed for their parts, and, where the parts are given, that the catalogue is made of them.
 * @throws TRB_PLAN_CATALOGUE_PART_SIGNATURE, TRB_PLAN_CATALOGUE_PART_OTHER, and what reading a catalogue throws
 */
async function checkParts({ catalogueParts = [], catalogueHash }: Plan, files: readonly string[] | undefined): Promise<void> {
  const [name] = falselySignedParts(nodeCrypto(), catalogueParts);
  if (name !== undefined) throw fail("TRB_PLAN_CATALOGUE_PART_SIGNATURE", { name });
  if (files === undefined) return;
  const { catalogue } = mergeDeclared(await Promise.all(files.map(readCatalogue)), catalogueParts);
  if (hashOfCatalogue(catalogue) !== catalogueHash)
    throw fail("TRB_PLAN_CATALOGUE_PART_OTHER", { reason: "the plan's catalogue is not what these parts make" });
}
