/** `tributary node rotate-identity`: another identity key for a node. */
import { rotateIdentity } from "@tributary/client";
import type { Command } from "commander";
import { jsonOption } from "../../options.ts";
import { print } from "../../output.ts";

export function addRotateIdentity(node: Command): void {
  node
    .command("rotate-identity")
    .description("go by another identity key, signed by the one before it; the same command says how far that has come")
    .requiredOption("--home <folder>", "the node's folder")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node rotate-identity --home shop")
    .action(async ({ home, json }: { home: string; json?: boolean }) => {
      const rotation = await rotateIdentity({ home });
      const { fingerprint, previous, from } = rotation;
      print(json, rotation, () => [
        `the new key's fingerprint is ${fingerprint}`,
        from === null
          ? "the node tells the coordinator while it runs, or when it is started next; the ledger will say from which round on the key counts"
          : `by the ledger it counts from round ${from} on`,
        `until then the key ${previous} does; nothing has to be done`,
      ]);
    });
}
