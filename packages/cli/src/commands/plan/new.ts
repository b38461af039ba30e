/** `tributary plan new`: chooses a plan and writes it down; with `--target-epsilon` after a search over all that simulation knows of. */
import { fail } from "@tributary/errors";
import { type Catalogue, readCatalogue, writeCatalogue } from "@tributary/events";
import { trainedCount } from "@tributary/model";
import { federationName, type IdentityKey, lintPlan, type Plan, planHash, provenanceOf } from "@tributary/protocol";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import { type PlannedNumbers, planDocument, storedEvidence, trainingWarnings } from "@tributary/simulate";
import { type Command, Option } from "commander";
import { type AccountantOptions, accountantOption } from "../../accountant-option.ts";
import { readParts } from "../../catalogue-parts-file.ts";
import { addCourseOptions, type CourseOptions, refuseCourse, stagedRounds, withCourse } from "../../course-options.ts";
import { addDeviceOptions, type DeviceOptions } from "../../device-options.ts";
import { chooseWithExtensions, extendedModel, extendedTraining, extendOption } from "../../extension-options.ts";
import { writeOutput } from "../../files.ts";
import { beginningAt, broughtParameters, type InitialModelOptions, initialModelOption } from "../../initial-model-option.ts";
import {
  acceptEveryOption,
  acceptToleranceOption,
  featureMeansOption,
  heldOutOption,
  type MetricsOptions,
  metricsShareOption,
  metricsWishes,
} from "../../metrics-options.ts";
import { addModelOptions, featuredCatalogue, type ModelOptions, modelWishes } from "../../model-options.ts";
import { openExtensions } from "../../open-extensions.ts";
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
} from "../../options.ts";
import { print } from "../../output.ts";
import { type SamplerOptions, samplerOption } from "../../sampler-option.ts";
import { addStatisticsOptions, type StatisticsOptions, statisticsWishes } from "../../statistics-options.ts";
import { tunedOption, tunedWishes } from "../../tuned-option.ts";
import { updateNormOption, withUpdateNorm } from "../../update-norm-option.ts";
import { checkDeviceOptions, chooseForDevices } from "./device-plan.ts";
import { addSearchOptions, type SearchOptions, search } from "./search.ts";

export interface NewOptions
  extends InitialModelOptions,
    ModelOptions,
    SamplerOptions,
    AccountantOptions,
    StatisticsOptions,
    MetricsOptions,
    DeviceOptions,
    CourseOptions,
    SearchOptions {
  readonly home?: string;
  readonly federation: string;
  readonly catalogue?: string;
  readonly catalogueProvenance: Plan["catalogueProvenance"];
  readonly catalogueParts?: string;
  readonly customers: number;
  readonly merchants: number;
  readonly epsilon: number;
  readonly delta: number;
  readonly rounds?: number;
  readonly minCohort?: number;
  readonly maxCorrupt?: number;
  readonly merchantsPerCustomer: number;
  readonly tuned?: string;
  readonly extend?: readonly string[];
  readonly updateNorm?: number;
  readonly out: string;
  readonly catalogueOut?: string;
  readonly demo?: boolean;
  readonly json?: boolean;
}

