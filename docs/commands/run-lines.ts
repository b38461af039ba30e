/**
 * Runs `tributary` commands one after the other in this process, each in its folder: each is a JSON line of stdin, and has one on
 * stdout. It is the program itself, and starting it but once is what makes a hundred commands affordable in every test run.
 */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { invocationOf } from "tributary";

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
  /** What its process would end with. */
  readonly exitCode: number;
  /** What it printed. */
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

process.argv[1] = fileURLToPath(new URL("../../packages/cli/src/main.ts", import.meta.url)); // for commands that start themselves again
const home = process.cwd();
const write = process.stdout.write.bind(process.stdout);
const printed = { stdout: "", stderr: "" };
for (const stream of ["stdout", "stderr"] as const) {
  process[stream].write = (chunk: string | Uint8Array, ...rest: unknown[]) => {
    printed[stream] += typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    for (const done of rest) if (typeof done === "function") done();
    return true;
  };
}

for await (const line of createInterface({ input: process.stdin })) {
  const { folder, words, into } = JSON.parse(line) as Asked;
  process.chdir(folder);
  Object.assign(printed, { stdout: "", stderr: "" });
  const began = performance.now();
  const ended = await run(words);
  if (into !== undefined) writeFileSync(into, printed.stdout);
  process.chdir(home);
  const ran: Ran = { ...ended, ...printed, seconds: (performance.now() - began) / 1e3 };
  write(`${JSON.stringify(ran)}\n`);
}
process.exit(0);

async function run(words: readonly string[]): Promise<Pick<Ran, "code" | "message" | "exitCode">> {
  process.exitCode = 0;
  if (words[0] === "sh") {
    const { status, stderr } = spawnSync("sh", ["-ec", words.slice(1).join(" ")], { encoding: "utf8" });
    return of(status ?? 1, stderr);
  }
  const invocation = await invocationOf(words);
  const refused = await invocation.run();
  if (refused !== undefined) return { code: refused.code, message: refused.message, exitCode: refused.exitCode };
  return of(Number(process.exitCode), printed.stdout.slice(-300));
}

function of(exitCode: number, message: string): Pick<Ran, "code" | "message" | "exitCode"> {
  return { exitCode, ...(exitCode === 0 ? { code: undefined, message: undefined } : { code: `exit ${exitCode}`, message }) };
}
