/** `plan new --unit node`: a federation of devices, each protected as a whole, all in every round; `--bits` packs what they send. */
import { fail } from "@tributary/errors";
import type { ModelWishes, PlanRequest, ScalePlanRequest } from "@tributary/simulate";
import { scalePlan } from "@tributary/simulate";
import { type DeviceOptions, deviceWishes } from "../../device-options.ts";

/** Flags that say what of customers is read, or how statistics are: devices only train. */
interface OtherwiseOptions extends DeviceOptions {
  readonly statistics?: boolean;
  readonly trainingShare?: number;
  readonly retries?: number;
  readonly metrics?: number;
  readonly acceptEvery?: number;
  readonly extend?: readonly string[];
  readonly tuned?: string;
  readonly targetEpsilon?: number;
}

/** @throws TRB_CLI_BAD_OPTION for a flag that only plans for customers, or only those for devices, have a use for */
export function checkDeviceOptions(options: OtherwiseOptions): void {
  const { unit, bits, statistics, trainingShare, retries, metrics, acceptEvery, extend, tuned, targetEpsilon } = options;
  const refuse = (option: string, value: unknown, expected: string) =>
    fail("TRB_CLI_BAD_OPTION", { option, value: String(value), expected });
  if (unit === "customer") {
    if (bits === undefined) return;
    throw refuse("--bits", bits, "given with --unit node: a merchant's sum is of many customers, and is sent in 32");
  }
  const given = {
    ...{ "--statistics": statistics || undefined, "--training-share": trainingShare, "--retries": retries },
    ...{ "--metrics": metrics, "--accept-every": acceptEvery, "--extend": extend, "--tuned": tuned },
    "--target-epsilon": targetEpsilon,
  };
  for (const [option, value] of Object.entries(given)) {
    if (value !== undefined)
      throw refuse(option, value, "absent with --unit node, where devices train and nothing else is released");
  }
}

/** @throws what `scalePlan` throws */
export function chooseForDevices(request: Omit<PlanRequest, "statistics"> & ModelWishes, options: DeviceOptions) {
  const { merchants, ...rest } = request;
  const wishes: ScalePlanRequest = { ...rest, nodes: merchants, cohort: merchants, ...deviceWishes(options) };
  return scalePlan(wishes);
}
