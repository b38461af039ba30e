/** The flag with which a command bounds the mean updates that the server's steps are made of. */
import { fail } from "@tributary/errors";
import { formatDecimal } from "@tributary/protocol";
import type { PlanChoice } from "@tributary/simulate";
import { numberOption } from "./options.ts";

export const updateNormOption = () =>
  numberOption(
    "--update-norm <x>",
    "most L2 norm of a mean update, noise and all; a longer one is scaled down to it (default: no bound)",
    (value) => value > 0,
    "a number above 0",
  );

/** @throws TRB_CLI_BAD_OPTION where nothing is trained */
export function withUpdateNorm(choice: PlanChoice, updateNorm: number | undefined): PlanChoice {
  if (updateNorm === undefined) return choice;
  const { plan } = choice;
  if (plan.releases.every(({ kind }) => kind !== "training")) {
    const expected = "something that is trained: --no-statistics or --training-share beside it";
    throw fail("TRB_CLI_BAD_OPTION", { option: "--update-norm", value: String(updateNorm), expected });
  }
  return { ...choice, plan: { ...plan, optimiser: { ...plan.optimiser, updateNorm: formatDecimal(updateNorm) } } };
}
