/** `tributary plan …`: what a federation may do and what it costs, fixed in one document. */
import { trainedCount } from "@tributary/model";
import { describePlan, explainPlan, lintPlan, parsePlan } from "@tributary/protocol";
import { Command } from "commander";
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
    .addOption(extensionFilesOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary plan check plan.json")
    .action(async (file: string, options: { demo?: boolean; extension?: string[]; json?: boolean }) => {
      await openExtensions(options.extension);
      const parsed = parsePlan(readJson(file));
      const findings = lintPlan(parsed, {
        demo: options.demo ?? false,
        parameterCount: trainedCount(parsed.model, parsed.trained),
      });
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
