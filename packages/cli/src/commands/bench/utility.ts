/** `tributary bench utility`: what statistics under customer-level privacy are worth on public logs (docs/utility.md). */
import { setImmediate } from "node:timers/promises";
import { chachaSource, type RandomSource } from "@tributary/dp";
import { fail } from "@tributary/errors";
import { seededRandom } from "@tributary/events";
import { bytesOf, type ResultBlock, statisticsRecipe, transferredRecipe } from "@tributary/model";
import {
  type Alone,
  type Cohort,
  type Joining,
  measureAlone,
  measureFloor,
  measureJoining,
  measureUtility,
  type PublicLog,
  readPublicLog,
  type UtilityAccountant,
  type UtilityCell,
  type UtilityDataset,
  utilityAccountants,
  utilityDatasets,
} from "@tributary/simulate";
import { type Command, Option } from "commander";
import { deltaOption, integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import type { ProgressBar } from "../../progress.ts";
import { interruptible, raced } from "./long-measurement.ts";
import {
  addMillionOptions,
  asksForMillion,
  type MillionWishes,
  marketLines,
  measureMarket,
  millionDataset,
} from "./market-million.ts";
import { addMerchantOptions, type MerchantWishes, merchantLines, merchantOptions } from "./merchants.ts";

/** Cohorts and recipes of the table; every cell is measured with each. */
const rowNames = ["all-honest", "third-corrupt", "other-market"] as const;
type RowName = (typeof rowNames)[number];

interface UtilityOptions extends MerchantWishes {
  readonly dataset: readonly UtilityDataset[];
  readonly epsilon: readonly number[];
  readonly row: readonly RowName[];
  readonly delta: number;
  readonly accountant: UtilityAccountant;
  readonly data: string;
  readonly repeat: number;
  readonly nodes: number;
  readonly heldOut: 1 | 2;
  readonly json?: boolean;
}

interface UtilityRow extends UtilityCell {
  readonly dataset: UtilityDataset;
  readonly target: number;
  readonly row: RowName;
  readonly cohort: Cohort;
  readonly tuning: string;
  readonly seed: number;
  readonly floor: ResultBlock;
  /** The better of the merchants' rankers without a federation; with `--merchants`. */
  readonly local?: ResultBlock;
  /** All rankers of the measured merchants, with intervals over customers. */
  readonly joining?: Joining;
}

export function addUtility(bench: Command): void {
  const command = bench
    .command("utility")
    .description(
      "ranking quality of released statistics under customer-level privacy, on public logs, beside the floor at ε = 0",
    )
    .addOption(
      listOption("--dataset <list>", "logs to measure on", [...utilityDatasets, millionDataset]).default(
        utilityDatasets,
        utilityDatasets.join(","),
      ),
    )
    .addOption(epsilonList())
    .addOption(listOption("--row <list>", "cohorts and recipes to measure", rowNames))
    .addOption(deltaOption(1e-6))
    .addOption(
      new Option("--accountant <name>", "what the noise is calibrated by").choices([...utilityAccountants]).default("lattice"),
    )
    .option("--data <folder>", "folder that holds beauty/ and retailrocket/", dataFolder())
    .addOption(integerOption("--seed <n>", "seed of noise, rounding, item numbers and split", 0, 1))
    .addOption(integerOption("--repeat <n>", "measure with so many seeds, from --seed on", 1, 1))
    .addOption(integerOption("--nodes <n>", "nodes that bring noise", 3, 20))
    .addOption(
      integerOption(
        "--held-out <n>",
        "last events of each customer that are not released: 2, or 1 as settings are chosen",
        1,
        2,
        2,
      ),
    );
  addMillionOptions(addMerchantOptions(command))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary bench utility --dataset beauty --epsilon 8 --json\n  tributary bench utility --dataset market-1m --runs runs --json",
    )
    .action(async (options: UtilityOptions & MillionWishes) => {
      if (asksForMillion(options.dataset, command)) {
        const market = await interruptible((progress, interruption) => raced(measureMarket(options, progress), interruption));
        print(options.json, market, () => marketLines(market));
        return;
      }
      const document = await interruptible((progress, interruption) => raced(measure(options, progress), interruption));
      print(options.json, document, () => linesOf(document.rows));
    });
}

const dataFolder = (): string => `${process.env["TRIBUTARY_SHARED"] ?? "../shared"}/data`;

function listOption<Name extends string>(flags: string, description: string, known: readonly Name[]): Option {
  const option = new Option(flags, `${description}, of ${known.join(", ")}`);
  const parse = (text: string): readonly Name[] =>
    text.split(",").map((word) => {
      const found = known.find((name) => name === word.trim());
      if (found !== undefined) return found;
      const expected = `a list of ${known.join(", ")}`;
      throw fail("TRB_CLI_BAD_OPTION", { option: option.long ?? flags, value: word.slice(0, 80) || "empty", expected });
    });
  return option.argParser(parse).default(known, known.join(","));
}

function epsilonList(): Option {
  const option = new Option("--epsilon <list>", "privacy budgets of a customer");
  const parse = (text: string): readonly number[] =>
    text.split(",").map((word) => {
      const epsilon = Number(word);
      if (word.trim() !== "" && epsilon > 0 && epsilon <= 50) return epsilon;
      const expected = "numbers above 0 and up to 50";
      throw fail("TRB_CLI_BAD_OPTION", { option: "--epsilon", value: word.slice(0, 80) || "empty", expected });
    });
  return option.argParser(parse).default([1, 2, 4, 8], "1,2,4,8");
}

