/** `tributary node holdout`: customers whom no round of this node learns from, so that the value report has somebody to judge by. */
import { holdOut } from "@tributary/client";
import type { Command } from "commander";
import { jsonOption, numberOption } from "../../options.ts";
import { print } from "../../output.ts";

const reasons = {
  nobody: "nobody is held out",
  rounds: "rounds had learnt from them before they were held out: reports say so, until another federation is joined",
  rotation: "customers' names were changed since, so that others are held out now than before",
} as const;

export function addHoldout(node: Command): void {
  node
    .command("holdout")
    .description("hold a share of the customers out of every round, chosen by a secret of this node; before the first round")
    .requiredOption("--home <folder>", "the node's folder")
    .addOption(
      numberOption(
        "--share <n>",
        "share of the customers; 0 holds nobody out; left out: only tells",
        (share) => share >= 0 && share <= 0.5,
        "a number from 0 to 0.5",
      ),
    )
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node holdout --home shop --share 0.1")
    .action(async ({ home, share, json }: { home: string; share?: number; json?: boolean }) => {
      const status = await holdOut({ home, ...(share === undefined ? {} : { share }) });
      print(json, status, () => [
        `${Number((100 * status.share).toPrecision(4))} % of the customers are held out of every round`,
        ...(status.reason === null ? ["no round has learnt from them: value reports are clean"] : [reasons[status.reason]]),
      ]);
    });
}
