/**
 * Nouns that are read by themselves: who asks for one waits for its modules alone. `ledger` needs neither the coordinator's database nor a node's, and starts in a third of
 * the time that the whole tree takes. Whatever isn't here is looked for in the whole tree
 * (`program.ts`): `completion` describes all of it.
 */
import type { Command } from "commander";

const readers: ReadonlyMap<string, () => Promise<Command>> = new Map([
  ["init", async () => (await import("./commands/init.ts")).initCommand()],
  ["demo", async () => (await import("./commands/demo.ts")).demoCommand()],
  ["doctor", async () => (await import("./commands/doctor.ts")).doctorCommand()],
  ["catalogue", async () => (await import("./commands/catalogue.ts")).catalogueCommand()],
  ["plan", async () => (await import("./commands/plan.ts")).planCommand()],
  ["coordinator", async () => (await import("./commands/coordinator.ts")).coordinatorCommand()],
  ["worker", async () => (await import("./commands/worker.ts")).workerCommand()],
  ["node", async () => (await import("./commands/node.ts")).nodeCommand()],
  ["ledger", async () => (await import("./commands/ledger.ts")).ledgerCommand()],
  ["model", async () => (await import("./commands/model.ts")).modelCommand()],
  ["account", async () => (await import("./commands/account.ts")).accountCommand()],
  ["simulate", async () => (await import("./commands/simulate.ts")).simulateCommand()],
  ["audit", async () => (await import("./commands/audit.ts")).auditCommand()],
  ["bench", async () => (await import("./commands/bench.ts")).benchCommand()],
]);

export const nounsByThemselves: readonly string[] = [...readers.keys()];

/** @returns undefined where the word is none of them */
export const nounByItself = async (word: string): Promise<Command | undefined> => await readers.get(word)?.();
