/**
 * Follows docs/tutorial/first-hour.md: one block after the other, as somebody would who has no more than what it says. Commands that go on running get a
 * process of their own and are waited for where the tutorial waits; a port that may be taken becomes one that is free.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { root, type Service, service, tributary } from "../../test/e2e/processes.ts";
import { blocksOf, type CommandBlock, tributaryWords, wordsOf } from "../commands/blocks.ts";
import { oneProcess } from "../commands/one-process.ts";

const path = "docs/tutorial/first-hour.md";

export interface Step {
  readonly commands: readonly string[];
  readonly printed: string;
  /** What the tutorial shows of it. */
  readonly shown: string | undefined;
}

/** The blocks that a test or script runs, each with the output that stands behind it. */
export function tutorialBlocks(where: string): CommandBlock[] {
  return blocksOf(path, readFileSync(join(root, path), "utf8")).filter(({ detail }) => detail === where);
}

export async function runTutorial(folder: string, where: string): Promise<Step[]> {
  const environment: Record<string, string> = {};
  const running: Service[] = [];
  const fingerprints: string[] = [];
  let port = "";
  let platform = "";
  let head = "";
  const steps: Step[] = [];
  const commands = oneProcess();
  try {
    for (const block of tutorialBlocks(where)) {
      let printed = "";
      for (const command of block.commands) printed += await run(command);
      steps.push({ commands: block.commands, printed, shown: block.shown });
    }
    return steps;
  } finally {
    commands.close();
  }

  async function run(command: string): Promise<string> {
    const [, name, value] = /^export (\w+)=(.*)$/.exec(command) ?? [];
    if (name !== undefined && value !== undefined) {
      environment[name] = join(folder, value);
      return "";
    }
    if (command === "wait") {
      const codes = await Promise.all(running.map(({ exit }) => exit));
      if (codes.some((code) => code !== 0))
        throw new Error(`they ended with ${codes.join()}: ${running.map((one) => one.log()).join("\n")}`);
      return "";
    }
    const script = /^npx -y pnpm@10 exec node (.*)$/.exec(command)?.[1];
    if (script !== undefined)
      return outcome(command, spawnSync(process.execPath, [join(root, script)], { cwd: folder, encoding: "utf8" }));
    if (!command.startsWith("tributary")) {
      const [program = "", ...words] = wordsOf(command);
      return outcome(command, { ...spawnSync(program, words, { cwd: folder, encoding: "utf8" }), stdout: "" });
    }
    const inner = /"\$\((tributary [^)]*)\)"/.exec(command);
    const invite = inner === null ? "" : (await run(inner[1] ?? "")).trim();
    const plain = inner === null ? command : command.replace(inner[0], "INVITE");
    const words = (tributaryWords(plain.replace(/ &$/, "")) ?? []).map((word) => instead(word, invite));
    if (words.includes("--until-done")) {
      const started = await service(words, { cwd: folder, env: environment });
      running.push(started);
      if (words[0] === "coordinator") {
        port = String(started.ready["port"]);
        platform = String(started.ready["fingerprint"]);
      }
      return `${JSON.stringify(started.ready)}\n`;
    }
    const said = await print(command, words);
    fingerprints.push(...Array.from(said.matchAll(/own key fingerprint +(\w+)/g), ([, own = ""]) => own));
    if (words[1] === "show") head = await lastHash(words[2] ?? "");
    return said;
  }

  /** Of the last entry: what an auditor is told by somebody else. */
  async function lastHash(ledger: string): Promise<string> {
    const [ran] = await commands.run([{ folder, words: ["ledger", "verify", ledger, "--json"] }]);
    return String((JSON.parse(ran?.stdout ?? "{}") as Record<string, unknown>)["head"]);
  }

  /** Only joining needs what was exported, and so a process of its own; the rest shares one, which is loaded once. */
  async function print(command: string, words: readonly string[]): Promise<string> {
    if (words[1] === "join") {
      const { exitCode, stdout, stderr } = await tributary(words, { cwd: folder, env: environment });
      return outcome(command, { status: exitCode, stdout, stderr });
    }
    const [ran] = await commands.run([{ folder, words }]);
    return outcome(command, {
      status: ran?.code === undefined ? 0 : 1,
      stdout: ran?.stdout ?? "",
      stderr: `${ran?.code} ${ran?.message}`,
    });
  }

  /** What the tutorial has the reader put in; and 7443, which somebody else may have. */
  function instead(word: string, invite: string): string {
    if (word === "INVITE") return invite;
    if (word === "PLATFORM_FINGERPRINT") return platform;
    if (word === "LAST_HASH") return head;
    const peer = /^FINGERPRINT_(\d)$/.exec(word)?.[1];
    if (peer !== undefined) return fingerprints[Number(peer) - 1] ?? word;
    if (word === "7443") return "0";
    return word.replace(":7443", `:${port}`);
  }
}

function outcome(
  command: string,
  { status, stdout, stderr }: { status: number | null; stdout: string; stderr: string },
): string {
  if (status !== 0) throw new Error(`${command}: exit ${status}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Numbers and hashes are nobody's to foresee. */
const comparable = (line: string) =>
  line
    .replaceAll(/[0-9a-f]{12,}/g, "#")
    .replaceAll(/-?\d[\d.,]*/g, "#")
    .replaceAll(/\s+/g, " ")
    .trim();

/** @returns what the tutorial shows and the command did not print, in this order */
export function unlike({ commands, printed, shown }: Step): string[] {
  const lines = printed.split("\n").map(comparable);
  let at = 0;
  return (shown ?? "").split("\n").flatMap((line) => {
    const sought = comparable(line);
    if (sought === "" || sought === "…") return [];
    const found = lines.indexOf(sought, at);
    if (found < 0) return [`${commands[0]}: not seen, or not there: ${sought}`];
    at = found + 1;
    return [];
  });
}
