/** The tree of commands, `tributary <noun> <verb>` (DESIGN §7). One file a noun, below `commands/`. */
import type { Command } from "commander";
import { accountCommand } from "./commands/account.ts";
import { auditCommand } from "./commands/audit.ts";
import { benchCommand } from "./commands/bench.ts";
import { catalogueCommand } from "./commands/catalogue.ts";
import { completionCommand } from "./commands/completion.ts";
import { coordinatorCommand } from "./commands/coordinator.ts";
import { demoCommand } from "./commands/demo.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { initCommand } from "./commands/init.ts";
import { ledgerCommand } from "./commands/ledger.ts";
import { modelCommand } from "./commands/model.ts";
import { nodeCommand } from "./commands/node.ts";
import { planCommand } from "./commands/plan.ts";
import { simulateCommand } from "./commands/simulate.ts";
import { workerCommand } from "./commands/worker.ts";
import { type CommandOutline, outlineOf } from "./outline.ts";
import { rootOf } from "./root.ts";

/** All of it as plain data, nouns before their verbs. */
export const outline = (): readonly CommandOutline[] => outlineOf(program());

export const program = (): Command =>
  rootOf([
    initCommand(),
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
  ]);
