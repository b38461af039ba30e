/** `tributary simulate tune`: which recipe of statistics is best, on data that anybody may see, or for a price on data that nobody may. */
import { createHash } from "node:crypto";
import { appendFileSync, existsSync, truncateSync } from "node:fs";
import { calibrateNoise, type Stopping, stoppingFor } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { type Repeats, type StatisticsRecipe, statisticsRecipe } from "@tributary/model";
import {
  drawRecipes,
  identityLine,
  openTrials,
  planSelection,
  readJournal,
  type Trial,
  type TunedRecipe,
  type TuningData,
  type TuningIdentity,
  type TuningMethod,
  trialLine,
  tune,
  tunePrivately,
  tuningCohort,
  tuningMethods,
} from "@tributary/simulate";
import { Command, Option } from "commander";
import { type LogOptions, readLog } from "../../demo/market.ts";
import { requireDelta } from "../../demo/run.ts";
import { readInput, writeOutput } from "../../files.ts";
import {
  addLogOptions,
  deltaOption,
  epsilonOption,
  integerOption,
  jsonOption,
  merchantsOption,
  numberOption,
  repeatsOf,
  repeatsOption,
} from "../../options.ts";
import { print, table } from "../../output.ts";
import { progressBar } from "../../progress.ts";
import { osRandomSource } from "../../random.ts";
import { tunedFile } from "../../tuned-option.ts";

const distributions = ["logarithmic", "geometric", "poisson"] as const;

interface TuneOptions extends LogOptions {
  readonly public?: boolean;
  readonly private?: boolean;
  readonly epsilon: number;
  readonly delta: number;
  readonly merchants: number;
  readonly recipes: number;
  readonly folds: number;
  readonly method: TuningMethod;
  readonly seed: number;
  readonly state?: string;
  readonly out?: string;
  readonly repeats?: Repeats;
  readonly runs: (typeof distributions)[number];
  readonly meanRuns: number;
  readonly json?: boolean;
}

export function tuneCommand(): Command {
  const command = new Command("tune")
    .description("try recipes of statistics: free on public or made-up data, paid for with --private")
    .option("--events <file>", "a log (default: a synthetic market)")
    .option("--catalogue <file>", "catalogue JSONL (default: the log's own items)")
    .option("--attributes <file>", "public item attributes, JSON or JSONL")
    .option("--public", "anybody may see the log of --events: looks at it are free")
    .option(
      "--private",
      "pay for every look: the best of a secret random number of runs (whoever can time this command learns how many)",
    );
  return addLogOptions(command)
    .addOption(epsilonOption(8))
    .addOption(deltaOption(1e-6))
    .addOption(merchantsOption("how many merchants bring the noise, without --private", 6))
    .addOption(integerOption("--recipes <n>", "how many are tried, the usual one among them", 2, 16, 10_000))
    .addOption(integerOption("--folds <n>", "cross-validation by customer, without --private", 2, 4, 100))
    .addOption(new Option("--method <name>", "how, without --private").choices([...tuningMethods]).default("halving"))
    .addOption(integerOption("--seed <n>", "of recipes, folds and noise; with --private of recipes alone", 0, 1))
    .addOption(integerOption("--seed-market <n>", "seed of the synthetic market", 0, 1))
    .addOption(repeatsOption())
    .option("--state <file>", "trials are written there as they are done; with the same file a killed run goes on")
    .option("--out <file>", "where to write the best recipe, for `simulate --tuned`")
    .addOption(new Option("--runs <distribution>", "with --private").choices([...distributions]).default("logarithmic"))
    .addOption(
      numberOption(
        "--mean-runs <n>",
        "with --private: expected number of runs",
        (value) => value > 1 && value <= 1000,
        "above 1 and up to 1000",
        10,
      ),
    )
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary simulate tune --epsilon 2 --recipes 32 --state tuning.jsonl --out recipe.json\n  tributary simulate tune --events events.csv --columns customer=user,item=item --private --epsilon 8 --json",
    )
    .action(async (options: TuneOptions) => {
      checkOptions(options);
      const log = await readLog(options);
      requireDelta(options.delta, log);
      const data = { histories: log.histories, items: log.catalogue.items, repeats: repeatsOf(options) };
      const recipes = drawRecipes(statisticsRecipe(options.epsilon), options.recipes, options.seed);
      if (options.private === true) await privately(options, data, recipes);
      else await freely(options, data, recipes);
    });
}

function checkOptions(options: TuneOptions): void {
  const { events, state } = options;
  if (options.public === true && options.private === true) {
    throw fail("TRB_CLI_BAD_OPTION", { option: "--public", value: "given", expected: "absent with --private" });
  }
  if (events !== undefined && options.public !== true && options.private !== true) {
    throw fail("TRB_TUNE_DATA_UNDECLARED", { file: events });
  }
  if (state !== undefined && options.private === true) {
    const expected = "absent with --private: what the runs found must not be kept";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--state", value: "given", expected });
  }
}

