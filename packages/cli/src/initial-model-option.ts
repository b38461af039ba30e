/** The flag that has training begin at a model of public knowledge (`model pretrain`). */
import { fail } from "@tributary/errors";
import { type ModelSpec, readCheckpoint } from "@tributary/model";
import type { StatisticsWishes } from "@tributary/simulate";
import { Option } from "commander";
import { readInput } from "./files.ts";

export interface InitialModelOptions {
  readonly initialModel?: string;
}

export const initialModelOption = () =>
  new Option("--initial-model <file>", "a model of public knowledge that training begins at (`model pretrain`)");

/** Its weights, where it was given. @throws what `readCheckpoint` throws for a file of another model */
export function broughtParameters(
  { initialModel }: InitialModelOptions,
  model: ModelSpec,
): { readonly initialParameters?: Float32Array } {
  return initialModel === undefined ? {} : { initialParameters: readCheckpoint(readInput(initialModel), model).parameters };
}

/** Training begins at one model: one that was brought along stands in for what statistics would teach. @throws TRB_CLI_BAD_OPTION */
export function beginningAt<Wishes extends { readonly statistics?: StatisticsWishes }>(
  { initialModel }: InitialModelOptions,
  wishes: Wishes,
): Wishes {
  const { statistics } = wishes;
  if (initialModel === undefined || statistics === undefined) return wishes;
  if ((statistics.trainingShare ?? 0) > 0) return { ...wishes, statistics: { ...statistics, warmStart: "none" } };
  const expected = "absent where nothing is trained: see --training-share and --no-statistics";
  throw fail("TRB_CLI_BAD_OPTION", { option: "--initial-model", value: initialModel, expected });
}
