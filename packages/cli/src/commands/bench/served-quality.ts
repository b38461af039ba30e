/** `bench served-quality`: what a node's predictions beside items are worth, on a market that knows the truth and, for the next action, on a public log. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { catalogueFromLog, importLog } from "@tributary/events";
import {
  livingMarket,
  logQuality,
  type PropensityQuality,
  type ServedQuality,
  servedQuality,
  writeLivingMarket,
} from "@tributary/simulate";
import type { Command } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";

interface ServedQualityOptions {
  readonly customers: number;
  readonly items: number;
  readonly churnDays: number;
  readonly seed: number;
  readonly keep?: string;
  readonly data: string;
  readonly json?: boolean;
}

type NextAction = ServedQuality["nextAction"];

export function addServedQuality(bench: Command): void {
  bench
    .command("served-quality")
    .description(
      "churn, purchase, advert clicks and the next action as a node serves them, against recency and frequency, a Markov chain, and the truth of a synthetic market",
    )
    .addOption(integerOption("--customers <n>", "customers of the market", 100, 3000, 1_000_000))
    .addOption(integerOption("--items <n>", "items of the market", 12, 600, 1_000_000))
    .addOption(integerOption("--churn-days <n>", "horizon of churn", 1, 14, 60))
    .addOption(integerOption("--seed <n>", "seed of the market and of the intervals", 0, 1))
    .option("--keep <folder>", "write the market there: events.csv, catalogue.jsonl, and truth.csv with its probabilities")
    .option("--data <folder>", "folder that holds retailrocket/; without it that log is left out", dataFolder())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary bench served-quality --json")
    .action(async (options: ServedQualityOptions) => {
      const { customers, items, churnDays, seed } = options;
      const market = livingMarket({ customers, items, seed });
      if (options.keep !== undefined) await writeLivingMarket(options.keep, market);
      const { propensities, nextAction } = servedQuality(market, churnDays, seed);
      const path = join(options.data, "retailrocket/events.csv");
      const retailrocket = existsSync(path) ? logQuality(await retailRocket(path), seed).nextAction : null;
      const document = {
        market: { synthetic: true, customers, items, events: market.histories.items.length, seed, churnDays },
        propensities,
        nextAction: { market: nextAction, retailrocket },
      };
      print(options.json, document, () => [
        `synthetic market: ${customers} customers, ${market.histories.items.length} events, seed ${seed}; churn within ${churnDays} days`,
        ...propensityLines(propensities),
        "",
        ...actionLines([
          ["synthetic market", nextAction],
          ["RetailRocket", retailrocket],
        ]),
      ]);
    });
}

const dataFolder = (): string => `${process.env["TRIBUTARY_SHARED"] ?? "../shared"}/data`;

async function retailRocket(path: string) {
  const columns = { customer: "user", item: "item", action: "action", time: "ts" };
  const { histories } = await importLog({ path, catalogue: await catalogueFromLog(path, { columns }), columns });
  return histories;
}

const digits = (value: number | undefined) => (value === undefined ? "–" : value.toFixed(3));
const signed = (value: number) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(3)}`;

function propensityLines(propensities: readonly PropensityQuality[]): readonly string[] {
  return table([
    ["", "by", "cases", "rate", "AUC", "F1", "recall", "Brier", "ECE", "from truth"],
    ...propensities.flatMap(({ what, model, baseline, ceiling, fromTruth, difference }) => [
      [what, "served", String(model.cases), digits(model.rate), ...figures(model), digits(fromTruth.model)],
      ["", "recency, frequency", "", "", ...figures(baseline), digits(fromTruth.baseline)],
      [
        "",
        "the market itself",
        "",
        "",
        digits(ceiling.auc),
        "",
        "",
        digits(ceiling.brier),
        digits(ceiling.calibrationError),
        "",
      ],
      ["", difference === undefined ? "" : `AUC ${gained(difference)}`],
    ]),
  ]);
}

const figures = ({ auc, f1, recall, brier, calibrationError }: PropensityQuality["model"]) =>
  [auc, f1, recall, brier, calibrationError].map(digits);

const gained = ({ difference, interval: [low, high] }: NextAction["difference"]) =>
  `gained ${signed(difference)} (95 % ${signed(low)} to ${signed(high)})`;

function actionLines(logs: readonly (readonly [string, NextAction | null])[]): readonly string[] {
  return table([
    ["next action", "events", "accuracy", "Markov's", "nats", "Markov's", ""],
    ...logs.map(([name, found]) =>
      found === null
        ? [name, "not there"]
        : [
            ...[name, String(found.events), digits(found.accuracy), digits(found.markovAccuracy)],
            ...[digits(found.logLoss), digits(found.markovLogLoss), gained(found.difference)],
          ],
    ),
  ]);
}
