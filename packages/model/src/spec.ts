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