export function addNew(plan: Command): void {
  const planNew = plan
    .command("new")
    .description("choose a plan for so many customers, merchants and items, and write it down");
  addSearchOptions(addDeviceOptions(addCourseOptions(addStatisticsOptions(addModelOptions(planNew)))))
    .option("--home <folder>", "the coordinator's folder; its key is made there if there is none")
    .option("--catalogue <file>", "catalogue JSONL")
    .addOption(
      integerOption("--customers <n>", "how many customers there are at least, over all merchants", 2).makeOptionMandatory(),
    )
    .addOption(merchantsOption("how many merchants take part").makeOptionMandatory())
    .addOption(epsilonOption(8))
    .addOption(deltaOption(1e-6))
    .addOption(samplerOption())
    .addOption(accountantOption())
    .addOption(integerOption("--rounds <n>", "rounds (default: chosen)", 1))
    .addOption(minCohortOption())
    .addOption(maxCorruptOption())
    .addOption(merchantsPerCustomerOption())
    .addOption(tunedOption())
    .addOption(extendOption())
    .addOption(heldOutOption())
    .addOption(metricsShareOption())
    .addOption(featureMeansOption())
    .addOption(acceptEveryOption())
    .addOption(acceptToleranceOption())
    .addOption(updateNormOption())
    .addOption(
      textOption("--federation <name>", "the federation's name", federationName, "up to 63 of a–z, 0–9 and -").default(
        "federation",
      ),
    )
    .addOption(
      new Option("--catalogue-provenance <how>", "where the catalogue comes from").choices(["public", "log"]).default("public"),
    )
    .option(
      "--catalogue-parts <file>",
      "whose parts it is made of, as `tributary catalogue merge` wrote it; says where it comes from as well",
    )
    .addOption(initialModelOption())
    .option("--out <file>", "where to write it", "plan.json")
    .option(
      "--catalogue-out <file>",
      "where to write the catalogue with the features of --features, which the plan is bound to",
    )
    .option("--demo", "allow a catalogue made from behaviour, and noise below the floor (demonstrations only)")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary plan new --home platform --catalogue catalogue.jsonl --customers 3000 --merchants 6 --epsilon 8 --out plan.json\n\nWhat would an ε buy, by simulation?\n  tributary plan new --target-epsilon 2 --customers 20000 --merchants 20 --items 5000 --budget-hours 1 --html frontier.html\n\nWith item vectors made of public content, which score new items and serve merchants with catalogues of their own:\n  tributary plan new … --item-ids none --item-attributes category,brand --features vectors.npy --catalogue-out joined.jsonl\n\nFor devices, each protected as a whole, that send half as much:\n  tributary plan new … --unit node --bits 16\n\nIn stages, with an end once metrics stop getting better, and a model that serves once it is better:\n  tributary plan new … --no-statistics --stages 6,6@0.5*0.5 --metrics 0.1 --accept-every 3 --early-stop 2 --promote-gain 0.001\n\nWith metrics of a tenth of the customers, and a query from outside, in the ledger, paid:\n  tributary plan new … --metrics 0.1 --extend visit-hours.ts",
    )
    .action(async (options: NewOptions) => {
      checkOptions(options);
      const { catalogue: path } = options;
      const catalogue = path === undefined ? undefined : await featuredCatalogue(await readCatalogue(path), options);
      if (options.targetEpsilon !== undefined) {
        await search(options, options.targetEpsilon, catalogue, (numbers) => written(options, numbers, catalogue));
        return;
      }
      if (catalogue === undefined) throw missing("--catalogue", "a catalogue JSONL file");
      const { plan: numbers, why, warnings } = await choosePlan(options, catalogue);
      printed(options, await written(options, numbers, catalogue), why, warnings);
    });
}

interface ChosenPlan {
  readonly plan: PlannedNumbers;
  readonly why: readonly string[];
  readonly warnings: readonly string[];
}

/** The numbers of a plan for what was asked, why they are so, and what is known to go wrong with them. @throws what planners refuse */
export async function choosePlan(options: NewOptions, catalogue: Catalogue): Promise<ChosenPlan> {
  const parts = options.catalogueParts === undefined ? undefined : readParts(options.catalogueParts, catalogue);
  const { epsilon, delta, customers, merchants, merchantsPerCustomer, minCohort, maxCorrupt } = options;
  const rounds = stagedRounds(options);
  const extensions = await openExtensions(options.extend);
  const { retries = 1 } = options;
  const asked = {
    ...{ customers, merchants, merchantsPerCustomer, epsilon, delta },
    catalogueItems: catalogue.items.length,
    ...modelWishes(options, catalogue),
    ...extendedModel(extensions),
    ...{ sampler: options.sampler, accountant: options.accountant },
    ...(parts === undefined ? {} : { catalogueParts: parts }),
    ...(rounds === undefined ? {} : { rounds }),
    ...(minCohort === undefined ? {} : { minCohort }),
    ...(maxCorrupt === undefined ? {} : { maxCorrupt }),
  };
  if (options.unit === "node") return { ...chooseForDevices(asked, options), warnings: [] };
  const request = {
    ...asked,
    ...beginningAt(
      options,
      tunedWishes(options.tuned, statisticsWishes({ ...options, ...extendedTraining(options, extensions) }, { retries })),
    ),
  };
  const wishes = { ...metricsWishes(options), retries };
  const chosen = withUpdateNorm(chooseWithExtensions(request, extensions, wishes), options.updateNorm);
  const choice = withCourse(chosen, merchants, options);
  return { plan: choice.plan, why: choice.why, warnings: trainingWarnings(choice, request, storedEvidence) };
}

