/** `tributary bench utility --dataset market-1m`: private attention on a synthetic market of a million customers (docs/utility.md). */
import { setImmediate } from "node:timers/promises";
import { fail } from "@tributary/errors";
import type { PairedDifference, ResultBlock } from "@tributary/model";
import { nodeCrypto } from "@tributary/protocol/node-crypto";
import {
  type MillionRun,
  type MillionTraining,
  measureMillion,
  millionCustomers,
  millionRankers,
  millionSettings,
  millionTrainings,
} from "@tributary/simulate";
import { onnxruntimeExecutor } from "@tributary/tensor/onnxruntime";
import { type Command, Option } from "commander";
import { integerOption } from "../../options.ts";
import { table } from "../../output.ts";
import type { ProgressBar } from "../../progress.ts";
import { runsOption } from "../simulate/runs.ts";

export const millionDataset = "market-1m";

export interface MillionWishes {
  readonly seed: number;
  readonly customers: number;
  readonly train: MillionTraining;
  readonly threads: number;
  readonly runs: string;
}

/** What of `bench utility` means something there, and what nowhere else. */
const onlyOwn = ["customers", "train", "threads", "runs"];
const own = [...onlyOwn, "dataset", "seed", "json"];

export function addMillionOptions(command: Command): Command {
  return command
    .addOption(integerOption("--customers <n>", `${millionDataset}: customers of the market`, 2000, millionCustomers))
    .addOption(
      new Option("--train <what>", `${millionDataset}: what private rounds teach`)
        .choices([...millionTrainings])
        .default("blocks"),
    )
    .addOption(integerOption("--threads <n>", `${millionDataset}: threads that work at a time`, 1, 2))
    .addOption(runsOption());
}

/** Whether it is asked for. @throws TRB_CLI_BAD_OPTION where it is mixed with other logs, or with options that mean nothing to what is asked for */
export function asksForMillion(datasets: readonly string[], command: Command): boolean {
  const asked = datasets.includes(millionDataset);
  if (asked && datasets.length > 1)
    throw fail("TRB_CLI_BAD_OPTION", {
      ...{ option: "--dataset", value: datasets.join(","), expected: `${millionDataset} alone, or public logs without it` },
    });
  const idle = command.options.find((option) => {
    const name = option.attributeName();
    const fits = asked ? own.includes(name) : !onlyOwn.includes(name);
    return !fits && command.getOptionValueSource(name) === "cli";
  });
  if (idle !== undefined)
    throw fail("TRB_CLI_BAD_OPTION", {
      ...{ option: idle.long ?? idle.flags, value: "given" },
      expected: asked
        ? `none with --dataset ${millionDataset}, whose settings are fixed`
        : `none without --dataset ${millionDataset}`,
    });
  return asked;
}

/** What was measured, where it lies, and what it took. */
type MeasuredMarket = MillionRun["result"] &
  Readonly<Record<"seconds" | "processorSeconds", number>> & { readonly folder: string; readonly stages: MillionRun["times"] };

export async function measureMarket(
  { seed, customers, train, threads, runs }: MillionWishes,
  progress: ProgressBar,
): Promise<MeasuredMarket> {
  const { result, times, path } = await measureMillion({
    ...{ settings: millionSettings({ seed, customers, train }), home: runs, threads, checkpointSeconds: 30 },
    ...{ crypto: nodeCrypto(), executor: onnxruntimeExecutor() },
    async onProgress(what, done, of) {
      progress.show(what, done, of);
      await setImmediate(); // else no signal would be heard until the end
    },
  });
  const sum = (of: "seconds" | "processorSeconds") => Object.values(times).reduce((total, time) => total + time[of], 0);
  return { ...result, folder: path, seconds: sum("seconds"), processorSeconds: sum("processorSeconds"), stages: times };
}

export function marketLines(
  document: Omit<MillionRun["result"], "settings"> & { readonly seconds: number },
): readonly string[] {
  const cells = ({ hr10, ndcg10, mrr, newItems }: ResultBlock) => [hr10, ndcg10, mrr, newItems.ndcg10].map((x) => x.toFixed(4));
  return [
    ...table([
      ["", "HR@10", "NDCG@10", "MRR", "NDCG@10, new items"],
      ...millionRankers.map((name) => [name, ...cells(document[name])]),
    ]),
    `NDCG@10 of private attention against its twin without privacy: ${percent(document.differences.attentionOverTwin)}; against statistics alone: ${percent(document.differences.attentionOverStatistics)}; with its tables: ${percent(document.differences.hybridOverStatistics)}.`,
    `ε ${document.privacy.attention.toFixed(4)}, δ ${document.privacy.delta}; settings from another market.`,
    `Synthetic market; ${document.seconds.toFixed(0)} seconds.`,
  ];
}

const percent = ({ relative, relativeInterval }: PairedDifference) =>
  `${signed(relative)} % (${relativeInterval.map(signed).join(" to ")})`;
const signed = (share: number) => `${share < 0 ? "−" : "+"}${Math.abs(100 * share).toFixed(1)}`;
