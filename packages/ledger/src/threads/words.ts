/** What the threads that check signatures are told, and what they answer. */

import type { Signatories } from "../verification/signatures.ts";
import type { Failure } from "../verification/state.ts";

/** Whose signatures are checked: `coordinator` alone where what that costs is measured. */
export type Whose = "all" | "coordinator";

export interface Batch {
  /** With the first batch, and with the first one after a change of the roster. */
  readonly signatories?: Signatories;
  readonly whose: Whose;
  readonly lines: readonly (readonly [place: number, line: string])[];
}

export interface BatchAnswer {
  readonly failures: readonly Failure[];
}
