/** `tributary node serve`: predictions for the merchant's own shop, over HTTP. */
import { type ServeNodeOptions, serveNode } from "@tributary/client";
import { type Command, Option } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { printLine } from "../../output.ts";
import { untilStopped } from "../../running.ts";

interface ServeOptions {
  readonly home: string;
  readonly host: string;
  readonly port: number;
  readonly tokenFile?: string;
  readonly mode?: NonNullable<ServeNodeOptions["mode"]>;
  readonly minSupport?: number;
  readonly churnDays: number;
  readonly model?: string;
}

export const modeOption = (): Option =>
  new Option(
    "--mode <mode>",
    "releasedOnly: nothing that this merchant counted, trained or tuned serves (default, and at most: as policy.json says)",
  ).choices(["inHouse", "releasedOnly"]);

export const minSupportOption = (): Option =>
  integerOption(
    "--min-support <customers>",
    "distinct customers that an exact own pair needs (default, and at least: as policy.json says)",
    1,
  );

export function addServe(node: Command): void {
  node
    .command("serve")
    .description("answer the shop: recommendations, next action, churn, adverts, explanations, over HTTP with a token")
    .requiredOption("--home <folder>", "the node's folder")
    .option("--host <address>", "address to listen on; beyond this machine put TLS in front", "127.0.0.1")
    .addOption(integerOption("--port <n>", "port to listen on; 0 takes a free one", 0, 7471, 65_535))
    .option(
      "--token-file <file>",
      "who may ask, mode 600 (default: keys/serve-token of the home, made at the first start; or TRIBUTARY_SERVE_TOKEN)",
    )
    .addOption(modeOption())
    .addOption(minSupportOption())
    .addOption(integerOption("--churn-days <days>", "horizon of churn, where the federation's model has none", 1, 30))
    .option("--model <folder>", "serve this export (`model export --hybrid`) in place of what the ledger names")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node serve --home shop --port 7471")
    .action(async ({ home, host, port, tokenFile, mode, minSupport, churnDays, model }: ServeOptions) => {
      const token = process.env["TRIBUTARY_SERVE_TOKEN"];
      const serving = await serveNode({
        ...{ home, host, port, churnDays },
        ...(mode === undefined ? {} : { mode }),
        ...(minSupport === undefined ? {} : { minSupport }),
        ...(token === undefined ? {} : { token }),
        ...(tokenFile === undefined ? {} : { tokenFile }),
        ...(model === undefined ? {} : { artefact: model }),
      });
      printLine({
        event: "serving",
        url: serving.url,
        ...(serving.tokenFile === undefined ? {} : { tokenFile: serving.tokenFile }),
      });
      await untilStopped(serving, false);
    });
}
