/** `tributary node forget`: customers' right to erasure. */
import { type Forgotten, forgetCustomers } from "@tributary/client";
import { fail } from "@tributary/errors";
import type { Command } from "commander";
import { customerList } from "../../customer-list.ts";
import { jsonOption } from "../../options.ts";
import { print } from "../../output.ts";

interface ForgetFlags {
  readonly home: string;
  readonly customer?: readonly string[];
  readonly customersFile?: string;
  readonly suppress?: boolean;
  readonly json?: boolean;
}

export function addForget(node: Command): void {
  node
    .command("forget")
    .description("erase customers from the node: their histories, live events, and the model that was personalised with them")
    .requiredOption("--home <folder>", "the node's folder")
    .option(
      "--customer <id>",
      "as the shop calls the customer; may be given again",
      (id: string, before: readonly string[] = []) => [...before, id],
    )
    .option("--customers-file <file>", "a file with one id on each line")
    .option("--suppress", "keep their keyed pseudonyms, so that no later import and no live event brings them back")
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary node forget --home shop --customer c17 --suppress")
    .action(async ({ home, customer = [], customersFile, suppress = false, json }: ForgetFlags) => {
      const customers = [...customer, ...(customersFile === undefined ? [] : customerList("--customers-file", customersFile))];
      if (customers.length === 0) {
        const suggestion = "Name them with --customer ID, or a file of them with --customers-file FILE. ";
        throw fail("TRB_CLI_USAGE", { reason: "it names no customer", suggestion, command: "tributary node forget" });
      }
      const forgotten = await forgetCustomers({ home, customers, suppress });
      print(json, forgotten, () => forgottenLines(forgotten));
    });
}

function forgottenLines({ customers, found, events, suppressed, released, personalModelRemoved }: Forgotten): string[] {
  const { rounds, epsilon, delta } = released;
  const models =
    rounds.length === 0
      ? ["No round was charged yet: no released model owes them anything."]
      : [
          `Models that were released stay as they are: they were trained with (${epsilon}, ${delta})-differential privacy for each customer, over ${rounds.length} charged rounds.`,
          `So whatever anybody concludes from them is at most e^${epsilon} times as likely as if these customers had never been there, but for a chance of ${delta}.`,
          "Which rounds had them in their sums is not recorded anywhere, so all count. That cost is not given back.",
        ];
  return [
    `${found} of ${customers} customers were here; ${events} events erased`,
    suppressed
      ? "their pseudonyms stay, so that no later import brings them back"
      : "a later import of a log that names them brings them back",
    ...(personalModelRemoved ? ["the personalised model was removed: run `tributary node personalise` again"] : []),
    ...models,
    "Backups, the logs themselves, and what file system and disk keep of overwritten files are not in this node's hands (docs/store.md).",
  ];
}
