/** What stands above all nouns: the word `tributary` itself, its help, and what becomes of commander's errors. */
import { Command } from "commander";
import { explainProgram, firstGroup } from "./help.ts";
import { ownPackage } from "./own-package.ts";

export function rootOf(nouns: readonly Command[]): Command {
  const root = new Command("tributary")
    .description("Federated, privacy-preserving learning for e-commerce.")
    .version(ownPackage.version)
    .addHelpCommand(
      new Command("help")
        .argument("[command]")
        .description("what a command takes, with an example; as --help")
        .helpOption(false)
        .helpGroup(firstGroup),
    )
    .enablePositionalOptions(); // or `simulate` would take the options of `simulate scale` for its own
  for (const noun of nouns) root.addCommand(noun);
  throwInsteadOfExit(root);
  return explainProgram(root);
}

/** Commander would print its errors and end the process by itself; `main.ts` does both, as for every other error. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const child of command.commands) throwInsteadOfExit(child);
}
