/** How commands read numbers and columns from the command line: wrong values are wrong usage (exit 2), with a code. */
import { fail } from "@tributary/errors";
import type { Repeats } from "@tributary/model";
import { type Command, Option } from "commander";
import type { z } from "zod";

/** A flag with a number that must satisfy `accepts`. */
export function numberOption(
  flags: string,
  description: string,
  accepts: (value: number) => boolean,
  expected: string,
  initial?: number,
): Option {
  const option = new Option(flags, description).argParser((text: string) => {
    const value = Number(text);
    if (text.trim() === "" || !Number.isFinite(value) || !accepts(value)) {
      throw fail("TRB_CLI_BAD_OPTION", { option: option.long ?? flags, value: text.slice(0, 80) || "empty", expected });
    }
    return value;
  });
  return initial === undefined ? option : option.default(initial);
}

export const integerOption = (
  flags: string,
  description: string,
  least: number,
  initial?: number,
  most = Number.MAX_SAFE_INTEGER,
): Option => {
  const bounded = most < Number.MAX_SAFE_INTEGER;
  const expected = bounded ? `a whole number from ${least} to ${most}` : `a whole number of at least ${least}`;
  const accepts = (value: number) => Number.isInteger(value) && value >= least && value <= most;
  return numberOption(flags, description, accepts, expected, initial);
};

/** Fewer than three merchants can hide nothing from each other. */
export const merchantsOption = (description: string, initial?: number): Option => {
  const expected = "a whole number of at least 3: the sum of two tells each what the other gave";
  return numberOption("--merchants <n>", description, (value) => Number.isSafeInteger(value) && value >= 3, expected, initial);
};

export const minCohortOption = (): Option =>
  integerOption("--min-cohort <n>", "fewest merchants in a round (default: chosen)", 3);

export const maxCorruptOption = (): Option =>
  integerOption("--max-corrupt <n>", "merchants that may work with the coordinator (default: a quarter)", 0);

export const merchantsPerCustomerOption = (): Option =>
  integerOption(
    "--merchants-per-customer <k>",
    "the most merchants that one person is a customer of; ε is for all together",
    1,
    1,
  );

/** A flag with a text that a schema must admit. */
export const textOption = (flags: string, description: string, schema: z.ZodType<string>, expected: string): Option => {
  const option = new Option(flags, description);
  return option.argParser((text: string) => {
    const parsed = schema.safeParse(text);
    if (parsed.success) return parsed.data;
    throw fail("TRB_CLI_BAD_OPTION", { option: option.long ?? flags, value: text.slice(0, 80) || "empty", expected });
  });
};

export const epsilonOption = (initial?: number): Option =>
  numberOption(
    "--epsilon <ε>",
    "privacy budget of a customer",
    (value) => value > 0,
    "a number above 0 (1 protects strongly, 8 is usual)",
    initial,
  );

export const deltaOption = (initial?: number): Option =>
  numberOption(
    "--delta <δ>",
    "chance that ε does not hold; below 1/customers",
    (value) => value > 0 && value < 1,
    "a number above 0 and well below 1/customers, such as 1e-6",
    initial,
  );

/** A comma-separated list of some of these names. */
export const listOf =
  (option: string, names: readonly string[]) =>
  (text: string): readonly string[] => {
    const given = text.split(",").map((name) => name.trim());
    const unknown = given.find((name) => !names.includes(name));
    if (unknown === undefined) return given;
    throw fail("TRB_CLI_BAD_OPTION", { option, value: unknown.slice(0, 80) || "empty", expected: `some of ${names.join()}` });
  };

export const jsonOption = (): Option => new Option("--json", "print one JSON document on stdout");

/** Which columns of a log hold what; what is left out is looked for under the usual names. */
export interface Columns {
  readonly customer?: string;
  readonly item?: string;
  readonly action?: string;
  readonly time?: string;
  readonly dwell?: string;
  readonly price?: string;
  readonly keywords?: string;
}

const columnRoles = ["customer", "item", "action", "time", "dwell", "price", "keywords"];
const columnsForm = columnRoles.map((role) => `${role}=NAME`).join();

/** `customer=user,item=item,action=action,time=ts` */
function parseColumns(text: string): Columns {
  const columns: Record<string, string> = {};
  for (const part of text.split(",")) {
    const at = part.indexOf("=");
    const [key, name] = [part.slice(0, Math.max(at, 0)).trim(), part.slice(at + 1).trim()];
    if (!columnRoles.includes(key) || name === "") {
      throw fail("TRB_CLI_BAD_OPTION", {
        option: "--columns",
        value: part.slice(0, 80) || "empty",
        expected: columnsForm,
      });
    }
    columns[key] = name;
  }
  return columns;
}

export const repeatsOption = (): Option =>
  new Option(
    "--repeats <how>",
    "items that a customer had before: candidates or not (default: keep; mask for a log of preset sasrec-text, as it is judged elsewhere)",
  ).choices(["keep", "mask"]);

/** DESIGN §7. */
export const repeatsOf = ({ repeats, preset }: { readonly repeats?: Repeats; readonly preset?: "sasrec-text" }): Repeats =>
  repeats ?? (preset === "sasrec-text" ? "mask" : "keep");

export const columnsOption = (): Option =>
  new Option(
    "--columns <list>",
    `columns of the log that are not called as usual, with commas between them: ${columnsForm.replaceAll(",", " ")}`,
  ).argParser(parseColumns);

/** The flags with which every command that reads a log says what is in it. */
export function addLogOptions(command: Command): Command {
  return command
    .optionsGroup("What is in the log:")
    .addOption(columnsOption())
    .addOption(new Option("--preset <name>", "a log of a well-known shape").choices(["sasrec-text"]))
    .optionsGroup("Options:");
}
