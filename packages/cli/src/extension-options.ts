/** `--extend FILE.ts`: what a command plans with when code from outside brings a model, a server optimiser or a sum query. */
import { fail } from "@tributary/errors";
import type { OpenExtension } from "@tributary/model/extension-files";
import { formatDecimal, sha256Hex } from "@tributary/protocol";
import { choosePlan, choosePlanToRead, type ModelWishes, type PlanChoice, type PlanRequest } from "@tributary/simulate";
import { Option } from "commander";
import { nameWith, refused } from "./open-extensions.ts";

/** What part of ε is kept for what is read, unless it is said. */
const usualShare = 0.1;

/** For commands that plan with extensions. */
export const extendOption = () =>
  new Option("--extend <files...>", "extensions: TypeScript files that bring a model, a server optimiser or a sum query");

/** The model that one of them brings. */
export function extendedModel(extensions: readonly OpenExtension[]): Pick<ModelWishes, "family" | "extension"> {
  const name = nameWith(extensions, "model");
  return name === undefined ? {} : { family: "extension", extension: name };
}

/**
 * A model or an optimiser is for training: then everything is spent on it, unless `--training-share` says otherwise. In the form of the flags that
 * say so by themselves.
 */
export function extendedTraining(
  options: { readonly statistics?: boolean; readonly trainingShare?: number },
  extensions: readonly OpenExtension[],
): { readonly statistics?: boolean } {
  const trains = (["model", "optimiser"] as const).some((part) => nameWith(extensions, part) !== undefined);
  if (!trains || options.trainingShare !== undefined) return {};
  if (options.statistics === true)
    throw refused("statistics alone", "--training-share beside --statistics: an extension is to be trained with");
  return { statistics: false };
}

/** The planner's choice, with the extensions in it. @throws what `choosePlan` and `choosePlanToRead` throw */
export function chooseWithExtensions(
  request: PlanRequest,
  extensions: readonly OpenExtension[],
  {
    heldOut,
    features,
    acceptance,
    share = usualShare,
    retries = 0,
  }: {
    readonly heldOut?: number;
    readonly features?: { readonly now: number };
    readonly acceptance?: NonNullable<Parameters<typeof choosePlanToRead>[1]["acceptance"]>;
    readonly share?: number;
    readonly retries?: number;
  },
): PlanChoice {
  const named = extensions.map(({ extension, sha256 }) => ({ name: extension.name, sha256: sha256Hex.parse(sha256) }));
  const queries = extensions.flatMap(({ extension: { name, query } }) =>
    query === undefined ? [] : [{ name, ...query.shape({ items: request.catalogueItems }) }],
  );
  if (acceptance !== undefined && heldOut === undefined) {
    const expected = "--metrics beside it: models are judged by customers who are held out";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--accept-every", value: String(acceptance.every), expected });
  }
  const reads = queries.length > 0 || heldOut !== undefined || features !== undefined;
  const choice = reads
    ? choosePlanToRead(request, {
        ...{ queries, share, retries },
        ...(heldOut === undefined ? {} : { metrics: { heldOut } }),
        ...(features === undefined ? {} : { features }),
        ...(acceptance === undefined ? {} : { acceptance }),
      })
    : choosePlan(request);
  if (named.length === 0) return choice;
  return { ...choice, plan: { ...choice.plan, extensions: named, ...plannedOptimiser(extensions) } };
}

function plannedOptimiser(extensions: readonly OpenExtension[]): Partial<Pick<PlanChoice["plan"], "optimiser">> {
  const found = extensions.find(({ extension }) => extension.optimiser !== undefined)?.extension;
  if (found?.optimiser === undefined) return {};
  const { learningRate, numbers } = found.optimiser.defaults;
  const decimals = Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, formatDecimal(value)]));
  return {
    optimiser: { name: "extension", extension: found.name, learningRate: formatDecimal(learningRate), numbers: decimals },
  };
}
