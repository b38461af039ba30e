/** `tributary coordinator operator`, `token`, `audit`: who may do what over HTTP, changed on the coordinator's machine, and what was done. */
import { accessAtHome } from "@tributary/coordinator";
import { type OperatorRole, operatorName, operatorRoles, tokenDays, tokenId } from "@tributary/protocol";
import { type Command, Option } from "commander";
import { readInput } from "../../files.ts";
import { integerOption, jsonOption, textOption } from "../../options.ts";
import { print, table } from "../../output.ts";
import { addPlaceOptions, type PlaceFlags } from "../../place-options.ts";
import { addSeatOptions, type SeatFlags, seatOf } from "./seat.ts";

interface AccessFlags extends PlaceFlags {
  readonly operator: string;
  readonly reason: string;
  readonly json?: boolean;
}
type Named = AccessFlags & { readonly name: string };

const nameForm = "up to 32 of a–z, 0–9 and -";
const nameOption = () =>
  textOption("--name <name>", "the name: of a post, not of a person; it stands in the ledger", operatorName, nameForm);
const roleOption = () =>
  new Option("--role <role>", "what it may do; each role may do what those before it may")
    .choices(operatorRoles)
    .makeOptionMandatory();
const passwordFlags = [
  "--password-file <file>",
  "the password, in a file's first line; without it one is made and shown once",
] as const;

const reading = (parent: Command, verb: string, description: string, example: string): Command =>
  addPlaceOptions(parent.command(verb).description(description))
    .addOption(jsonOption())
    .addHelpText("after", `\nExample:\n  tributary coordinator ${example}`);

/** A change, which the ledger will tell. */
const changing = (parent: Command, verb: string, description: string, example: string): Command =>
  reading(parent, verb, `${description}; it is written into the ledger`, example)
    .addOption(
      textOption("--operator <role>", "whose decision it is: a role, not a person", operatorName, nameForm).default("operator"),
    )
    .option("--reason <text>", "why, for everybody to read", "");

const at = ({ operator, reason, ...place }: AccessFlags) => accessAtHome(place, { by: operator, reason });

/** The first line of the file. */
const passwordIn = (file: string | undefined) =>
  file === undefined ? {} : { password: new TextDecoder().decode(readInput(file)).split(/\r?\n/)[0] ?? "" };

const shownOnce = (password: string | undefined) => (password === undefined ? [] : [`password (shown this once): ${password}`]);

export function addAccess(coordinator: Command): void {
  const operator = coordinator.command("operator").description("operators' accounts: who may log in, and what they may do");
  changing(operator, "add", "make an account", "operator add --home platform --name night-shift --role operator")
    .addOption(nameOption().makeOptionMandatory())
    .addOption(roleOption())
    .option(...passwordFlags)
    .action(async ({ name, role, passwordFile, ...flags }: Named & { role: OperatorRole; passwordFile?: string }) => {
      const password = await at(flags).addOperator({ name, role, ...passwordIn(passwordFile) });
      print(flags.json, { name, role, ...(password === undefined ? {} : { password }) }, () => [
        `${name} may log in as ${role}`,
        ...shownOnce(password),
      ]);
    });
  reading(operator, "list", "show the accounts", "operator list --home platform").action(
    async ({ json, ...place }: PlaceFlags & { json?: boolean }) => {
      const operators = await accessAtHome(place).operators();
      print(json, { operators }, () =>
        table([["name", "role", "made"], ...operators.map(({ name, role, made }) => [name, role, made])]),
      );
    },
  );
  changing(
    operator,
    "role",
    "give an account another role, at once",
    "operator role --home platform --name night-shift --role auditor",
  )
    .addOption(nameOption().makeOptionMandatory())
    .addOption(roleOption())
    .action(async ({ name, role, ...flags }: Named & { role: OperatorRole }) => {
      await at(flags).changeRole(name, role);
      print(flags.json, { name, role }, () => [`${name} is ${role} now`]);
    });
  changing(
    operator,
    "password",
    "set an account's password, end its sessions and unlock it",
    "operator password --home platform --name night-shift",
  )
    .addOption(nameOption().makeOptionMandatory())
    .option(...passwordFlags)
    .action(async ({ name, passwordFile, ...flags }: Named & { passwordFile?: string }) => {
      const password = await at(flags).changePassword({ name, ...passwordIn(passwordFile) });
      print(flags.json, { name, ...(password === undefined ? {} : { password }) }, () => [
        `${name} has another password`,
        ...shownOnce(password),
      ]);
    });
  changing(
    operator,
    "remove",
    "remove an account with its sessions and tokens, at once",
    "operator remove --home platform --name night-shift",
  )
    .addOption(nameOption().makeOptionMandatory())
    .action(async ({ name, ...flags }: Named) => {
      await at(flags).removeOperator(name);
      print(flags.json, { removed: name }, () => [`${name} is removed`]);
    });

  const token = coordinator.command("token").description("tokens by which programs ask what operators may ask");
  changing(
    token,
    "create",
    "make a token; it is shown this once",
    "token create --home platform --name dashboard --role viewer",
  )
    .addOption(nameOption().makeOptionMandatory())
    .addOption(roleOption())
    .addOption(integerOption("--days <n>", "how long it is good for", tokenDays.least, tokenDays.usual, tokenDays.most))
    .action(async ({ name, role, days, ...flags }: Named & { role: OperatorRole; days: number }) => {
      const made = await at(flags).createToken({ name, role, days });
      print(flags.json, made, () => [made.token]);
    });
  reading(token, "list", "show the tokens by their public ids", "token list --home platform").action(
    async ({ json, ...place }: PlaceFlags & { json?: boolean }) => {
      const tokens = await accessAtHome(place).tokens();
      print(json, { tokens }, () =>
        table([
          ["id", "name", "role", "of", "expires", "used"],
          ...tokens.map((one) => [one.id, one.name, one.role, one.operator ?? "–", one.expires, one.used ?? "never"]),
        ]),
      );
    },
  );
  changing(token, "revoke", "make a token worthless, at once", "token revoke --home platform --id trb_0123456789ab")
    .addOption(textOption("--id <id>", "the token's public id", tokenId, "trb_ and 12 of 0–9 and a–f").makeOptionMandatory())
    .action(async ({ id, ...flags }: AccessFlags & { id: string }) => {
      await at(flags).revokeToken(id);
      print(flags.json, { revoked: id }, () => [`${id} is worthless now`]);
    });

  addSeatOptions(
    coordinator.command("audit").description("what operators did, as the ledger has it, and what waits to be written"),
  )
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary coordinator audit --home platform")
    .action(async ({ json, ...flags }: SeatFlags & { json?: boolean }, command: Command) => {
      const { place, api } = seatOf(flags, command);
      const lines = api === undefined ? await accessAtHome(place).audit() : await api.audit();
      print(json, { operators: lines }, () =>
        table([
          ["entry", "when", "by", "what", "reason"],
          ...lines.map(({ entry, done, at: written, operator: by, action, subject, role, reason }) => [
            entry === null ? "waits" : String(entry),
            done ?? written ?? "–",
            by,
            [action, subject, role].filter((word) => word !== null).join(" "),
            reason,
          ]),
        ]),
      );
    });
}
