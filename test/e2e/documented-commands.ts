/** Runs the commands of documents: each document's in a copy of a prepared folder, all of them in one process (`docs/commands/run-lines.ts`). */
import { cpSync } from "node:fs";
import { type CommandBlock, commandBlocks, outputFile, tributaryWords } from "../../docs/commands/blocks.ts";
import { oneProcess } from "../../docs/commands/one-process.ts";
import { invoked, withOptions } from "../../docs/commands/parse.ts";
import type { Asked, Ran } from "../../docs/commands/run-lines.ts";
import { root } from "./processes.ts";

export interface Scene {
  /** Where every document's copies come from, and beside which they are made. */
  readonly folder: string;
  /** What stands in documents for what only this federation has. */
  readonly known: Readonly<Record<string, string>>;
}

/** Of all documents, each once: those in Chinese have the commands of those in English (`docs/commands.test.ts`). */
export const documentedBlocks = commandBlocks(root.replace(/\/$/, "")).filter(
  ({ document }) => document !== "README.zh.md" && !document.startsWith("docs/zh/"),
);
const refusals = (block: CommandBlock): string[] =>
  block.class === "runs" ? Array.from(block.detail.matchAll(/TRB_[A-Z_]+|exit \d/g), ([code]) => code) : [];

/** Lines that go on running until somebody stops them, and those that ask an address at which nobody answers, are read and not run. */
const isRun = (words: readonly string[]): boolean =>
  !/^(coordinator start|node start|node serve|worker)$/.test(invoked(words).path) &&
  !words.some((word) => /^(postgres|s3):\/\//.test(word) || word === "--url");

/** Runs blocks, each document's in a copy of the scene of its own, and says what was refused where no refusal is expected, or did not come. */
export async function runBlocks(
  { folder, known }: Scene,
  chosen: readonly CommandBlock[],
): Promise<{ readonly ran: number; readonly faults: string[] }> {
  const asked: (Asked & { readonly block: CommandBlock; readonly command: string })[] = [];
  for (const document of new Set(chosen.map((block) => block.document))) {
    const own = `${folder}-${document.replaceAll("/", "_")}`;
    cpSync(folder, own, { recursive: true });
    for (const block of chosen.filter((one) => one.document === document)) {
      for (const command of block.commands) {
        const words = tributaryWords(command)?.map((word) => known[word] ?? word);
        if (words === undefined) asked.push({ block, command, folder: own, words: ["sh", command] });
        else if (isRun(words))
          asked.push({
            ...{ block, command, folder: own, into: outputFile(command) },
            words: block.class === "long" ? withOptions(words, block.detail) : words,
          });
      }
    }
  }
  const outcomes = await runLines(asked);
  const faults = asked.flatMap(({ block, command }, place) => {
    const { code, message } = outcomes[place] ?? { code: "never run", message: "" };
    const expected = refusals(block);
    return code === undefined || expected.includes(code)
      ? []
      : [`${block.document}:${block.line}: ${code} ${message}: ${command}`];
  });
  for (const block of chosen) {
    const codes = outcomes.filter((_, place) => asked[place]?.block === block).map(({ code }) => code);
    const absent = refusals(block).filter((code) => !codes.includes(code));
    const printed = outcomes.filter((_, place) => asked[place]?.block === block).flatMap(({ stdout }) => stdout.split("\n"));
    const unseen =
      block.class === "runs"
        ? (block.shown ?? "").split("\n").filter((line) => line !== "" && line !== "…" && !printed.includes(line))
        : [];
    faults.push(...unseen.map((line) => `${block.document}:${block.line}: nothing printed: ${line}`));
    faults.push(...absent.map((code) => `${block.document}:${block.line}: nothing was refused with ${code}`));
  }
  if (process.env["TRIBUTARY_COMMANDS"] === "1")
    for (const [place, { seconds, code }] of outcomes.entries())
      console.log(seconds.toFixed(2), code ?? "", asked[place]?.command);
  return { ran: outcomes.length, faults };
}

export async function runLines(asked: readonly Asked[]): Promise<Ran[]> {
  const commands = oneProcess();
  try {
    return await commands.run(asked.map(({ folder, words, into }) => ({ folder, words, into })));
  } finally {
    commands.close();
  }
}