async function measure(options: UtilityOptions, progress: ProgressBar) {
  const began = performance.now();
  const { dataset: datasets, epsilon: budgets, row: names, repeat, seed: first, delta, accountant } = options;
  const rows: UtilityRow[] = [];
  const total = datasets.length * budgets.length * names.length * repeat;
  for (const dataset of datasets) {
    const log = await readPublicLog(dataset, options.data, first);
    const floor = await measureFloor(log, statisticsRecipe(2));
    const onMerchant = async (done: number, all: number) => {
      progress.show(`${dataset}, merchants`, done, all);
      await setImmediate();
    };
    const alone = options.merchants === 0 ? undefined : await measureAlone(log, aloneOptions(options, onMerchant));
    for (const epsilon of budgets) {
      for (const name of names) {
        for (let seed = first; seed < first + repeat; seed++) {
          progress.show(`${dataset}, ε ${epsilon}, ${name}`, rows.length + 1, total);
          await setImmediate(); // else no signal would be heard until the end
          rows.push(await cellOf(log, options, { epsilon, name, seed, floor, alone, onMerchant }));
        }
      }
    }
  }
  return {
    protocol: {
      released: `everybody's events but the last ${options.heldOut === 2 ? "two" : "one"}`,
      judged: "the last item of each customer among the whole catalogue, ties half, history up to it shown",
      chosen: "by the last item but one",
      noise: "exact discrete Gaussian on the grid of the round; shares drawn as one of the summed variance; masks cancel",
    },
    delta,
    accountant,
    seeds: Array.from({ length: repeat }, (_, n) => first + n),
    rows,
    seconds: (performance.now() - began) / 1000,
  };
}

interface CellRequest {
  readonly epsilon: number;
  readonly name: RowName;
  readonly seed: number;
  readonly floor: ResultBlock;
  readonly alone: Alone | undefined;
  readonly onMerchant: (done: number, all: number) => Promise<void>;
}

async function cellOf(log: PublicLog, options: UtilityOptions, request: CellRequest): Promise<UtilityRow> {
  const { epsilon, name, seed, floor, alone, onMerchant } = request;
  const { delta, accountant, nodes, heldOut } = options;
  const recipe = name === "other-market" ? transferredRecipe(epsilon) : statisticsRecipe(epsilon);
  const cohort =
    name === "third-corrupt"
      ? { nodes, minCohort: Math.ceil(0.8 * nodes), maxCorrupt: Math.floor(nodes / 3) }
      : { nodes, minCohort: nodes, maxCorrupt: 0 };
  const random = {
    rounding: seededSource(seed, "rounding", log.dataset, epsilon, name),
    noise: seededSource(seed, "noise", log.dataset, epsilon, name),
  };
  const { cell, served } = await measureUtility(log, { recipe, cohort, epsilon, delta, accountant, random, heldOut });
  const joining = alone && (await measureJoining(log, { ...merchantOptions(options, onMerchant), recipe, served, alone }));
  return {
    ...{ dataset: log.dataset, target: epsilon, row: name, cohort, seed, floor },
    tuning: name === "other-market" ? "another market, free: certified end to end" : "private-validation, not charged",
    ...cell,
    ...(joining === undefined ? {} : blocksOf(joining)),
  };
}

/** Without a federation there is no ε for settings to depend on. */
const aloneOptions = (options: UtilityOptions, onMerchant: (done: number, all: number) => Promise<void>) => ({
  ...merchantOptions(options, onMerchant),
  recipe: statisticsRecipe(2),
});

/** Merchants alone and joined, each by the best that was asked for. */
function blocksOf(joining: Joining) {
  const { rankers, against } = joining;
  const [local, joined] = [rankers[against], rankers.joined ?? rankers.joinedStatistics];
  return { joining, ...(local && { local }), ...(joined && { joined }) };
}

/** Reproducible noise: a measurement is not a release. */
function seededSource(seed: number, ...purpose: readonly (string | number)[]): RandomSource {
  return chachaSource(bytesOf(seededRandom(seed, "bench utility", ...purpose)));
}

function linesOf(rows: readonly UtilityRow[]): readonly string[] {
  const figure = (block: ResultBlock | undefined) =>
    block === undefined ? "–" : `${block.hr10.toFixed(4)}/${block.ndcg10.toFixed(4)}`;
  const lines = table([
    [
      "data",
      "ε",
      "row",
      "seed",
      "floor",
      "popularity",
      "content × popularity",
      "federated",
      "… new items",
      "local",
      "joined",
      "seconds",
    ],
    ...rows.map((row) => [
      row.dataset,
      row.epsilon.toFixed(4),
      row.row,
      String(row.seed),
      figure(row.floor),
      figure(row.popularity),
      figure(row.contentPopularity),
      figure(row.federated),
      `${row.federated.newItems.hr10.toFixed(4)}/${row.federated.newItems.ndcg10.toFixed(4)}`,
      figure(row.local),
      figure(row.joined),
      row.seconds.toFixed(1),
    ]),
    ["HR@10/NDCG@10"],
  ]);
  return [...lines, ...rows.flatMap((row) => (row.joining === undefined ? [] : merchantLines(row, row.joining)))];
}
