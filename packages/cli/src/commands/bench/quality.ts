/** `tributary bench quality`: what each family reaches on a public log, trained centrally and without privacy (docs/quality.md). */
import { availableParallelism } from "node:os";
import { setImmediate } from "node:timers/promises";
import { fail } from "@tributary/errors";
import { type HeldOut, leaveLastOut, readSequenceFile } from "@tributary/events";
import {
  type EpochReport,
  type ItemScorer,
  itemCounts,
  itemKnnScorer,
  itemNeighbours,
  type ModelSpec,
  popularityScorer,
  qualityRecipe,
  type ResultBlock,
  rankCustomers,
  resultBlock,
  type TeamTask,
  trainCentrally,
} from "@tributary/model";
import { threadTeam } from "@tributary/model/workers";
import type { Command } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import type { ProgressBar } from "../../progress.ts";
import { interruptible, raced } from "./long-measurement.ts";

const families = ["sasrec", "bert4rec", "seq2seq", "lstm", "gru"] as const satisfies readonly ModelSpec["family"][];
type Family = (typeof families)[number];

interface QualityOptions {
  readonly data: string;
  readonly model: readonly Family[];
  readonly epochs: number;
  readonly seed: number;
  readonly threads: number;
  readonly json?: boolean;
}

/** The log, with each customer's last item held out for the test and the one before it for validation. */
interface Split {
  readonly items: number;
  readonly validation: HeldOut;
  readonly test: HeldOut;
}

interface ModelResult extends ResultBlock {
  readonly name: string;
  /** Training and all evaluation. */
  readonly seconds: number;
  readonly training?: {
    readonly parameters: number;
    readonly epochs: number;
    readonly bestEpoch: number;
    readonly stopped: string;
    readonly validation: ResultBlock;
    readonly model: ModelSpec;
    readonly options: object;
  };
}

export function addQuality(bench: Command): void {
  bench
    .command("quality")
    .description(
      "ranking quality of models trained centrally, without privacy, on a public log: leave-one-out, all items ranked",
    )
    .requiredOption("--data <file>", "the log: a line is `user item item …` in time order, all whole numbers")
    .option("--model <list>", `families to train, of ${families.join(", ")}; or all`, parseFamilies, ["sasrec"])
    .addOption(integerOption("--epochs <n>", "epochs at most", 1, 60))
    .addOption(integerOption("--seed <n>", "seed of initial weights, order, negatives and dropout", 0, 1))
    .addOption(
      integerOption("--threads <n>", "training threads; they change no figure", 1, Math.min(2, availableParallelism()), 2),
    )
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench quality --data ../shared/data/beauty/Beauty.txt --model sasrec --json")
    .action(async (options: QualityOptions) => {
      const document = await interruptible((progress, interruption) => measure(options, progress, interruption));
      print(options.json, document, () => linesOf(document.models));
    });
}

function parseFamilies(text: string): readonly Family[] {
  if (text === "all") return families;
  const names = [...new Set(text.split(",").map((name) => name.trim()))];
  return names.map((name) => {
    const family = families.find((known) => known === name);
    if (family) return family;
    const expected = `a list of ${families.join(", ")}; or all`;
    throw fail("TRB_CLI_BAD_OPTION", { option: "--model", value: name.slice(0, 80) || "empty", expected });
  });
}

async function measure(options: QualityOptions, progress: ProgressBar, interrupted: Promise<never>) {
  const { histories, items } = await Promise.race([readSequenceFile(options.data), interrupted]);
  const test = leaveLastOut(histories);
  const split: Split = { items, test, validation: leaveLastOut(test.train) };
  const counts = itemCounts([test.train], items);
  const models = [
    await ranked("popularity", split, () => popularityScorer(counts), interrupted),
    await ranked("item-knn", split, () => itemKnnScorer(itemNeighbours(test.train, items)), interrupted),
  ];
  for (const family of options.model) models.push(await trained(family, split, options, progress, interrupted));
  return {
    data: { customers: histories.customers.length, items, events: histories.items.length },
    protocol: { split: "leave-one-out", candidates: "all items but those of the customer's own history", ties: "half" },
    seed: options.seed,
    models,
  };
}

async function trained(
  family: Family,
  { items, validation, test }: Split,
  { seed, epochs, threads }: QualityOptions,
  progress: ProgressBar,
  interrupted: Promise<never>,
): Promise<ModelResult> {
  const began = performance.now();
  const { options, ...recipe } = qualityRecipe(family, items, { seed, epochs });
  const task: TeamTask = { ...recipe, train: validation.train, heldOut: { validation, test } };
  const team = await threadTeam(task, threads);
  const work = async (): Promise<ModelResult> => {
    const onEpoch = (report: EpochReport) => {
      progress.show(`${family}, epoch`, report.epoch, epochs);
      if (!process.stderr.isTTY && report.validation !== undefined) process.stderr.write(lineOf(family, report));
    };
    const { parameters, ...training } = await trainCentrally(task, team, { ...options, onEpoch });
    const block = resultBlock(await team.ranks("test"));
    const { adamw, weighting, spec } = recipe;
    const seconds = secondsSince(began);
    const settings = { ...options, adamw, weighting };
    return {
      name: family,
      ...block,
      seconds,
      training: { parameters: parameters.length, ...training, model: spec, options: settings },
    };
  };
  try {
    return await raced(work(), interrupted);
  } finally {
    await team.close();
  }
}

/** Where no bar can be shown, as in a log file. */
function lineOf(family: Family, { epoch, loss, validation = 0 }: EpochReport): string {
  return `${family}: epoch ${epoch}, loss ${loss.toFixed(4)}, validation NDCG@10 ${validation.toFixed(4)}\n`;
}

/** What is counted rather than trained. */
async function ranked(
  name: string,
  { test, items }: Split,
  count: () => ItemScorer,
  interrupted: Promise<never>,
): Promise<ModelResult> {
  const began = performance.now();
  const scorer = count();
  const scoreAndListen: ItemScorer = async (histories, stretches) => {
    await setImmediate(); // else no signal would be heard until the end
    return scorer(histories, stretches);
  };
  const block = resultBlock(await raced(rankCustomers(scoreAndListen, test, { items, repeats: "mask" }), interrupted));
  return { name, ...block, seconds: secondsSince(began) };
}

const secondsSince = (began: number) => Math.round(performance.now() - began) / 1000;

function linesOf(models: readonly ModelResult[]): readonly string[] {
  return table([
    ["model", "NDCG@10", "HR@10", "MRR", "parameters", "epochs (best)", "seconds"],
    ...models.map(({ name, ndcg10, hr10, mrr, seconds, training }) => [
      name,
      ...[ndcg10, hr10, mrr].map((figure) => figure.toFixed(4)),
      training ? String(training.parameters) : "–",
      training ? `${training.epochs} (${training.bestEpoch})` : "–",
      seconds.toFixed(1),
    ]),
  ]);
}
