import { fail } from "@tributary/errors";

/**
 * What fixes a model: everything that its graph depends on, and nothing local. `plan.model` is exactly this.
 */
export interface ModelSpec {
  readonly family: "sasrec";
  /** Rows of the item table, without padding row 0. Items share rows by `itemRow` when the catalogue is larger. */
  readonly items: number;
  /** Longest history that the model reads, in input positions. */
  readonly length: number;
  /** Width of the hidden states. */
  readonly width: number;
  readonly blocks: number;
  readonly heads: number;
  /** Width of the feed-forward layer, in multiples of `width`. */
  readonly feedForward: number;
  readonly activation: "relu" | "gelu";
  readonly positions: "learned" | "sinusoidal";
  /** How many actions the action embedding and head know (the length of `plan.actions`); 0: no action input and no action head. */
  readonly actions: number;
  /** How many time-gap buckets there are; 0: no time-gap input. */
  readonly timeGaps: number;
  readonly nextItem: {
    /** How many negatives, shared by everyone in a round, the softmax is taken over; 0: all items. */
    readonly negatives: number;
  };
  /** Weight of the next-action loss beside the next-item loss, in thousandths; 0: no such head. */
  readonly nextActionWeight: number;
}

/**
 * Refuses a model that can't be built, before anything is computed.
 * @throws TRB_TRAINING_SPEC_INVALID
 */
export function checkSpec(spec: ModelSpec): void {
  const refuse = (reason: string): never => {
    throw fail("TRB_TRAINING_SPEC_INVALID", { reason });
  };
  const counts = ["items", "length", "width", "blocks", "heads", "feedForward"] as const;
  for (const name of counts) {
    if (!Number.isInteger(spec[name]) || spec[name] < 1) refuse(`${name} must be a whole number above 0`);
  }
  for (const name of ["actions", "timeGaps", "nextActionWeight"] as const) {
    if (!Number.isInteger(spec[name]) || spec[name] < 0) refuse(`${name} must be a whole number, 0 or more`);
  }
  const { negatives } = spec.nextItem;
  if (!Number.isInteger(negatives) || negatives < 0) refuse("nextItem.negatives must be a whole number, 0 or more");
  if (negatives >= spec.items) refuse("nextItem.negatives must be below items; 0 takes all items");
  // Four floats are one vector register: sums over other widths depend on where in memory, so on whom beside, a customer lies.
  if (spec.width % (4 * spec.heads) !== 0) refuse("width must be a multiple of four times heads");
  if (spec.items < 2) refuse("items must be at least 2");
  if (spec.actions < 2 && spec.nextActionWeight > 0) refuse("a next-action loss needs at least two actions");
}
