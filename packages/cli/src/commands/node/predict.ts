/** `tributary node predict`: everybody's predictions into a file. */
import { type PredictionKind, predictCustomers, predictionKinds } from "@tributary/client";
import { fail } from "@tributary/errors";
import { tableEnding, tableEndings } from "@tributary/events";
import { type Command, Option } from "commander";
import { customerList } from "../../customer-list.ts";
import { integerOption, jsonOption, listOf } from "../../options.ts";
import { print, table } from "../../output.ts";
import { progressBar } from "../../progress.ts";
import { minSupportOption, modeOption } from "./serve.ts";

interface PredictFlags {
  readonly home: string;
  readonly out: string;
  readonly what: readonly PredictionKind[];
  readonly k: number;
  readonly customers?: string;
  readonly mode?: "inHouse" | "releasedOnly";
  readonly minSupport?: number;
  readonly churnDays: number;
  readonly model?: string;
  readonly json?: boolean;
}

export function addPredict(node: Command): void {
  node
    .command("predict")
    .description(
      "what `node serve` would answer of every customer, into a file of the merchant's own; nothing leaves this machine",
    )
    .requiredOption("--home <folder>", "the node's folder")
    .addOption(
      new Option("--out <file>", `where to: ${tableEndings.join(", ")}; mode 600`).argParser(parseOut).makeOptionMandatory(),
    )
    .addOption(
      new Option("--what <list>", `predictions, of ${predictionKinds.join()}`)
        .argParser((text: string) => {
          const asked = listOf("--what", predictionKinds)(text);
          return predictionKinds.filter((kind) => asked.includes(kind));
        })
        .default(predictionKinds, predictionKinds.join()),
    )
    .addOption(integerOption("--k <n>", "items that are recommended to each", 1, 20, 200))
    .option(
      "--customers <file>",
      "ids as in the log, one a line, who are called so in the output (default: everybody of the store, by pseudonym)",
    )
    .addOption(modeOption())
    .addOption(minSupportOption())
    .addOption(integerOption("--churn-days <days>", "horizon of churn, where the federation's model has none", 1, 30))
    .option("--model <folder>", "predict by this export (`model export --hybrid`) in place of what the ledger names")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node predict --home shop --out predictions.parquet --what recommend,churn")
    .action(async ({ home, out, what, k, customers, mode, minSupport, churnDays, model, json }: PredictFlags) => {
      const listed = customers === undefined ? undefined : customerList("--customers", customers);
      const progress = progressBar();
      const stopping = new AbortController();
      const stop = () => stopping.abort(fail("TRB_CLI_INTERRUPTED", { what: "Predicting" }));
      process.once("SIGINT", stop).once("SIGTERM", stop);
      try {
        const summary = await predictCustomers({
          ...{ home, out, what, k, churnDays },
          ...(listed === undefined ? {} : { customers: listed }),
          ...(mode === undefined ? {} : { mode }),
          ...(minSupport === undefined ? {} : { minSupport }),
          ...(model === undefined ? {} : { artefact: model }),
          signal: stopping.signal,
          onProgress: (done, of) => progress.show("customers", done, of),
        });
        progress.end();
        print(json, summary, () =>
          table([
            ["written", summary.out],
            ["customers", `${summary.customers}, ${summary.unknown} of them unknown`],
            ["predictions", summary.what.join(", ")],
            ...summary.unanswered.map(({ what: kind, customers: of, reason }) => [
              "empty",
              `${kind}, of ${of} customers: ${reason}`,
            ]),
            ["model", `${summary.model.source}${summary.model.round === null ? "" : `, round ${summary.model.round}`}`],
            ["rate", `${summary.customersPerSecond.toFixed(0)} customers a second`],
          ]),
        );
      } finally {
        process.off("SIGINT", stop).off("SIGTERM", stop);
        progress.end();
      }
    });
}

function parseOut(text: string): string {
  if (tableEnding(text) !== undefined) return text;
  const expected = `a file that ends in ${tableEndings.join(", ")}`;
  throw fail("TRB_CLI_BAD_OPTION", { option: "--out", value: text.slice(0, 80) || "empty", expected });
}
