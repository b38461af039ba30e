/** `tributary bench joining`: what a merchant gains from a federation beside everything that it can do alone (docs/utility.md). */
import { setImmediate } from "node:timers/promises";
import { chachaSource, type RandomSource } from "@tributary/dp";
import { seededRandom } from "@tributary/events";
import { statisticsRecipe } from "@tributary/model";
import {
  type Joining,
  measureJoining,
  rankerNames,
  readPublicLog,
  type UtilityAccountant,
  type UtilityDataset,
  utilityAccountants,
  utilityDatasets,
} from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { type Command, Option } from "commander";
import { deltaOption, epsilonOption, integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { interruptible, raced } from "./long-measurement.ts";

interface JoiningCommand {
  readonly dataset: UtilityDataset;
  readonly epsilon: number;
  readonly delta: number;
  readonly accountant: UtilityAccountant;
  readonly data: string;
  readonly seed: number;
  readonly merchants: number;
  readonly measured: number;
  readonly nodes: number;
  readonly minSupport: number;
  readonly walks: number;
  readonly ownWalks: number;
  readonly epochs: number;
  readonly ownEpochs: number;
  readonly json?: boolean;
}

export function addJoining(bench: Command): void {
  const folder = `${process.env["TRIBUTARY_SHARED"] ?? "../shared"}/data`;
  bench
    .command("joining")
    .description("merchants alone and joined, by the same tuned in-house steps with an attention student, on a public log")
    .addOption(new Option("--dataset <name>", "log to measure on").choices([...utilityDatasets]).default("beauty"))
    .addOption(epsilonOption(2))
    .addOption(deltaOption(1e-6))
    .addOption(
      new Option("--accountant <name>", "what the noise is calibrated by").choices([...utilityAccountants]).default("lattice"),
    )
    .option("--data <folder>", "folder that holds beauty/ and retailrocket/", folder)
    .addOption(integerOption("--seed <n>", "seed of noise, split, walks, training and bootstrap", 0, 1))
    .addOption(integerOption("--merchants <n>", "deal the customers out to so many", 1, 100))
    .addOption(integerOption("--measured <n>", "measure the first so many of them", 1, 10))
    .addOption(integerOption("--nodes <n>", "nodes that bring noise", 3, 20))
    .addOption(integerOption("--min-support <n>", "distinct customers that an exact own pair needs to be served", 1, 5))
    .addOption(integerOption("--walks <n>", "walks that the coordinator's student learns from", 100, 16000))
    .addOption(
      integerOption("--own-walks <n>", "walks that a merchant's student learns from beside own sequences, at least", 1, 1000),
    )
    .addOption(
      integerOption("--epochs <n>", "epochs of the coordinator's student, and of one from scratch without a federation", 1, 8),
    )
    .addOption(integerOption("--own-epochs <n>", "epochs in-house on own sequences and walks", 1, 4))
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench joining --merchants 100 --measured 5 --epsilon 2 --json")
    .action(async (options: JoiningCommand) => {
      const document = await interruptible((progress, interruption) =>
        raced(
          measure(options, (done, total) => progress.show("merchants", done, total)),
          interruption,
        ),
      );
      print(options.json, document, () => linesOf(document));
    });
}

async function measure(options: JoiningCommand, onMerchant: (done: number, total: number) => void) {
  const { dataset, epsilon, delta, accountant, data, seed, merchants, nodes, minSupport, walks, epochs } = options;
  const began = performance.now();
  const log = await readPublicLog(dataset, data, seed);
  const measured = Math.min(options.measured, merchants);
  await setImmediate(); // else no signal would be heard before
  const joining = await measureJoining(log, {
    ...{ merchants, measured, epsilon, delta, accountant, seed, minSupport },
    recipe: statisticsRecipe(epsilon),
    cohort: { nodes, minCohort: nodes, maxCorrupt: 0 },
    random: {
      rounding: seededSource(seed, "rounding", dataset, epsilon),
      noise: seededSource(seed, "noise", dataset, epsilon),
    },
    executor: onnxruntimeExecutor(),
    student: { walks, epochs },
    scratch: { epochs },
    fineTuning: { epochs: options.ownEpochs },
    leastWalks: options.ownWalks,
    onMerchant: (done) => onMerchant(done, measured),
  });
  return {
    protocol: {
      released: "everybody's events but the last two, n_min = n, n_corrupt = 0",
      judged: "the last item of each customer of the measured merchants, among the whole catalogue, ties half",
      tuned: "by each merchant on the last but two, joined or not, in the same way",
      tuning: "recipe chosen on private validation, not charged",
    },
    ...{ dataset, epsilon, delta, accountant, seed, merchants, measured, minSupport },
    ...joining,
    seconds: (performance.now() - began) / 1000,
  };
}

/** Reproducible noise: a measurement is not a release. */
function seededSource(seed: number, ...purpose: readonly (string | number)[]): RandomSource {
  const random = seededRandom(seed, "bench joining", ...purpose);
  return chachaSource({
    fill(out) {
      for (let i = 0; i < out.length; i++) out[i] = random.below(256);
    },
  });
}

function linesOf({ rankers, gain, against, attention, predict, customers }: Joining): readonly string[] {
  const percent = (x: number) => `${x >= 0 ? "+" : "−"}${Math.abs(100 * x).toFixed(0)} %`;
  const gained = (one: Joining["gain"]["joined"]) =>
    `${percent(one.relative)} (${percent(one.relativeInterval[0])} to ${percent(one.relativeInterval[1])})`;
  return [
    ...table([
      ["ranker", "HR@10", "NDCG@10", "95 % over customers", "new items"],
      ...rankerNames.map((name) => {
        const { hr10, ndcg10, intervals, newItems } = rankers[name];
        const [low, high] = intervals.ndcg10;
        return [name, hr10.toFixed(4), ndcg10.toFixed(4), `${low.toFixed(4)}–${high.toFixed(4)}`, newItems.ndcg10.toFixed(4)];
      }),
    ]),
    `${customers} customers. Against ${against}: joined ${gained(gain.joined)}, without attention ${gained(gain.joinedStatistics)}.`,
    `Attention alone adds ${gained(attention.local)} without a federation, ${gained(attention.joined)} with it.`,
    `One customer's twenty best: ${predict.medianMs.toFixed(2)} ms, 99 % within ${predict.p99Ms.toFixed(2)} ms.`,
  ];
}
