/** What a plan's ε is added up by: Rényi divergences, or, where nothing is sampled, the curve of Gaussian noise (decision 29). */
import { type Plan, planAccountants } from "@tributary/protocol";
import { Option } from "commander";

export interface AccountantOptions {
  readonly accountant: Plan["accountant"];
}

export const accountantOption = (): Option =>
  new Option(
    "--accountant <name>",
    "what ε is added up by: rdp-integer, for every plan, or lattice, 4 to 7 % less noise where no customer is sampled",
  )
    .choices(planAccountants)
    .default("rdp-integer");
