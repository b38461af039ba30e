/** What a doctor says of one thing. */
import { isTributaryError } from "@tributary/errors";

export interface Finding {
  readonly name: string;
  /** `warning`: it works, and won't for ever, or isn't as it should be. */
  readonly state: "present" | "absent" | "warning" | "broken";
  readonly found: string;
  /** What it is good for. */
  readonly changes: string;
  /** What to do; null where nothing is to be done. */
  readonly advice: string | null;
}

/** A check that can't be made is a finding as well: of the error's code, and what its table says to do. */
export async function checked(name: string, changes: string, check: () => Finding | Promise<Finding>): Promise<Finding> {
  try {
    return await check();
  } catch (error) {
    if (!isTributaryError(error)) throw error;
    return { name, changes, state: "broken", found: `${error.code}: ${error.message}`, advice: error.advice };
  }
}
