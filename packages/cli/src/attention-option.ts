/** The flag that has merchants put attention on top of statistics in their own house. */
import type { AttentionTraining } from "@tributary/simulate";
import { Option } from "commander";

export interface AttentionOptions {
  readonly attention?: boolean;
}

/** Off unless given: what it gains can't be told from chance on the logs that it was measured on, and it takes minutes (docs/utility.md). */
export const attentionOption = () =>
  new Option(
    "--attention",
    "with statistics: in-house, put a fine-tuned attention model on top, alone and joined; each merchant's own validation weighs it",
  );

/** As usual, where it was asked for. */
export const attentionOf = ({ attention }: AttentionOptions): AttentionTraining | undefined =>
  attention === true ? {} : undefined;
