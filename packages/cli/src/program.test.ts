import type { Command } from "commander";
import { CommanderError } from "commander";
import { expect, test } from "vitest";
import { environmentVariables, exitCodes } from "./help.ts";
import { nounByItself, nounsByThemselves } from "./nouns.ts";
import { outlineOf } from "./outline.ts";
import { outline, program } from "./program.ts";
import { rootOf } from "./root.ts";
import { invokedCommand, pathOf, usageError } from "./usage.ts";

const verbs = (command: Command): Command[] => (command.commands.length === 0 ? [command] : command.commands.flatMap(verbs));
const paths = verbs(program()).map(pathOf);

/** What a command writes and how it ends, without a process. */
async function say(words: readonly string[]): Promise<{ readonly written: string; readonly thrown: unknown }> {
  const root = program();
  let written = "";
  invokedCommand(root, words).configureOutput({
    writeOut: (text) => {
      written += text;
    },
  });
  const thrown = await root.parseAsync([...words], { from: "user" }).then(
    () => undefined,
    (error: unknown) => error,
  );
  return { written, thrown };
}

test.each(paths)("%s --help ends with 0, shows an example, and tells of --json", async (path) => {
  const { written, thrown } = await say([...path.split(" "), "--help"]);
  expect(thrown).toBeInstanceOf(CommanderError);
  expect((thrown as CommanderError).exitCode).toBe(0);
  expect(written).toContain(`Example:\n  tributary ${path}`);
  expect(written).toContain("--json");
});

test("what commander refuses is wrong usage with its suggestion, and an argument too many is not repeated: it may be an invite", async () => {
  const words = ["node", "join", "secret-invite", "secret-again", "--home", "shop"];
  const { thrown } = await say(words);
  const error = usageError(thrown as CommanderError, invokedCommand(program(), words));
  expect(error).toMatchObject({ code: "TRB_CLI_USAGE", exitCode: 2 });
  expect(JSON.stringify(error)).not.toContain("secret");
  const typo = await say(["ledger", "verfy"]);
  expect(usageError(typo.thrown as CommanderError, program()).advice).toContain("Did you mean verify?");
});

test("a misspelt option, and a misspelt verb of a noun that does something by itself, are told of the nearest", async () => {
  const advised = async (...words: string[]) => {
    const { thrown } = await say(words);
    const root = program();
    const command = invokedCommand(root, words);
    command.args = words.slice(pathOf(command).split(" ").length); // as commander leaves them
    return usageError(thrown as CommanderError, command).advice;
  };
  expect(await advised("demo", "--evens", "x")).toContain("Did you mean --events?");
  expect(await advised("simulate", "lst")).toContain("Did you mean list?");
  expect(await advised("simulate", "xyzzy")).toMatch(/^`tributary simulate --help`/);
});

test("the root's help has every command in a group, each exit code, each variable, and an example", async () => {
  const { written } = await say(["--help"]);
  expect(written).not.toContain("Commands:");
  for (const verb of outline()[0]?.verbs ?? []) expect(written).toMatch(new RegExp(`^  ${verb} `, "m"));
  for (const { code } of exitCodes) expect(written).toMatch(new RegExp(`^  ${code} `, "m"));
  for (const { name } of environmentVariables) expect(written).toContain(name);
  expect(written).toContain("Examples:\n  tributary ");
  expect(written.split("\n").filter((line) => line.length > 80)).toEqual([]);
});

test("every noun's help leads to its verbs", async () => {
  for (const { path, verbs: children } of outline().filter(({ runs, path: at }) => !runs && at !== "")) {
    const { written } = await say([...path.split(" "), "--help"]);
    for (const verb of children) expect(written, path).toMatch(new RegExp(`^  ${verb}`, "m"));
  }
});

test.each(nounsByThemselves)("%s by itself is the whole tree's", async (name) => {
  const noun = await nounByItself(name);
  const whole = program().commands.find((command) => command.name() === name);
  expect(noun && outlineOf(rootOf([noun])).slice(1)).toEqual(whole && outlineOf(whole));
});
