/** `tributary plan …`: what a federation may do and what it costs, fixed in one document. */
import { beliefBounds, customerParagraph, describePlan, explainPlan, type PlanLanguage, parsePlan } from "@tributary/protocol";
import { Command } from "commander";
import { readJsonOnce } from "../files.ts";
import { languageOption } from "../language-option.ts";
import { jsonOption } from "../options.ts";
import { print, prose } from "../output.ts";
import { addCheck } from "./plan/check.ts";
import { addEvidence } from "./plan/evidence.ts";
import { addNew } from "./plan/new.ts";

export function planCommand(): Command {
  const plan = new Command("plan").description("what a federation may do, and what it costs");

  addNew(plan);
  addEvidence(plan);
  addCheck(plan);

  plan
    .command("explain")
    .description("put a plan into words: what a customer should know, what it releases, what it costs, whom one has to trust")
    .argument("<file>", "plan.json")
    .addOption(languageOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary plan explain plan.json\n  tributary plan explain plan.json --language zh")
    .action((file: string, { language, json }: { language: PlanLanguage; json?: boolean }) => {
      const parsed = parsePlan(readJsonOnce(file));
      const paragraph = customerParagraph(parsed, language);
      const customers = { language, paragraph, ...beliefBounds(parsed) };
      print(json, { customers, ...describePlan(parsed, language) }, () =>
        prose([paragraph, "", ...explainPlan(parsed, language)]),
      );
    });

  return plan;
}
