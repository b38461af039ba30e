/** Completion in real shells: what is offered, and what a Tab makes of a line. Shells that are not on this machine are left out, and said to be. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { outline } from "../program.ts";
import { bashCompletion } from "./bash.ts";
import { completedCommands } from "./completed.ts";
import { fishCompletion } from "./fish.ts";
import { zshCompletion } from "./zsh.ts";

const folder = mkdtempSync(join(tmpdir(), "tributary-completion-"));
afterAll(() => rmSync(folder, { recursive: true }));
const commands = completedCommands(outline());
for (const [name, script] of [
  ["bash", bashCompletion(commands)],
  ["zsh", zshCompletion(commands)],
  ["fish", fishCompletion(commands)],
] as const) {
  writeFileSync(join(folder, `tributary.${name}`), script);
}
writeFileSync(join(folder, "a shop's log.csv"), "");

const isHere = (program: string) => spawnSync(program, ["--version"]).error === undefined;
const shells = { bash: isHere("bash"), zsh: isHere("zsh"), fish: isHere("fish"), script: isHere("script") };
const absent = (names: readonly (keyof typeof shells)[]) =>
  names.filter((name) => !shells[name]).map((name) => ` (no ${name} here)`);

/** What is offered for the last word of a line, in bash and fish. */
const offers = {
  bash(words: readonly string[]): string[] {
    const program = `source tributary.bash; COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); _tributary; printf '%s\n' "\${COMPREPLY[@]}"`;
    return run("bash", ["--norc", "-c", program, "bash", "tributary", ...words]);
  },
  fish(words: readonly string[]): string[] {
    const line = ["tributary", ...words].join(" ");
    const program = `source tributary.fish; complete -C ${JSON.stringify(line)}`;
    return run("fish", ["--no-config", "-c", program]).map((offer) => offer.split("\t")[0] ?? "");
  },
};

function run(shell: string, words: readonly string[]): string[] {
  const { stdout, stderr } = spawnSync(shell, words, { cwd: folder, encoding: "utf8" });
  expect(stderr).toBe("");
  return stdout.split("\n").filter((line) => line !== "");
}

for (const shell of ["bash", "fish"] as const) {
  test.skipIf(!shells[shell])(
    `${shell} is offered commands, verbs, options, choices and files${absent([shell])}`,
    { timeout: 60_000 },
    () => {
      const offered = offers[shell];
      expect(offered([""])).toEqual(expect.arrayContaining(["demo", "node", "ledger"]));
      expect(offered(["no"])).toEqual(["node"]);
      expect(offered(["node", "jo"])).toEqual(["join"]);
      expect(offered(["node", "join", "--lang"])).toEqual(["--language"]);
      expect(offered(["node", "join", "--language", ""]).sort()).toEqual(["en", "zh"]);
      expect(offered(["simulate", ""])).toEqual(expect.arrayContaining(["scale", "list", "compare", "tune"]));
      expect(offered(["simulate", "--no-col"])).toEqual(["--no-color"]);
      expect(offered(["node", "join", "--home", "shop", "--js"])).toEqual(["--json"]);
      expect(offered(["demo", "--merchants", "a"])).toEqual([]); // nobody can guess a number
      expect(offered(["completion", "z"])).toEqual(["zsh"]);
      expect(offered(["ledger", "show", "a"]).map((one) => one.replaceAll("\\", ""))).toEqual(["a shop's log.csv"]);
      expect(offered(["demo", "--events", "a"]).map((one) => one.replaceAll("\\", ""))).toEqual(["a shop's log.csv"]);
    },
  );
}

/** What a line becomes that is typed into an interactive shell, each Tab pressed once the shell has answered; by a command of that name that prints its words. */
async function typed(shell: string, prelude: string, line: string): Promise<string> {
  const child = spawn("script", ["-qec", shell, "/dev/null"], {
    cwd: folder,
    env: { ...process.env, TERM: "dumb", PS1: "", HOME: folder },
  });
  let said = "";
  const quiet = () =>
    new Promise<void>((resolve) => {
      let before = said.length;
      const timer = setInterval(() => {
        if (said.length === before && said.length > 0) {
          clearInterval(timer);
          resolve();
        }
        before = said.length;
      }, 150);
    });
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    said += text;
  });
  const closed = new Promise<void>((resolve) => child.on("close", () => resolve()));
  child.stdin.write(`${prelude}; echo READY\n`);
  const until = async (pattern: RegExp) => {
    while (!pattern.test(said) && child.exitCode === null) await quiet();
  };
  await until(/^READY/m);
  for (const part of line.split(/(\t)/)) {
    child.stdin.write(part);
    await quiet();
  }
  child.stdin.write("\n");
  await until(/RAN:\[[^%]/);
  child.stdin.write("exit\n");
  await closed;
  return /RAN:\[([^%$]*?)\]/.exec(said.split("RAN:[%s]").at(-1) ?? "")?.[1] ?? said;
}

const printing = `tributary() { printf 'RAN:[%s]\\n' "$*"; }`;

const line = "tributary nod\tim\ta\t--form\tp\t";
const completed = "node import a shop's log.csv --format parquet";

test.skipIf(!shells.bash || !shells.script)(
  `in bash, Tab completes a line as it is typed${absent(["bash", "script"])}`,
  { timeout: 120_000 },
  async () => {
    expect(await typed("bash --norc -i", `source tributary.bash; ${printing}`, line)).toBe(completed);
  },
);

test.skipIf(!shells.zsh || !shells.script)(
  `in zsh, Tab completes a line as it is typed${absent(["zsh", "script"])}`,
  { timeout: 120_000 },
  async () => {
    const prelude = `autoload -Uz compinit; compinit -D; source ./tributary.zsh; ${printing}`;
    expect(await typed("zsh -f -i", prelude, line)).toBe(completed);
  },
);

test("each script says every command and every option of it", () => {
  for (const shell of [bashCompletion(commands), zshCompletion(commands), fishCompletion(commands)]) {
    for (const { path, options } of commands) {
      expect(shell).toContain(path);
      for (const { long } of options) expect(shell).toContain(long.replace(/^--/, ""));
    }
  }
});
