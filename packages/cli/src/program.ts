/** The tree of commands, `tributary <noun> <verb>` (DESIGN §7). One file a noun, below `commands/`. */
import { Command } from "commander";
import { accountCommand } from "./commands/account.ts";
import { auditCommand } from "./commands/audit.ts";
import { benchCommand } from "./commands/bench.ts";
import { catalogueCommand } from "./commands/catalogue.ts";
import { completionCommand } from "./commands/completion.ts";
import { coordinatorCommand } from "./commands/coordinator.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { ledgerCommand } from "./commands/ledger.ts";
import { modelCommand } from "./commands/model.ts";
import { nodeCommand } from "./commands/node.ts";
import { planCommand } from "./commands/plan.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { workerCommand } from "./commands/worker.ts";
import { explainProgram, firstGroup } from "./help.ts";
import { type CommandOutline, outlineOf } from "./outline.ts";

/** All of it as plain data, nouns before their verbs. */
export const outline = (): readonly CommandOutline[] => outlineOf(program());

export function program(): Command {
  const root = new Command("tributary")
    .description("Federated, privacy-preserving learning for e-commerce.")
    .version("0.1.0")
    .addHelpCommand(
      new Command("help")
        .argument("[command]")
        .description("what a command takes, with an example; as --help")
        .helpOption(false)
        .helpGroup(firstGroup),
    )
    .enablePositionalOptions(); // or `simulate` would take the options of `simulate scale` for its own
  for (const command of [
    demoCommand(),
    doctorCommand(),
    completionCommand(),
    catalogueCommand(),
    planCommand(),
    coordinatorCommand(),
    workerCommand(),
    nodeCommand(),
    ledgerCommand(),
    modelCommand(),
    accountCommand(),
    simulateCommand(),
    auditCommand(),
    benchCommand(),
  ]) {
    root.addCommand(command);
  }
  throwInsteadOfExit(root);
  return explainProgram(root);
}

/** Commander would print its errors and end the process by itself; `main.ts` does both, as for every other error. */
function throwInsteadOfExit(command: Command): void {
  command.exitOverride().configureOutput({ outputError: () => {} });
  for (const child of command.commands) throwInsteadOfExit(child);
}
