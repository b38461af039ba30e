/** Flags of federations of devices (unit `node`), each of which is protected as a whole: how one trains, and what its update is sent in. */
import { type PackedBits, packedBits } from "@tributary/dp";
import type { ScalePlanRequest } from "@tributary/simulate";
import { type Command, Option } from "commander";
import { integerOption, numberOption } from "./options.ts";

export interface DeviceOptions {
  readonly unit: ScalePlanRequest["unit"];
  readonly localEpochs: number;
  readonly localBatch: number;
  readonly localRate: number;
  readonly bits?: PackedBits;
}

/** What a number of an update is sent in (docs/decisions/0031). */
export const packedBitsOption = (): Option =>
  numberOption(
    "--bits <b>",
    "unit node: what a number of an update is sent in (default: 32)",
    (value) => packedBits.some((bits) => bits === value),
    packedBits.join(", "),
  );

export function addDeviceOptions(command: Command): Command {
  return command
    .optionsGroup("What is protected, and training on devices:")
    .addOption(new Option("--unit <unit>", "what is protected").choices(["customer", "node"]).default("customer"))
    .addOption(integerOption("--local-epochs <n>", "unit node: passes over its customers", 1, 1))
    .addOption(integerOption("--local-batch <n>", "unit node: customers of a batch", 1, 32))
    .addOption(numberOption("--local-rate <η>", "unit node: learning rate", (value) => value > 0, "a number above 0", 0.1))
    .addOption(packedBitsOption())
    .optionsGroup("Options:");
}

/** The same as `scalePlan` takes it. */
export const deviceWishes = (options: DeviceOptions): Pick<ScalePlanRequest, "unit" | "local" | "bits"> => ({
  unit: options.unit,
  local: { epochs: options.localEpochs, batchSize: options.localBatch, learningRate: options.localRate },
  ...(options.bits === undefined ? {} : { bits: options.bits }),
});
