/** `tributary account …`: privacy calculators. */
import { calibrateNoise, epsilonOf } from "@tributary/dp";
import { Command, Option } from "commander";
import { deltaOption, epsilonOption, integerOption, jsonOption, numberOption } from "../options.ts";
import { print } from "../output.ts";

const accountantOption = () =>
  new Option("--accountant <name>", "how cost is added up").choices(["rdp-integer"]).default("rdp-integer");
const samplingRateOption = () =>
  numberOption(
    "--sampling-rate <q>",
    "chance that a customer is in a round",
    (q) => q >= 0 && q <= 1,
    "a number from 0 to 1",
  ).makeOptionMandatory();
const stepsOption = () => integerOption("--steps <rounds>", "rounds", 1).makeOptionMandatory();

export function accountCommand(): Command {
  const account = new Command("account").description("privacy calculators");

  account
    .command("epsilon")
    .description("what ε so many rounds cost")
    .addOption(samplingRateOption())
    .addOption(numberOption("--noise <z>", "noise multiplier", (z) => z > 0, "a number above 0").makeOptionMandatory())
    .addOption(stepsOption())
    .addOption(deltaOption().makeOptionMandatory())
    .addOption(accountantOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary account epsilon --sampling-rate 0.01 --noise 1 --steps 1000 --delta 1e-5")
    .action(
      (options: { samplingRate: number; noise: number; steps: number; delta: number; accountant: string; json?: boolean }) => {
        const { samplingRate, noise: noiseMultiplier, steps, delta, accountant } = options;
        const epsilon = epsilonOf({ samplingRate, noiseMultiplier, steps, delta });
        print(options.json, { epsilon, delta, accountant, adjacency: "add-or-remove-one" }, () => [
          `ε = ${epsilon.toFixed(6)} at δ = ${delta} (${accountant}, add or remove one customer)`,
        ]);
      },
    );

  account
    .command("noise")
    .description("how much noise a target ε takes")
    .addOption(epsilonOption().makeOptionMandatory())
    .addOption(samplingRateOption())
    .addOption(stepsOption())
    .addOption(deltaOption().makeOptionMandatory())
    .addOption(accountantOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  tributary account noise --epsilon 8 --sampling-rate 0.04 --steps 2000 --delta 1e-5")
    .action(
      (options: {
        epsilon: number;
        samplingRate: number;
        steps: number;
        delta: number;
        accountant: string;
        json?: boolean;
      }) => {
        const noiseMultiplier = calibrateNoise(options);
        print(
          options.json,
          { noiseMultiplier, epsilon: options.epsilon, delta: options.delta, accountant: options.accountant },
          () => [
            `noise multiplier z = ${noiseMultiplier.toFixed(6)} for ε = ${options.epsilon} at δ = ${options.delta} (${options.accountant})`,
          ],
        );
      },
    );

  return account;
}
