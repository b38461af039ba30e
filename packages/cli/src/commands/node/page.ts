/** `tributary node page`: the merchant's own view of its node, in a browser on this machine. */
import { spawn } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { servePage } from "@tributary/client";
import type { Command } from "commander";
import { integerOption, jsonOption } from "../../options.ts";
import { printLine } from "../../output.ts";
import { builtPages } from "../../pages/built-pages.ts";
import { untilStopped } from "../../running.ts";

interface PageOptions {
  readonly home: string;
  readonly port: number;
  readonly open?: boolean;
}

export function addPage(node: Command): void {
  node
    .command("page")
    .description("show this node in a browser on this machine: data, budget, what leaves, policy, value, predictions")
    .requiredOption("--home <folder>", "the node's folder")
    .addOption(integerOption("--port <n>", "port of 127.0.0.1 to listen on; 0 takes a free one", 0, 7472, 65_535))
    .option("--open", "open it in this user's browser")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nExample:\n  tributary node page --home shop --open\n\nThe link that is printed opens the page in one browser, once; another one is printed when it was used.",
    )
    .action(async ({ home, port, open = false }: PageOptions) => {
      const page = await builtPages().node();
      let first = true;
      const serving = await servePage({
        ...{ home, page, port },
        onLink(link) {
          printLine({ event: first ? "page" : "opened", link });
          first = false;
        },
      });
      const closeOpener = open ? openBrowser(serving.link()) : () => undefined;
      try {
        await untilStopped(serving, false);
      } finally {
        closeOpener();
      }
    });
}

/**
 * Opens a link without saying it to everybody who lists processes: what the browser is started with is a file, mode 600, that leads there.
 * @returns what removes it
 */
function openBrowser(link: string): () => void {
  const file = join(tmpdir(), `tributary-page-${process.pid}.html`);
  const page = `<!doctype html><meta charset="utf-8"><title>Tributary</title><meta http-equiv="refresh" content="0;url=${link}">\n`;
  writeFileSync(file, page, { mode: 0o600, flag: "wx" });
  const [command, args] = openers[process.platform] ?? ["xdg-open", []];
  const child = spawn(command, [...args, pathToFileURL(file).href], { stdio: "ignore", detached: true });
  child.once("error", () => printLine({ event: "notOpened", advice: `${command} is missing here: open the link yourself` }));
  child.unref();
  return () => rmSync(file, { force: true });
}

const openers: Readonly<Partial<Record<NodeJS.Platform, readonly [string, readonly string[]]>>> = {
  darwin: ["open", []],
  win32: ["explorer", []],
};