/** The whole plan, of a coordinator with this key. */
export function planOf(options: NewOptions, numbers: PlannedNumbers, catalogue: Catalogue, coordinatorKey: IdentityKey): Plan {
  const { catalogueParts } = numbers;
  const catalogueProvenance = catalogueParts === undefined ? options.catalogueProvenance : provenanceOf(catalogueParts);
  return planDocument(nodeCrypto(), numbers, {
    ...{ federation: options.federation, coordinatorKey, catalogue, catalogueProvenance },
    ...broughtParameters(options, numbers.model),
  });
}

function printed(
  { json }: NewOptions,
  file: Awaited<ReturnType<typeof written>>,
  why: readonly string[],
  warnings: readonly string[],
): void {
  print(json, { ...file, why, warnings }, () => [
    ...why.map((reason) => `• ${reason}`),
    ...warnings.map((warning) => `⚠ ${warning}`),
    `written to ${file.plan}; plan hash ${file.planHash}`,
  ]);
}

/** @throws TRB_CLI_BAD_OPTION */
function checkOptions(options: NewOptions): void {
  checkDeviceOptions(options);
  const { targetEpsilon, home, catalogue, features, catalogueOut, tuned } = options;
  if ((features === undefined) !== (catalogueOut === undefined)) {
    throw fail("TRB_CLI_BAD_OPTION", {
      ...{ option: "--catalogue-out", value: catalogueOut ?? "nothing" },
      expected: "given together with --features: nodes get their features in that file",
    });
  }
  if (targetEpsilon !== undefined) refuseCourse(options, "absent with --target-epsilon: only steady training was simulated");
  if (options.unit === "node") refuseCourse(options, "absent with --unit node: devices train in one way");
  if (targetEpsilon !== undefined && tuned !== undefined) {
    const expected = "absent with --target-epsilon: only the usual recipes were simulated";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--tuned", value: tuned, expected });
  }
  for (const option of ["metrics", "featureMeans", "extend", "catalogueParts"] as const) {
    if (targetEpsilon === undefined || options[option] === undefined) continue;
    const expected = "absent with --target-epsilon: what is read and what comes from outside was not simulated";
    const flag = option.replace(/[A-Z]/, (letter) => `-${letter.toLowerCase()}`);
    throw fail("TRB_CLI_BAD_OPTION", { option: `--${flag}`, value: "given", expected });
  }
  if (targetEpsilon !== undefined && home === undefined) return; // nothing is written
  if (home === undefined) throw missing("--home", "the coordinator's folder");
  if (catalogue === undefined) throw missing("--catalogue", "a catalogue JSONL file, without which no plan can be written");
}

const missing = (option: string, expected: string) => fail("TRB_CLI_BAD_OPTION", { option, value: "left out", expected });

/** Writes the plan, once it is sound, and the catalogue that it is bound to. */
export async function written(options: NewOptions, numbers: PlannedNumbers, catalogue: Catalogue | undefined) {
  const { home, out, catalogueOut, demo = false } = options;
  if (home === undefined || catalogue === undefined) return { plan: null, planHash: null };
  const { coordinatorIdentity } = await import("@tributary/coordinator");
  const plan = planOf(options, numbers, catalogue, coordinatorIdentity(home).key);
  const [finding] = lintPlan(plan, { demo, parameterCount: trainedCount(plan.model, plan.trained) });
  if (finding) throw fail(finding.code, finding.details);
  if (catalogueOut !== undefined) await writeCatalogue(catalogueOut, catalogue);
  writeOutput(out, `${JSON.stringify(plan, null, 2)}\n`);
  return { plan: out, planHash: planHash(nodeCrypto(), plan) };
}
