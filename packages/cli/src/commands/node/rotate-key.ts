/** `tributary node rotate-key`: other keys for the node's store. */
import { rotateStoreKey } from "@tributary/client";
import { type Command, Option } from "commander";
import { jsonOption } from "../../options.ts";
import { print } from "../../output.ts";

interface RotateFlags {
  readonly home: string;
  readonly only?: "master" | "pseudonyms";
  readonly newKeyFile?: string;
  readonly json?: boolean;
}

export function addRotateKey(node: Command): void {
  node
    .command("rotate-key")
    .description("seal the store with a new master key, and put a new key on top of customers' pseudonyms")
    .requiredOption("--home <folder>", "the node's folder")
    .addOption(new Option("--only <key>", "one of the two").choices(["master", "pseudonyms"]))
    .option("--new-key-file <file>", "the new master key, where it does not lie in the home: 64 hexadecimal digits, mode 600")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node rotate-key --home shop")
    .action(async ({ home, only, newKeyFile, json }: RotateFlags) => {
      const rotated = await rotateStoreKey({ home, pseudonyms: only !== "master", master: only !== "pseudonyms", newKeyFile });
      print(json, rotated, () => [
        ...(rotated.master ? ["the store is sealed with a new master key"] : []),
        ...(rotated.putKeyTo === null ? [] : [`  put it to ${rotated.putKeyTo} now, and start the node's processes again`]),
        ...(rotated.pseudonyms ? ["customers have new pseudonyms; ids that are asked for find them as before"] : []),
      ]);
    });
}
