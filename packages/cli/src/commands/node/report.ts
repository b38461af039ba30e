/** `tributary node report`: what the stored histories look like, or what joining is worth; in words or as a page, for the merchant alone. */
import { storedFeatures, storedQuality, valueReport } from "@tributary/client";
import type { Command } from "commander";
import { writeOutput } from "../../files.ts";
import { integerOption, jsonOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { featureRows, qualityLines, qualityPage } from "../../report/quality-page.ts";
import { valueLines, valuePage } from "../../report/value-page.ts";

interface ReportOptions {
  readonly home: string;
  readonly out?: string;
  readonly value?: string | true;
  readonly seconds?: number;
  readonly samples?: number;
  readonly seed?: number;
  readonly json?: boolean;
}

export function addReport(node: Command): void {
  node
    .command("report")
    .description("the quality of the stored histories, or with --value what joining is worth; it stays on this machine")
    .requiredOption("--home <folder>", "the node's folder")
    .option("--out <file>", "write the quality as a page as well")
    .option(
      "--value [file]",
      "alone, federated, joined and personalised on own held-out customers, and whether joining pays; the page shows single customers, so it is written for its owner alone (mode 600)",
    )
    .addOption(
      integerOption("--seconds <n>", "with --value: most time for the merchant's own attention model (default: 120)", 1),
    )
    .addOption(integerOption("--samples <n>", "with --value: customers who are shown event by event (default: 5)", 0))
    .addOption(integerOption("--seed <n>", "with --value: of bootstraps and who is shown (default: 1)", 0))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary node report --home shop --out quality.html\n\nWhether joining pays:\n  tributary node report --home shop --value value.html",
    )
    .action(async ({ out, value, json, ...options }: ReportOptions) => {
      if (value === undefined) {
        const quality = await storedQuality({ home: options.home });
        const features = await storedFeatures({ home: options.home });
        if (out !== undefined) writeOutput(out, qualityPage(quality, undefined, features), 0o600);
        print(json, { ...quality, features }, () => [...qualityLines(quality), "", ...table(featureRows(features))]);
        return;
      }
      const found = await valueReport(options);
      if (value !== true) writeOutput(value, valuePage(found), 0o600);
      print(json, found.report, () => valueLines(found.report));
    });
}
