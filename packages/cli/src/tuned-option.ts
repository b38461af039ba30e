/** `--tuned FILE`: a recipe that `simulate tune --out` wrote, and what choosing it cost where private data chose it. */
import { fail } from "@tributary/errors";
import { type StatisticsRecipe, statisticsRecipe } from "@tributary/model";
import { type PlanSelection, selectionSchema } from "@tributary/protocol";
import type { PlanRequest, StatisticsWishes } from "@tributary/simulate";
import { Option } from "commander";
import { readJson } from "./files.ts";

export const tunedOption = (): Option =>
  new Option(
    "--tuned <file>",
    "the recipe of statistics that `simulate tune --out` wrote; ε pays for it if private data chose it",
  );

export function tunedFile(recipe: StatisticsRecipe, selection: PlanSelection | null): string {
  return `${JSON.stringify({ recipe, selection }, null, 2)}\n`;
}

/**
 * The wishes with the file's recipe in them.
 * @throws TRB_TUNE_FILE_INVALID, TRB_CLI_BAD_OPTION without statistics, and what reading a file throws
 */
export function tunedWishes(
  file: string | undefined,
  { statistics }: { readonly statistics?: StatisticsWishes },
): Pick<PlanRequest, "statistics" | "selection"> {
  if (file === undefined) return statistics === undefined ? {} : { statistics };
  if (statistics === undefined) {
    throw fail("TRB_CLI_BAD_OPTION", { option: "--tuned", value: file, expected: "absent where no statistics are released" });
  }
  const document = readJson(file);
  const { recipe, selection } = fieldsOf(document);
  const parsed = selection === null ? undefined : selectionSchema.safeParse(selection);
  if (parsed?.success === false) throw fail("TRB_TUNE_FILE_INVALID", { file, reason: "`selection` makes no sense" });
  return {
    statistics: { ...statistics, recipe: recipeOf(recipe, file) },
    ...(parsed === undefined ? {} : { selection: parsed.data }),
  };
}

/** @throws TRB_TUNE_FILE_INVALID unless every field is there, and of the kind that the usual recipe has */
function recipeOf(value: unknown, file: string): StatisticsRecipe {
  const found = fieldsOf(value);
  const usual = statisticsRecipe(1);
  const wrong = Object.entries(usual).find(([field, known]) => {
    const given = found[field];
    return typeof known === "number"
      ? !(typeof given === "number" && given >= 0 && Number.isFinite(given))
      : !weighings.includes(given);
  });
  if (wrong !== undefined) throw fail("TRB_TUNE_FILE_INVALID", { file, reason: `\`recipe.${wrong[0]}\` makes no sense` });
  return Object.fromEntries(Object.keys(usual).map((field) => [field, found[field]])) as unknown as StatisticsRecipe;
}

const weighings: readonly unknown[] = ["probability", "mean"] satisfies StatisticsRecipe["weighBy"][];

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}
