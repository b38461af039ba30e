/** `tributary node report`: what the stored histories look like, in words or as a page, for the merchant alone. */
import { storedQuality } from "@tributary/client";
import type { Command } from "commander";
import { writeOutput } from "../../files.ts";
import { jsonOption } from "../../options.ts";
import { print } from "../../output.ts";
import { qualityLines, qualityPage } from "../../report/quality-page.ts";

export function addReport(node: Command): void {
  node
    .command("report")
    .description("the quality of the stored histories: days, actions, lengths, items, gaps; it stays on this machine")
    .requiredOption("--home <folder>", "the node's folder")
    .option("--out <file>", "write a page as well")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node report --home shop --out quality.html")
    .action(async ({ home, out, json }: { home: string; out?: string; json?: boolean }) => {
      const quality = await storedQuality({ home });
      if (out !== undefined) writeOutput(out, qualityPage(quality));
      print(json, quality, () => qualityLines(quality));
    });
}