async function freely(options: TuneOptions, data: TuningData, recipes: readonly StatisticsRecipe[]): Promise<void> {
  const { epsilon, delta, merchants, folds, method, seed, state } = options;
  const noiseMultiplier = calibrateNoise({ epsilon, delta, samplingRate: 1, steps: 1 });
  const measure = openTrials(data, { noiseMultiplier, cohort: tuningCohort(merchants), folds, seed });
  const known =
    state === undefined ? [] : openState(state, { ...identityOf(data, recipes), epsilon, delta, merchants, folds, seed });
  const progress = progressBar();
  const found = await tune({
    ...{ recipes, folds, method, measure, known },
    onTrial: (trial, done, of) => {
      if (state !== undefined) appendFileSync(state, trialLine(trial));
      progress.show("trials", done, of);
    },
  });
  progress.end();
  const { best, base, tried, trials } = found;
  const recipe = recipes[best.recipe] as StatisticsRecipe;
  if (options.out !== undefined) writeOutput(options.out, tunedFile(recipe, null));
  const tuning = options.public === true ? "public data, free" : "synthetic market, free";
  print(
    options.json,
    {
      tuning,
      epsilon,
      delta,
      method,
      folds,
      seed,
      best: { ...best, changed: changed(recipe, recipes[0]) },
      base,
      recipe,
      tried,
      trials,
    },
    () => [
      ...tableOf(tried.slice(0, 10)),
      `Best: recipe ${best.recipe}, NDCG@10 ${best.ndcg10.toFixed(4)} on ${best.folds} folds; the usual one ${base.ndcg10.toFixed(4)} (${tuning}; ${trials} trials).`,
      ...Object.entries(changed(recipe, recipes[0])).map(([field, value]) => `• ${field}: ${value}`),
    ],
  );
}

async function privately(options: TuneOptions, data: TuningData, recipes: readonly StatisticsRecipe[]): Promise<void> {
  const { epsilon, delta, seed } = options;
  const { cost, best } = await tunePrivately(data, {
    recipes,
    stopping: stoppingOf(options),
    epsilon,
    delta,
    random: osRandomSource(),
  });
  const recipe = best && recipes[best.recipe];
  if (options.out !== undefined && recipe !== undefined) writeOutput(options.out, tunedFile(recipe, planSelection(cost)));
  const paid = `ε = ${cost.epsilon.toFixed(4)} at δ = ${delta} for the best of ${cost.expectedRuns.toFixed(1)} runs on average (${options.runs}); one run alone ε = ${cost.oneRun.toFixed(4)}, noise multiplier ${cost.noiseMultiplier}.`;
  print(options.json, { tuning: "private data, paid", privacy: cost, seed, best: best ?? null, recipe: recipe ?? null }, () => [
    `Paid: ${paid}`,
    best === undefined
      ? "There was no run, so nothing was found; it is paid for all the same."
      : `Best: recipe ${best.recipe}, NDCG@10 ${best.ndcg10.toFixed(4)} with noise. How many runs there were is secret.`,
    ...(recipe === undefined
      ? []
      : Object.entries(changed(recipe, recipes[0])).map(([field, value]) => `• ${field}: ${value}`)),
  ]);
}

function stoppingOf({ runs, meanRuns }: TuneOptions): Stopping {
  if (runs === "poisson") return { distribution: "poisson", mean: String(meanRuns) };
  return stoppingFor(runs === "geometric" ? "1" : "0", meanRuns);
}

/** Trials of a run that was interrupted; what it was writing when it was killed is cut off. */
function openState(file: string, identity: TuningIdentity): readonly Trial[] {
  if (!existsSync(file)) {
    writeOutput(file, identityLine(identity));
    return [];
  }
  const { trials, length } = readJournal(readInput(file), identity, file);
  truncateSync(file, length);
  if (length === 0) appendFileSync(file, identityLine(identity));
  return trials;
}

/** What trials depend on besides the options. */
function identityOf({ histories, items, repeats }: TuningData, recipes: readonly StatisticsRecipe[]) {
  const { offsets, items: events } = histories;
  const bytes = ({ buffer, byteOffset, byteLength }: ArrayBufferView) => new Uint8Array(buffer, byteOffset, byteLength);
  const data = createHash("sha256").update(bytes(offsets)).update(bytes(events)).update(JSON.stringify(items)).digest("hex");
  // the longest list that anybody asks for begins with every shorter one
  const first = createHash("sha256")
    .update(JSON.stringify(recipes.slice(0, 2)))
    .digest("hex");
  return { data, recipes: first, repeats };
}

function changed(
  recipe: StatisticsRecipe,
  usual: StatisticsRecipe | undefined,
): Partial<Record<keyof StatisticsRecipe, unknown>> {
  const fields = Object.entries(recipe).filter(([field, value]) => usual?.[field as keyof StatisticsRecipe] !== value);
  return Object.fromEntries(fields);
}

function tableOf(tried: readonly TunedRecipe[]): string[] {
  return table([
    ["recipe", "folds", "NDCG@10", "least", "most"],
    ...tried.map(({ recipe, folds, ndcg10, least, most }) => [
      recipe === 0 ? "0 (usual)" : String(recipe),
      ...[String(folds), ndcg10.toFixed(4), least.toFixed(4), most.toFixed(4)],
    ]),
  ]);
}
