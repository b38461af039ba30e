/** `tributary plan …`: what a federation may do and what it costs, fixed in one document. */
import { coordinatorIdentity } from "@tributary/coordinator";
import { fail } from "@tributary/errors";
import { readCatalogue, writeCatalogue } from "@tributary/events";
import { parameterCount } from "@tributary/model";
import { describePlan, explainPlan, federationName, lintPlan, type Plan, parsePlan, planHash } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { choosePlan, planDocument } from "@tributary/simulate";
import { Command, Option } from "commander";
import { readJson, writeOutput } from "../files.ts";
import { addModelOptions, featuredCatalogue, type ModelOptions, modelWishes } from "../model-options.ts";
import {
  deltaOption,
  epsilonOption,
  integerOption,
  jsonOption,
  maxCorruptOption,
  merchantsOption,
  merchantsPerCustomerOption,
  minCohortOption,
  textOption,
} from "../options.ts";
import { print } from "../output.ts";
import { type SamplerOptions, samplerOption } from "../sampler-option.ts";
import { addStatisticsOptions, type StatisticsOptions, statisticsWishes } from "../statistics-options.ts";

interface NewOptions extends ModelOptions, SamplerOptions, StatisticsOptions {
  readonly home: string;
  readonly federation: string;
  readonly catalogue: string;
  readonly catalogueProvenance: Plan["catalogueProvenance"];
  readonly customers: number;
  readonly merchants: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds?: number;
  readonly minCohort?: number;
  readonly maxCorrupt?: number;
  readonly merchantsPerCustomer: number;
  readonly out: string;
  readonly catalogueOut?: string;
  readonly demo?: boolean;
  readonly json?: boolean;
}

export function planCommand(): Command {
  const plan = new Command("plan").description("what a federation may do, and what it costs");

  const planNew = plan
    .command("new")
    .description("choose a plan for so many customers, merchants and items, and write it down");
  addStatisticsOptions(addModelOptions(planNew))
    .requiredOption("--home <folder>", "the coordinator's folder; its key is made there if there is none")
    .requiredOption("--catalogue <file>", "catalogue JSONL")
    .addOption(
      integerOption("--customers <n>", "how many customers there are at least, over all merchants", 2).makeOptionMandatory(),
    )
    .addOption(merchantsOption("how many merchants take part").makeOptionMandatory())
    .addOption(epsilonOption(8))
    .addOption(deltaOption(1e-6))
    .addOption(samplerOption())
    .addOption(integerOption("--rounds <n>", "rounds (default: chosen)", 1))
    .addOption(minCohortOption())
    .addOption(maxCorruptOption())
    .addOption(merchantsPerCustomerOption())
    .addOption(
      textOption("--federation <name>", "the federation's name", federationName, "up to 63 of a–z, 0–9 and -").default(
        "federation",
      ),
    )
    .addOption(
      new Option("--catalogue-provenance <how>", "where the catalogue comes from").choices(["public", "log"]).default("public"),
    )
    .option("--out <file>", "where to write it", "plan.json")
    .option(
      "--catalogue-out <file>",
      "where to write the catalogue with the features of --features, which the plan is bound to",
    )
    .option("--demo", "allow a catalogue made from behaviour (demonstrations only)")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary plan new --home platform --catalogue catalogue.jsonl --customers 3000 --merchants 6 --epsilon 8 --out plan.json\n\nWith item vectors made of public content, which score new items and serve merchants with catalogues of their own:\n  tributary plan new … --item-ids none --item-attributes category,brand --features vectors.npy --catalogue-out joined.jsonl",
    )
    .action(async (options: NewOptions) => {
      const { epsilon, delta, customers, merchants, merchantsPerCustomer, rounds, minCohort, maxCorrupt } = options;
      const crypto = nodeCrypto();
      if ((options.features === undefined) !== (options.catalogueOut === undefined)) {
        throw fail("TRB_CLI_BAD_OPTION", {
          ...{ option: "--catalogue-out", value: options.catalogueOut ?? "nothing" },
          expected: "given together with --features: nodes get their features in that file",
        });
      }
      const catalogue = await featuredCatalogue(await readCatalogue(options.catalogue), options);
      const choice = choosePlan({
        ...{ customers, merchants, merchantsPerCustomer, epsilon, delta },
        catalogueItems: catalogue.items.length,
        ...modelWishes(options, catalogue),
        sampler: options.sampler,
        ...(rounds === undefined ? {} : { rounds }),
        ...(minCohort === undefined ? {} : { minCohort }),
        ...(maxCorrupt === undefined ? {} : { maxCorrupt }),
        ...statisticsWishes(options, { retries: 1 }),
      });
      const { federation, catalogueProvenance } = options;
      const { key: coordinatorKey } = coordinatorIdentity(options.home);
      const plan = planDocument(crypto, choice.plan, { federation, coordinatorKey, catalogue, catalogueProvenance });
      requireSound(plan, options.demo ?? false);
      if (options.catalogueOut !== undefined) await writeCatalogue(options.catalogueOut, catalogue);
      writeOutput(options.out, `${JSON.stringify(plan, null, 2)}\n`);
      print(options.json, { plan: options.out, planHash: planHash(crypto, plan), why: choice.why }, () => [
        ...choice.why.map((reason) => `• ${reason}`),
        `written to ${options.out}; plan hash ${planHash(crypto, plan)}`,
      ]);
    });

  plan
    .command("check")
    .description("refuse a plan that does not keep what it promises (exit 3)")
    .argument("<file>", "plan.json")
    .option("--demo", "allow a catalogue made from behaviour (demonstrations only)")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary plan check plan.json")
    .action((file: string, options: { demo?: boolean; json?: boolean }) => {
      const parsed = parsePlan(readJson(file));
      const findings = lint(parsed, options.demo ?? false);
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

function lint(plan: Plan, demo: boolean) {
  return lintPlan(plan, { demo, parameterCount: parameterCount(plan.model) });
}

function requireSound(plan: Plan, demo: boolean): void {
  const [finding] = lint(plan, demo);
  if (finding) throw fail(finding.code, finding.details);
}
