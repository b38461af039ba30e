/** `tributary bench utility --merchants N`: what a merchant gains from a federation beside everything that it can do alone (docs/utility.md). */
import { type Joining, type MerchantOptions, rankerNames } from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import type { Command } from "commander";
import { integerOption } from "../../options.ts";
import { table } from "../../output.ts";

export interface MerchantWishes {
  readonly seed: number;
  /** 0: customers stay together. */
  readonly merchants: number;
  readonly measured?: number;
  readonly minSupport: number;
  readonly attention?: boolean;
  readonly walks: number;
  readonly ownWalks: number;
  readonly epochs: number;
  readonly ownEpochs: number;
}

export function addMerchantOptions(command: Command): Command {
  return command
    .addOption(integerOption("--merchants <n>", "deal the customers out to so many, each alone and joined; 0: don't", 0, 0))
    .addOption(integerOption("--measured <n>", "measure the first so many of them (default: all)", 1))
    .addOption(integerOption("--min-support <n>", "distinct customers that an exact own pair needs to be served", 1, 5))
    .option("--attention", "merchants also with an attention student on top: up to four models each, minutes")
    .addOption(integerOption("--walks <n>", "walks that the coordinator's student learns from", 100, 16000))
    .addOption(
      integerOption("--own-walks <n>", "walks that a merchant's student learns from beside own sequences, at least", 1, 1000),
    )
    .addOption(
      integerOption("--epochs <n>", "epochs of the coordinator's student, and of one from scratch without a federation", 1, 8),
    )
    .addOption(integerOption("--own-epochs <n>", "epochs in-house on own sequences and walks", 1, 4));
}

/** What the measurement takes, but for the recipe. */
export function merchantOptions(
  { merchants, measured = merchants, seed, minSupport, attention, walks, ownWalks, epochs, ownEpochs }: MerchantWishes,
  onMerchant: (done: number, all: number) => Promise<void>,
): Omit<MerchantOptions, "recipe"> {
  const all = Math.min(measured, merchants);
  const common = { merchants, measured: all, seed, minSupport, onMerchant: (done: number) => onMerchant(done, all) };
  if (attention !== true) return common;
  const student = { walks, epochs };
  const [scratch, fineTuning] = [{ epochs }, { epochs: ownEpochs }];
  return { ...common, attention: { executor: onnxruntimeExecutor(), student, scratch, fineTuning, leastWalks: ownWalks } };
}

export function merchantLines(
  { dataset, target, row }: { readonly dataset: string; readonly target: number; readonly row: string },
  { rankers, gain, against, attention, customers }: Joining,
): readonly string[] {
  const percent = (x: number) => `${x >= 0 ? "+" : "−"}${Math.abs(100 * x).toFixed(0)} %`;
  const gained = (one: Joining["gain"]["joined"]) =>
    one === undefined
      ? "–"
      : `${percent(one.relative)} (${percent(one.relativeInterval[0])} to ${percent(one.relativeInterval[1])})`;
  const shown = rankerNames.flatMap((name) => {
    const block = rankers[name];
    if (block === undefined) return [];
    const [low, high] = block.intervals.ndcg10;
    const interval = `${low.toFixed(4)}–${high.toFixed(4)}`;
    return [[name, block.hr10.toFixed(4), block.ndcg10.toFixed(4), interval, block.newItems.ndcg10.toFixed(4)]];
  });
  const main = gain.joined === undefined ? "" : `joined ${gained(gain.joined)}, `;
  return [
    "",
    `${dataset}, ε ${target}, ${row}: ${customers} customers of the measured merchants`,
    ...table([["ranker", "HR@10", "NDCG@10", "95 % over customers", "new items"], ...shown]),
    `Against ${against}: ${main}joined without attention ${gained(gain.joinedStatistics)}.`,
    ...(attention === undefined
      ? []
      : [
          `Attention alone adds ${gained(attention.local)} without a federation, ${gained(attention.joined)} with it.`,
          `One customer's twenty best: ${attention.predict.medianMs.toFixed(2)} ms, 99 % within ${attention.predict.p99Ms.toFixed(2)} ms.`,
        ]),
  ];
}
