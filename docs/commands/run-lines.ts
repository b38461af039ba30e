/**
 * Runs `tributary` commands one after the other in this process, each in its folder: each is a JSON line of stdin, and has one on
 * stdout. It is the program itself, and starting it but once is what makes a hundred commands affordable in every test run.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { isTributaryError } from "@tributary/errors";
import { CommanderError } from "commander";
import { program } from "tributary";

export interface Asked {
  readonly folder: string;
  /** Behind `tributary`; or `sh` and a line for the shell. */
  readonly words: readonly string[];
  /** A file that takes what is printed, as a shell's `>`. */
  readonly into?: string | undefined;
}

export interface Ran {
  /** Of the error table, where it was refused. */
  readonly code: string | undefined;
  readonly message: string | undefined;
  /** What it printed. */
  readonly stdout: string;
  readonly seconds: number;
}

process.argv[1] = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url)); // for commands that start themselves again
const write = process.stdout.write.bind(process.stdout);
let printed = "";
process.stdout.write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
  printed += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
  for (const done of rest) if (typeof done === "function") done();
  return true;
};

for await (const line of createInterface({ input: process.stdin })) {
  const { folder, words, into } = JSON.parse(line) as Asked;
  process.chdir(folder);
  printed = "";
  const began = performance.now();
  const refused = await run(words);
  if (into !== undefined) writeFileSync(into, printed);
  const ran: Ran = {
    code: refused?.code,
    message: refused?.message,
    stdout: printed,
    seconds: (performance.now() - began) / 1e3,
  };
  write(`${JSON.stringify(ran)}\n`);
}
process.exit(0);

async function run(words: readonly string[]): Promise<{ readonly code: string; readonly message: string } | undefined> {
  process.exitCode = 0;
  if (words[0] === "sh") {
    const { status, stderr } = spawnSync("sh", ["-ec", words.slice(1).join(" ")], { encoding: "utf8" });
    return status === 0 ? undefined : { code: `exit ${status}`, message: stderr };
  }
  try {
    await program().parseAsync(words, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return undefined;
    if (isTributaryError(error) || error instanceof CommanderError) return { code: error.code, message: error.message };
    return { code: "UNEXPECTED", message: String(error) };
  }
  return process.exitCode === 0 ? undefined : { code: `exit ${process.exitCode}`, message: printed.slice(-300) };
}
