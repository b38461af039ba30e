/** `tributary plan check`: everything that is wrong with a plan, and what could be stricter. */
import { fail, isTributaryError, type TributaryError } from "@tributary/errors";
import { readCatalogue } from "@tributary/events";
import { graphHashOf, isInitialModelAgreed } from "@tributary/federation";
import { graphVersion, isExtensionRegistered, trainedCount } from "@tributary/model";
import { falselySignedParts, type LintOptions, lintPlan, type Plan, parsePlan, planRemarks } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import type { Command } from "commander";
import { hashOfCatalogue, mergeDeclared } from "../../catalogue-parts-file.ts";
import { readJsonOnce } from "../../files.ts";
import { extensionFilesOption, openExtensions } from "../../open-extensions.ts";
import { integerOption, jsonOption } from "../../options.ts";
import { print } from "../../output.ts";

interface CheckOptions {
  readonly demo?: boolean;
  readonly strict?: boolean;
  readonly nodes?: number;
  readonly parts?: readonly string[];
  readonly extension?: readonly string[];
  readonly json?: boolean;
}

/** As it is printed: which rule, at which field, and what to do about it. */
interface Line {
  readonly code: string;
  /** As in `releases.0.scale`. */
  readonly field: string;
  readonly message: string;
  readonly advice: string;
}

export function addCheck(plan: Command): void {
  plan
    .command("check")
    .description("refuse a plan that does not keep what it promises (exit 3)")
    .argument("<file>", "plan.json")
    .option("--demo", "allow a catalogue made from behaviour, and noise below the floor (demonstrations only)")
    .option("--strict", "refuse what is only remarked on as well")
    .addOption(integerOption("--nodes <n>", "how many nodes there will be: whether its rounds fit them", 3))
    .option("--parts <files...>", "the merchants' parts of the catalogue: makes it again and compares its hash")
    .addOption(extensionFilesOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary plan check plan.json\n\ndocs/plan-rules.md says for each field what guards it.",
    )
    .action(async (file: string, options: CheckOptions) => {
      await openExtensions(options.extension);
      const parsed = parsePlan(readJsonOnce(file));
      const { findings, remarks } = checked(parsed, options);
      await checkParts(parsed, options.parts);
      const ok = findings.length === 0 && !(options.strict === true && remarks.length > 0);
      if (!ok) process.exitCode = 3;
      const words = ({ code, field, message, advice }: Line) => `${code}  ${field}: ${message}\n  what to do: ${advice}`;
      print(options.json, { ok, findings, remarks }, () => [
        ...findings.map(words),
        ...(ok ? ["the plan is sound"] : []),
        ...(remarks.length === 0 ? [] : ["", options.strict ? "refused, as --strict asks:" : "it could be stricter:"]),
        ...remarks.map(words),
      ]);
    });
}

function checked(plan: Plan, options: CheckOptions): { readonly findings: readonly Line[]; readonly remarks: readonly Line[] } {
  const counted = countTrained(plan);
  const surroundings: LintOptions = {
    demo: options.demo ?? false,
    ...(options.nodes === undefined ? {} : { nodes: options.nodes }),
    ...(isTributaryError(counted) ? {} : counted),
  };
  const line = ({ code, path, message, advice }: ReturnType<typeof lintPlan>[number]) => ({
    code,
    field: path,
    message,
    advice,
  });
  return {
    findings: [
      ...(isTributaryError(counted) ? [lineOf(counted, "model")] : graphFindings(plan)),
      ...lintPlan(plan, surroundings).map(line),
    ],
    remarks: planRemarks(plan, surroundings).map(line),
  };
}

/** A model that an extension brings is counted where its file was given. */
function countTrained(plan: Plan): { readonly parameterCount?: number } | TributaryError {
  if (!isBuildable(plan)) return {};
  try {
    return { parameterCount: trainedCount(plan.model, plan.trained) };
  } catch (error) {
    if (isTributaryError(error)) return error;
    throw error;
  }
}

const isBuildable = ({ model }: Plan) => model.family !== "extension" || isExtensionRegistered(model.extension ?? "");

/** What every node will compare: whether the plan means the graph, and the initial model, that follow from its model. */
function graphFindings(plan: Plan): Line[] {
  if (!isBuildable(plan)) return [];
  const crypto = nodeCrypto();
  if (graphHashOf(crypto, plan.model, plan.trained) !== plan.graphHash || plan.graphVersion !== graphVersion)
    return [lineOf(fail("TRB_PLAN_GRAPH_MISMATCH", { graphVersion: plan.graphVersion }), "graphHash")];
  if (isInitialModelAgreed(crypto, plan)) return [];
  return [lineOf(fail("TRB_PLAN_INITIAL_MODEL_UNDECLARED"), "initialModelHash")];
}

const lineOf = ({ code, message, advice }: TributaryError, field: string): Line => ({ code, field, message, advice });

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
